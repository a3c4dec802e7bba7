// Decoding of windows of JPEG files with libjpeg-turbo.
#ifndef CONE_JPEG_DECODER_H
#define CONE_JPEG_DECODER_H

#include <stddef.h>

typedef struct cone_jpeg cone_jpeg;

// What to decode. The picture's size and components are those that the caller
// read from the header; the window is in pixels at a scale of eighths/8.
typedef struct {
  int picture_height, picture_width, components;
  int eighths;
  int top, left, height, width;
  int most_scans;
  int plain;  // leave all to libjpeg
} cone_jpeg_window;

enum {
  CONE_JPEG_DONE,
  CONE_JPEG_DAMAGED,         // cone_jpeg_message says how
  CONE_JPEG_TRUNCATED,
  CONE_JPEG_TOO_MANY_SCANS,
};

// Null when there is no memory, or the library is not the header's.
cone_jpeg *cone_jpeg_new(void);
void cone_jpeg_free(cone_jpeg *);

// Decodes a window into out, height × width × 3 bytes of RGB. Left and width
// must be such that jpeg_crop_scanline keeps them.
int cone_jpeg_decode(cone_jpeg *, const unsigned char *content, size_t length,
                     const cone_jpeg_window *, unsigned char *out);

const char *cone_jpeg_message(const cone_jpeg *);
long cone_jpeg_warnings(const cone_jpeg *);

#endif
