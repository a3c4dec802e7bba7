// Shared by the variants of the resampling kernel. Every variant computes the
// same integers; they differ in speed alone.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cone {

// Weights are fixed point with this many fractional bits.
constexpr int kBits = 22;
constexpr int32_t kHalf = 1 << (kBits - 1);

// Variants may read this many bytes past the last byte of a row that is given
// to horizontal, and write as many past the end of its output rows.
constexpr size_t kSlack = 64;

// Rows that horizontal handles in one call.
constexpr int kRows = 4;

// Axis says how the pixels along one direction are mixed: output i is the sum
// over t < count[i] of weight[i*taps + t] · input start[i]+t. taps is a multiple
// of 4, and weights from count[i] on are 0.
struct Axis {
  const int32_t *start, *count, *weight;
  int size, taps;
};

struct Variant {
  // prepare arranges an axis's weights the way horizontal wants them.
  void (*prepare)(const Axis &axis, int channels, uint8_t *table);
  // horizontal mixes the pixels of kRows rows.
  void (*horizontal)(const uint8_t *const *rows, uint8_t *out, size_t stride, const Axis &axis,
                     int channels, const uint8_t *table);
  // vertical mixes count rows of the given number of bytes into one.
  void (*vertical)(uint8_t *out, const uint8_t *rows, size_t stride, int count,
                   const int32_t *weight, size_t bytes);
};

extern const Variant portable;
#if defined(__x86_64__)
extern const Variant avx2, avx512;
#endif

inline uint8_t clip(int32_t sum) {
  int32_t v = sum >> kBits;
  return static_cast<uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v);
}

}  // namespace cone
