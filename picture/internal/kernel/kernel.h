// The C face of the pixel kernels. Pointers are to memory of the caller, kept
// by nobody. Images are rows of packed pixels, without gaps.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The best variant of this processor: 0 portable, 1 AVX2, 2 AVX-512 (VNNI, VBMI).
int cone_level(void);

// Resamples src, the rows of which begin stride bytes apart, in memory that may
// be read up to length. An axis whose start is NULL is left alone. memory is aligned
// inside; kernel.go says how much it takes.
void cone_resize(int level, uint8_t *dst, int out_height, int out_width, const uint8_t *src,
                 size_t length, size_t stride, int height, int width, int channels,
                 const int32_t *x_start,
                 const int32_t *x_count, const int32_t *x_weight, int x_taps,
                 const int32_t *y_start, const int32_t *y_count, const int32_t *y_weight,
                 int y_taps, uint8_t *memory);

// Pillow's affine transforms: output pixel (x, y) takes what src has at
// (ax+by+c, dx+ey+f), x and y being the middles of pixels. filter is 0 nearest,
// 1 bilinear, 2 bicubic; the bytes of fill go where src has nothing. channels is 1
// or 3.
void cone_affine(int level, uint8_t *dst, const uint8_t *src, int height, int width, int channels,
                 double a, double b, double c, double d, double e, double f, int filter,
                 uint32_t fill);

// libm's, as Python's: Go's own may differ in the last bit.
double cone_cos(double radians);
double cone_sin(double radians);

// Makes the channels of RGB pixels equal their luma, Pillow's mode L.
void cone_grey(int level, uint8_t *rgb, size_t pixels);

// Returns the sum of the luma of RGB pixels.
uint64_t cone_luma_sum(int level, const uint8_t *rgb, size_t pixels);

// Mixes RGB pixels, in place, with their luma: luma + factor·(pixel − luma).
void cone_saturate(int level, uint8_t *rgb, size_t pixels, float factor);

// Makes an image, in place, own·image + rest·other, rounded, halves to even. The
// sums must not exceed 255.
void cone_mix(int level, uint8_t *image, const uint8_t *other, size_t bytes, float own, float rest);

// Adds shift, modulo 256, to the hue of RGB pixels in place.
void cone_hue(int level, uint8_t *rgb, size_t pixels, uint8_t shift);

// Mixes an image, in place, with its smoothed self: smooth + factor·(image − smooth).
// memory has the size of the image.
void cone_sharpen(int level, uint8_t *image, int height, int width, int channels, float factor,
                  uint8_t *memory);

// Convolves both directions, in place, with size weights, in float32; beyond the
// borders the image is mirrored, the border pixels being there once. memory has
// height·width·channels + (width + size)·channels entries.
void cone_convolve(int level, uint8_t *image, int height, int width, int channels,
                   const float *weights, int size, float *memory);

// Blurs both directions, in place, passes times with a box of 2·radius+1 pixels
// that weigh whole/2²⁴ and one on either side of edge/2²⁴. memory has
// height·width·channels + 2·width·channels bytes, sums width·channels entries.
void cone_box_blur(int level, uint8_t *image, int height, int width, int channels, int radius,
                   uint32_t whole, uint32_t edge, int passes, uint8_t *memory, uint32_t *sums);

#ifdef __cplusplus
}
#endif
