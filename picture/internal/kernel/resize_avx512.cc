// The resampling kernel for processors with AVX-512 VNNI and VBMI.
//
// VPDPBUSD adds four products of a uint8 and an int8 to each int32 lane, so a
// 22-bit weight is split into three signed base-256 digits: the sum of a
// pixel's products is s2·2¹⁶ + s1·2⁸ + s0 with exact s2, s1, s0. The largest
// weight of a bicubic filter, clipped at a border and normalised, is below 1.2,
// so the top digit fits. Wrap-around in between is harmless: the total is what
// int32 arithmetic gives.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "resize.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vnni")))

namespace cone {
namespace {

// Step mixes 64 source bytes into the 16 lanes of one vector: each lane has the
// indices of four bytes, and the digits of their weights.
struct alignas(64) Step {
  uint32_t index[16];
  uint32_t digit[3][16];
};

// Block is one vector of output: steps that read at base, base+advance, ….
struct Block {
  int32_t base, steps;
};

// Table is the head of the prepared memory; blocks and steps follow. Where the
// scale is moderate, the 16 lanes are the channels of 16/C neighbouring output
// pixels. Where one load cannot hold their sources, the lanes are the channels
// of 4-tap groups of a single output pixel, added up at the end.
struct Table {
  int32_t blocks, pixels, groups, advance;
  const Block *block() const { return reinterpret_cast<const Block *>(this + 1); }
  Block *block() { return reinterpret_cast<Block *>(this + 1); }
};

template <typename T>
T *aligned(T *p) {
  return reinterpret_cast<T *>((reinterpret_cast<uintptr_t>(p) + 63) & ~uintptr_t(63));
}

// Digits are a group of four taps' weights: each digit's four bytes in one lane.
struct Digits {
  uint32_t digit[3];
};

inline Digits digits(const int32_t *weight) {
  // Adding 128 in every digit's place makes the digits unsigned; flipping
  // their top bits makes them signed again.
  Digits d = {};
  for (int t = 0; t < 4; t++) {
    const uint32_t w = (uint32_t(weight[t]) + 0x808080u) ^ 0x808080u;
    for (int i = 0; i < 3; i++) d.digit[i] |= (w >> (8 * i) & 0xff) << (8 * t);
  }
  return d;
}

// Sets the lanes of all channels of a group of four pixels, the first of which
// lies at byte from; lane is that of channel 0.
inline void set(Step &s, int lane, int channels, int from, const int32_t *weight) {
  const Digits d = digits(weight);
  const uint32_t four = uint32_t(from) * 0x01010101u + uint32_t(channels) * 0x03020100u;
  for (int c = 0; c < channels; c++) {
    s.index[lane + c] = four + uint32_t(c) * 0x01010101u;
    for (int i = 0; i < 3; i++) s.digit[i][lane + c] = d.digit[i];
  }
}

// Neighbouring pixels share a block when their taps lie close enough.
bool neighbours_fit(const Axis &axis, int channels, int pixels) {
  for (int i = 0; i < axis.size; i += pixels) {
    const int last = i + pixels < axis.size ? i + pixels - 1 : axis.size - 1;
    const int span = axis.start[last] - axis.start[i];  // negative when mirrored
    if (((span < 0 ? -span : span) + 4) * channels > 64) return false;
  }
  return true;
}

void prepare_neighbours(const Axis &axis, int channels, Table *table) {
  Block *block = table->block();
  Step *step = reinterpret_cast<Step *>(aligned(block + table->blocks));
  for (int i = 0; i < axis.size; i += table->pixels, block++) {
    const int n = i + table->pixels < axis.size ? table->pixels : axis.size - i;
    int first = axis.start[i], count = 0;
    for (int p = i; p < i + n; p++) {
      if (axis.start[p] < first) first = axis.start[p];
      if (axis.count[p] > count) count = axis.count[p];
    }
    *block = {first * channels, (count + 3) / 4};
    for (int g = 0; g < block->steps; g++, step++) {
      if (n * channels < 16) std::memset(step, 0, sizeof *step);
      for (int p = 0; p < n; p++)
        set(*step, p * channels, channels, (axis.start[i + p] - first) * channels,
            axis.weight + size_t(i + p) * axis.taps + 4 * g);
    }
  }
}

void prepare_single(const Axis &axis, int channels, Table *table) {
  Block *block = table->block();
  Step *step = reinterpret_cast<Step *>(aligned(block + table->blocks));
  const int taps = table->groups * 4;
  for (int i = 0; i < axis.size; i++, block++) {
    *block = {axis.start[i] * channels, (axis.count[i] + taps - 1) / taps};
    for (int s = 0; s < block->steps; s++, step++) {
      std::memset(step, 0, sizeof *step);
      for (int g = 0; g < table->groups; g++) {
        const int tap = s * taps + g * 4;
        if (tap < axis.count[i])
          set(*step, g * channels, channels, g * 4 * channels,
              axis.weight + size_t(i) * axis.taps + tap);
      }
    }
  }
}

void prepare(const Axis &axis, int channels, uint8_t *memory) {
  if (channels > 4) return;
  Table *table = reinterpret_cast<Table *>(memory);
  table->pixels = 16 / channels;
  if (neighbours_fit(axis, channels, table->pixels)) {
    table->groups = 1;
    table->advance = 4 * channels;
    table->blocks = (axis.size + table->pixels - 1) / table->pixels;
    prepare_neighbours(axis, channels, table);
  } else {
    table->pixels = 1;
    table->groups = 16 / channels;
    table->advance = 4 * channels * table->groups;
    table->blocks = axis.size;
    prepare_single(axis, channels, table);
  }
}

TARGET inline __m512i join(__m512i s2, __m512i s1, __m512i s0) {
  const __m512i high = _mm512_add_epi32(_mm512_slli_epi32(s2, 8), s1);
  return _mm512_add_epi32(_mm512_slli_epi32(high, 8), s0);
}

// Adds up the groups of a single output pixel into its channels, the first lanes.
TARGET inline __m512i fold(__m512i v, int channels) {
#define SHIFTED(v, lanes) _mm512_alignr_epi32(v, v, lanes)
  if (channels == 3) {
    const __m512i pairs = _mm512_add_epi32(v, SHIFTED(v, 6));
    return _mm512_add_epi32(_mm512_add_epi32(pairs, SHIFTED(pairs, 3)), SHIFTED(v, 12));
  }
  v = _mm512_add_epi32(v, SHIFTED(v, 8));
  v = _mm512_add_epi32(v, SHIFTED(v, 4));
  if (channels < 4) v = _mm512_add_epi32(v, SHIFTED(v, 2));
  if (channels < 2) v = _mm512_add_epi32(v, SHIFTED(v, 1));
  return v;
#undef SHIFTED
}

TARGET void horizontal(const uint8_t *const *rows, uint8_t *out, size_t stride, const Axis &axis,
                       int channels, const uint8_t *memory) {
  if (channels > 4) return portable.horizontal(rows, out, stride, axis, channels, memory);
  const Table &table = *reinterpret_cast<const Table *>(memory);
  const Step *step = reinterpret_cast<const Step *>(aligned(table.block() + table.blocks));
  const uint8_t *row0 = rows[0], *row1 = rows[1], *row2 = rows[2], *row3 = rows[3];
  const __m512i zero = _mm512_setzero_si512();
  for (int b = 0; b < table.blocks; b++) {
    __m512i low[4], middle[4], high[4];
    for (int r = 0; r < 4; r++) low[r] = middle[r] = high[r] = zero;
    int at = table.block()[b].base;
    for (int s = 0; s < table.block()[b].steps; s++, step++, at += table.advance) {
      const __m512i index = _mm512_load_si512(step->index);
      const __m512i d0 = _mm512_load_si512(step->digit[0]);
      const __m512i d1 = _mm512_load_si512(step->digit[1]);
      const __m512i d2 = _mm512_load_si512(step->digit[2]);
      const uint8_t *row[4] = {row0, row1, row2, row3};
      for (int r = 0; r < 4; r++) {
        const __m512i p = _mm512_permutexvar_epi8(index, _mm512_loadu_si512(row[r] + at));
        low[r] = _mm512_dpbusd_epi32(low[r], p, d0);
        middle[r] = _mm512_dpbusd_epi32(middle[r], p, d1);
        high[r] = _mm512_dpbusd_epi32(high[r], p, d2);
      }
    }
    for (int r = 0; r < 4; r++) {
      __m512i sum = join(high[r], middle[r], low[r]);
      if (table.groups > 1) sum = fold(sum, channels);
      sum = _mm512_srai_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(kHalf)), kBits);
      const __m128i bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(sum, zero));
      _mm_storeu_si128(reinterpret_cast<__m128i *>(out + r * stride), bytes);
    }
    out += table.pixels * channels;
  }
}

