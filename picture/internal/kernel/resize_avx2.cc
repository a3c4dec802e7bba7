// The resampling kernel for processors with AVX2.
//
// VPMADDWD adds two products of int16 values in each int32 lane, so a 22-bit
// weight is split into high·2¹¹ + low; the sums of both parts are exact.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "resize.h"

#define TARGET __attribute__((target("avx2")))

namespace cone {
namespace {

constexpr int kLow = 11;

// Pairs are the weights of four taps: two int16 in each entry.
struct Pairs {
  int32_t high[2], low[2];
};

inline int32_t pair(int32_t a, int32_t b) { return int32_t(uint32_t(a & 0xffff) | uint32_t(b) << 16); }

inline Pairs pairs(const int32_t *w) {
  constexpr int32_t mask = (1 << kLow) - 1;
  return {{pair(w[0] >> kLow, w[1] >> kLow), pair(w[2] >> kLow, w[3] >> kLow)},
          {pair(w[0] & mask, w[1] & mask), pair(w[2] & mask, w[3] & mask)}};
}

void prepare(const Axis &axis, int channels, uint8_t *memory) {
  if (channels != 3) return;
  Pairs *table = reinterpret_cast<Pairs *>(memory);
  for (size_t i = 0; i < size_t(axis.size) * axis.taps; i += 4) *table++ = pairs(axis.weight + i);
}

// mix is one output pixel of two rows, in the two halves: r, g, b and a spare.
TARGET inline __m256i mix(const uint8_t *row0, const uint8_t *row1, int count, const Pairs *weight,
                          __m256i first, __m256i second) {
  __m256i high = _mm256_setzero_si256(), low = _mm256_set1_epi32(kHalf);
  for (int t = 0; t < count; t += 4, weight++, row0 += 12, row1 += 12) {
    const __m256i p = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(row0))),
        _mm_loadu_si128(reinterpret_cast<const __m128i *>(row1)), 1);
    const __m256i a = _mm256_shuffle_epi8(p, first), b = _mm256_shuffle_epi8(p, second);
    high = _mm256_add_epi32(high, _mm256_madd_epi16(a, _mm256_set1_epi32(weight->high[0])));
    low = _mm256_add_epi32(low, _mm256_madd_epi16(a, _mm256_set1_epi32(weight->low[0])));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(b, _mm256_set1_epi32(weight->high[1])));
    low = _mm256_add_epi32(low, _mm256_madd_epi16(b, _mm256_set1_epi32(weight->low[1])));
  }
  return _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, kLow), low), kBits);
}

TARGET void horizontal(const uint8_t *const *rows, uint8_t *out, size_t stride, const Axis &axis,
                       int channels, const uint8_t *memory) {
  if (channels != 3) return portable.horizontal(rows, out, stride, axis, channels, memory);
  const Pairs *table = reinterpret_cast<const Pairs *>(memory);
  const int groups = axis.taps / 4;
  // Words of the first two pixels, and of the next two, by channel.
  const __m256i first = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
  const __m256i second = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
  const __m256i packed = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  for (int r = 0; r < kRows; r += 2) {
    uint8_t *to0 = out + r * stride, *to1 = to0 + stride;
    for (int i = 0; i < axis.size; i += 4, to0 += 12, to1 += 12) {
      __m256i pixel[4];
      for (int j = 0; j < 4; j++) {
        const int at = i + j < axis.size ? i + j : axis.size - 1;
        const size_t from = size_t(axis.start[at]) * 3;
        pixel[j] = mix(rows[r] + from, rows[r + 1] + from, axis.count[at],
                       table + size_t(at) * groups, first, second);
      }
      __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(pixel[0], pixel[1]),
                                          _mm256_packs_epi32(pixel[2], pixel[3]));
      bytes = _mm256_shuffle_epi8(bytes, packed);
      _mm_storeu_si128(reinterpret_cast<__m128i *>(to0), _mm256_castsi256_si128(bytes));
      _mm_storeu_si128(reinterpret_cast<__m128i *>(to1), _mm256_extracti128_si256(bytes, 1));
    }
  }
}

TARGET inline __m256i load(const uint8_t *p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
}

TARGET inline void columns(uint8_t *out, const uint8_t *rows, size_t stride, int count,
                           const Pairs *weight) {
  __m256i high[4], low[4];
  const __m256i zero = _mm256_setzero_si256();
  for (int q = 0; q < 4; q++) {
    high[q] = zero;
    low[q] = _mm256_set1_epi32(kHalf);
  }
  for (int t = 0; t < count; t += 2) {
    const int32_t h = weight[t / 4].high[t / 2 % 2], l = weight[t / 4].low[t / 2 % 2];
    const __m256i a = load(rows + t * stride);
    // A weight past the last row is 0: which row it meets doesn't matter.
    const __m256i b = load(rows + (t + 1 < count ? t + 1 : t) * stride);
    const __m256i ab0 = _mm256_unpacklo_epi8(a, b), ab1 = _mm256_unpackhi_epi8(a, b);
    const __m256i words[4] = {_mm256_unpacklo_epi8(ab0, zero), _mm256_unpackhi_epi8(ab0, zero),
                              _mm256_unpacklo_epi8(ab1, zero), _mm256_unpackhi_epi8(ab1, zero)};
    for (int q = 0; q < 4; q++) {
      high[q] = _mm256_add_epi32(high[q], _mm256_madd_epi16(words[q], _mm256_set1_epi32(h)));
      low[q] = _mm256_add_epi32(low[q], _mm256_madd_epi16(words[q], _mm256_set1_epi32(l)));
    }
  }
  __m256i sum[4];
  for (int q = 0; q < 4; q++)
    sum[q] = _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(high[q], kLow), low[q]), kBits);
  const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(sum[0], sum[1]),
                                            _mm256_packs_epi32(sum[2], sum[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), bytes);
}

TARGET void vertical(uint8_t *out, const uint8_t *rows, size_t stride, int count,
                     const int32_t *weight, size_t bytes) {
  constexpr int kGroups = 64;
  if (bytes < 32 || count > 4 * kGroups)
    return portable.vertical(out, rows, stride, count, weight, bytes);
  Pairs group[kGroups];
  for (int t = 0; t < count; t += 4) group[t / 4] = pairs(weight + t);
  for (size_t at = 0;; at += 32) {
    // The last block overlaps the one before rather than being cut.
    if (at > bytes - 32) at = bytes - 32;
    columns(out + at, rows + at, stride, count, group);
    if (at == bytes - 32) return;
  }
}

}  // namespace

const Variant avx2 = {prepare, horizontal, vertical};

}  // namespace cone
#endif
