// Encoding of JPEG files with libjpeg-turbo.
#ifndef CONE_JPEG_ENCODER_H
#define CONE_JPEG_ENCODER_H

// Encodes height × width × channels bytes into *out, which the caller frees
// whatever comes of it. Returns whether it is done.
int cone_jpeg_encode(const unsigned char *pixels, int height, int width, int channels, int quality,
                     unsigned char **out, unsigned long *length);

#endif