TARGET inline void columns(uint8_t *out, const uint8_t *rows, size_t stride, int count,
                           const Digits *weight, __mmask64 mask) {
  __m512i low[4], middle[4], high[4];
  for (int q = 0; q < 4; q++) {
    low[q] = _mm512_set1_epi32(kHalf);
    middle[q] = high[q] = _mm512_setzero_si512();
  }
  for (int t = 0; t < count; t += 4, weight++) {
    // Weights past the last row are 0: which row they meet doesn't matter.
    const int last = count - 1 - t;
    const uint8_t *p = rows + t * stride;
    const __m512i a = _mm512_maskz_loadu_epi8(mask, p);
    const __m512i b = _mm512_maskz_loadu_epi8(mask, p + (last < 1 ? last : 1) * stride);
    const __m512i c = _mm512_maskz_loadu_epi8(mask, p + (last < 2 ? last : 2) * stride);
    const __m512i d = _mm512_maskz_loadu_epi8(mask, p + (last < 3 ? last : 3) * stride);
    const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
    const __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
    const __m512i quad[4] = {
        _mm512_unpacklo_epi16(ab0, cd0), _mm512_unpackhi_epi16(ab0, cd0),
        _mm512_unpacklo_epi16(ab1, cd1), _mm512_unpackhi_epi16(ab1, cd1)};
    const __m512i d0 = _mm512_set1_epi32(weight->digit[0]);
    const __m512i d1 = _mm512_set1_epi32(weight->digit[1]);
    const __m512i d2 = _mm512_set1_epi32(weight->digit[2]);
    for (int q = 0; q < 4; q++) {
      low[q] = _mm512_dpbusd_epi32(low[q], quad[q], d0);
      middle[q] = _mm512_dpbusd_epi32(middle[q], quad[q], d1);
      high[q] = _mm512_dpbusd_epi32(high[q], quad[q], d2);
    }
  }
  __m512i sum[4];
  for (int q = 0; q < 4; q++) sum[q] = _mm512_srai_epi32(join(high[q], middle[q], low[q]), kBits);
  // Packing undoes the order that unpacking made, and clips.
  const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(sum[0], sum[1]),
                                            _mm512_packs_epi32(sum[2], sum[3]));
  if (mask == ~__mmask64(0))
    _mm512_storeu_si512(out, bytes);
  else
    _mm512_mask_storeu_epi8(out, mask, bytes);
}

TARGET void vertical(uint8_t *out, const uint8_t *rows, size_t stride, int count,
                     const int32_t *weight, size_t bytes) {
  constexpr int kGroups = 64;
  if (count > 4 * kGroups) return portable.vertical(out, rows, stride, count, weight, bytes);
  Digits group[kGroups];
  for (int t = 0; t < count; t += 4) group[t / 4] = digits(weight + t);
  const __mmask64 all = ~__mmask64(0);
  if (bytes < 64) return columns(out, rows, stride, count, group, all >> (64 - bytes));
  for (size_t at = 0;; at += 64) {
    // The last block overlaps the one before rather than being cut.
    if (at > bytes - 64) at = bytes - 64;
    columns(out + at, rows + at, stride, count, group, all);
    if (at == bytes - 64) return;
  }
}

}  // namespace

const Variant avx512 = {prepare, horizontal, vertical};

}  // namespace cone
#endif
