// Operations on a pixel's neighbourhood.
#include "clone.h"
#include "kernel.h"

#include <cstring>

namespace {

// Pillow's SMOOTH filter, all ones but a 5 in the middle, over 13, has floats;
// since the sum over 13 is at least 1/26 away from any half, integers round the
// same. The border, which that filter leaves alone, mixes with itself.
BODY sharpen_body(uint8_t *image, int height, int width, int channels, float factor,
                  uint8_t *memory) {
  const size_t row = size_t(width) * channels, c = channels;
  if (height < 3 || width < 3) return;
  std::memcpy(memory, image, row * height);
  for (int y = 1; y < height - 1; y++) {
    const uint8_t *at = memory + y * row, *up = at - row, *down = at + row;
    uint8_t *out = image + y * row;
    for (size_t i = c; i < row - c; i++) {
      const int sum = up[i - c] + up[i] + up[i + c] + at[i - c] + 5 * at[i] + at[i + c] +
                      down[i - c] + down[i] + down[i + c];
      const int smooth = (2 * sum + 13) / 26;
      float v = float(smooth) + factor * float(at[i] - smooth);
      v = v < 0 ? 0 : v > 255 ? 255 : v;
      out[i] = uint8_t(int(v));
    }
  }
}

inline int reflected(int i, int n) {
  if (n == 1) return 0;
  const int period = 2 * (n - 1);
  i %= period;
  if (i < 0) i += period;
  return i < n ? i : period - i;
}

constexpr size_t kBlock = 32;

// Rounds to the nearest integer, ties to even, numbers from 0 to 255: adding
// 1.5·2²³ leaves them in the low bits.
inline __attribute__((always_inline)) uint8_t rounded(float v) {
  const float shifted = v + 12582912.0f;
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  return uint8_t(bits);
}

BODY convolve_body(uint8_t *image, int height, int width, int channels, const float *weights,
                   int size, float *memory) {
  const size_t row = size_t(width) * channels;
  const int half = size / 2;
  float *mixed = memory, *wide = memory + row * height;
  for (int y = 0; y < height; y++) {
    const uint8_t *from = image + y * row;
    for (int x = -half; x < width + half; x++) {
      const uint8_t *pixel = from + size_t(reflected(x, width)) * channels;
      for (int k = 0; k < channels; k++) wide[size_t(x + half) * channels + k] = pixel[k];
    }
    float *out = mixed + y * row;
    for (size_t at = 0; at < row; at += kBlock) {
      if (row - at < kBlock) {
        for (size_t i = at; i < row; i++) {
          float sum = 0;
          for (int k = 0; k < size; k++) sum += weights[k] * wide[i + size_t(k) * channels];
          out[i] = sum;
        }
        break;
      }
      float sum[kBlock] = {};
      for (int k = 0; k < size; k++) {
        const float *p = wide + at + size_t(k) * channels;
        for (size_t i = 0; i < kBlock; i++) sum[i] += weights[k] * p[i];
      }
      std::memcpy(out + at, sum, sizeof sum);
    }
  }
  for (int y = 0; y < height; y++) {
    uint8_t *out = image + y * row;
    for (size_t at = 0; at < row; at += kBlock) {
      const size_t n = row - at < kBlock ? row - at : kBlock;
      float sum[kBlock] = {};
      for (int k = 0; k < size; k++) {
        const float *p = mixed + reflected(y + k - half, height) * row + at;
        if (n == kBlock)
          for (size_t i = 0; i < kBlock; i++) sum[i] += weights[k] * p[i];
        else
          for (size_t i = 0; i < n; i++) sum[i] += weights[k] * p[i];
      }
      for (size_t i = 0; i < n; i++) out[at + i] = rounded(sum[i]);
    }
  }
}

inline int clamped(int i, int n) { return i < 0 ? 0 : i < n ? i : n - 1; }

// One pass along a line. What lies beyond its ends equals the end pixels.
BODY box_line(uint8_t *out, const uint8_t *in, int n, int channels, int radius, uint32_t whole,
              uint32_t edge) {
  for (int c = 0; c < channels; c++, in++, out++) {
    // The box about pixel −1.
    uint32_t sum = uint32_t(in[0]) * uint32_t(radius + 1);
    const int inner = radius < n ? radius : n;
    for (int x = 0; x < inner; x++) sum += in[size_t(x) * channels];
    sum += uint32_t(in[size_t(n - 1) * channels]) * uint32_t(radius - inner);
    for (int x = 0; x < n; x++) {
      const uint8_t left = in[size_t(clamped(x - radius - 1, n)) * channels];
      sum += in[size_t(clamped(x + radius, n)) * channels] - uint32_t(left);
      const uint8_t right = in[size_t(clamped(x + radius + 1, n)) * channels];
      out[size_t(x) * channels] =
          uint8_t((sum * whole + uint32_t(left + right) * edge + (1u << 23)) >> 24);
    }
  }
}

// One pass down all columns.
BODY box_columns(uint8_t *out, const uint8_t *in, int n, size_t row, int radius, uint32_t whole,
                 uint32_t edge, uint32_t *sums) {
  const int inner = radius < n ? radius : n;
  const uint8_t *last = in + (n - 1) * row;
  for (size_t i = 0; i < row; i++)
    sums[i] = uint32_t(in[i]) * uint32_t(radius + 1) + uint32_t(last[i]) * uint32_t(radius - inner);
  for (int y = 0; y < inner; y++)
    for (size_t i = 0; i < row; i++) sums[i] += in[y * row + i];
  for (int y = 0; y < n; y++, out += row) {
    const uint8_t *above = in + clamped(y - radius - 1, n) * row;
    const uint8_t *add = in + clamped(y + radius, n) * row;
    const uint8_t *below = in + clamped(y + radius + 1, n) * row;
    for (size_t i = 0; i < row; i++) {
      const uint32_t sum = sums[i] + add[i] - above[i];
      sums[i] = sum;
      out[i] = uint8_t((sum * whole + uint32_t(above[i] + below[i]) * edge + (1u << 23)) >> 24);
    }
  }
}

BODY box_blur_body(uint8_t *image, int height, int width, int channels, int radius, uint32_t whole,
                   uint32_t edge, int passes, uint8_t *memory, uint32_t *sums) {
  const size_t row = size_t(width) * channels;
  uint8_t *line[2] = {memory, memory + row};
  for (int y = 0; y < height; y++) {
    uint8_t *at = image + y * row;
    std::memcpy(line[0], at, row);
    for (int p = 0; p < passes; p++)
      box_line(line[(p + 1) % 2], line[p % 2], width, channels, radius, whole, edge);
    std::memcpy(at, line[passes % 2], row);
  }
  uint8_t *whole_image[2] = {image, memory + 2 * row};
  for (int p = 0; p < passes; p++)
    box_columns(whole_image[(p + 1) % 2], whole_image[p % 2], height, row, radius, whole, edge,
                sums);
  if (passes % 2) std::memcpy(image, whole_image[1], row * height);
}

}  // namespace

CLONE(sharpen,
      (uint8_t * image, int height, int width, int channels, float factor, uint8_t *memory),
      image, height, width, channels, factor, memory)
CLONE(convolve,
      (uint8_t * image, int height, int width, int channels, const float *weights, int size,
       float *memory),
      image, height, width, channels, weights, size, memory)
CLONE(box_blur,
      (uint8_t * image, int height, int width, int channels, int radius, uint32_t whole,
       uint32_t edge, int passes, uint8_t *memory, uint32_t *sums),
      image, height, width, channels, radius, whole, edge, passes, memory, sums)
