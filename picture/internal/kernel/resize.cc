// The driver of the resampling kernel, and its portable variant.
#include "resize.h"

#include <cstring>

#include "kernel.h"

namespace cone {
namespace {

void prepare(const Axis &, int, uint8_t *) {}

template <int C>
void row_of(const uint8_t *row, uint8_t *out, const Axis &axis) {
  for (int i = 0; i < axis.size; i++) {
    const int32_t *weight = axis.weight + size_t(i) * axis.taps;
    const uint8_t *p = row + size_t(axis.start[i]) * C;
    int32_t sum[C];
    for (int c = 0; c < C; c++) sum[c] = kHalf;
    for (int t = 0; t < axis.count[i]; t++, p += C)
      for (int c = 0; c < C; c++) sum[c] += weight[t] * p[c];
    for (int c = 0; c < C; c++) *out++ = clip(sum[c]);
  }
}

void row_of_any(const uint8_t *row, uint8_t *out, const Axis &axis, int channels) {
  for (int i = 0; i < axis.size; i++) {
    const int32_t *weight = axis.weight + size_t(i) * axis.taps;
    for (int c = 0; c < channels; c++) {
      const uint8_t *p = row + size_t(axis.start[i]) * channels + c;
      int32_t sum = kHalf;
      for (int t = 0; t < axis.count[i]; t++, p += channels) sum += weight[t] * *p;
      *out++ = clip(sum);
    }
  }
}

void horizontal(const uint8_t *const *rows, uint8_t *out, size_t stride, const Axis &axis,
                int channels, const uint8_t *) {
  for (int r = 0; r < kRows; r++, out += stride) {
    if (r > 0 && rows[r] == rows[r - 1]) break;  // the last rows, repeated to fill the block
    switch (channels) {
      case 1: row_of<1>(rows[r], out, axis); break;
      case 3: row_of<3>(rows[r], out, axis); break;
      case 4: row_of<4>(rows[r], out, axis); break;
      default: row_of_any(rows[r], out, axis, channels);
    }
  }
}

void vertical(uint8_t *out, const uint8_t *rows, size_t stride, int count, const int32_t *weight,
              size_t bytes) {
  constexpr size_t kBlock = 256;
  int32_t sum[kBlock];
  for (size_t at = 0; at < bytes; at += kBlock) {
    size_t n = bytes - at < kBlock ? bytes - at : kBlock;
    for (size_t i = 0; i < n; i++) sum[i] = kHalf;
    for (int t = 0; t < count; t++) {
      const uint8_t *row = rows + t * stride + at;
      const int32_t w = weight[t];
      for (size_t i = 0; i < n; i++) sum[i] += w * row[i];
    }
    for (size_t i = 0; i < n; i++) out[at + i] = clip(sum[i]);
  }
}

size_t rounded(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

// Source gives the rows of an image such that kSlack bytes past the end of each
// may be read: the last rows, whose neighbourhood is not ours, are copied.
class Source {
 public:
  Source(const uint8_t *src, size_t length, int height, size_t row, size_t stride, uint8_t *copies)
      : src_(src), row_(row), stride_(stride), copies_(copies), first_(height) {
    while (first_ > 0 && (first_ - 1) * stride + row + kSlack > length) first_--;
    for (int y = first_; y < height; y++)
      std::memcpy(copies + size_t(y - first_) * (row + kSlack), src + size_t(y) * stride, row);
  }
  const uint8_t *operator[](int y) const {
    return y < first_ ? src_ + size_t(y) * stride_
                      : copies_ + size_t(y - first_) * (row_ + kSlack);
  }

 private:
  const uint8_t *src_;
  size_t row_, stride_;
  uint8_t *copies_;
  int first_;
};

void resize(const Variant &v, uint8_t *dst, int out_height, int out_width, const uint8_t *src,
            size_t length, size_t step, int height, int width, int channels, const Axis &x,
            const Axis &y, uint8_t *memory) {
  const size_t row = size_t(width) * channels, out_row = size_t(out_width) * channels;
  if (!x.start) {
    for (int i = 0; i < out_height; i++)
      v.vertical(dst + i * out_row, src + y.start[i] * step, step, y.count[i],
                 y.weight + size_t(i) * y.taps, out_row);
    return;
  }
  // Only rows that the vertical pass reads are worth a horizontal one.
  const int first = y.start ? y.start[0] : 0;
  const int end = y.start ? y.start[y.size - 1] + y.count[y.size - 1] : height;
  const size_t stride = rounded(out_row, 64) + kSlack;
  memory += (64 - (reinterpret_cast<uintptr_t>(memory) & 63)) & 63;
  uint8_t *middle = memory;
  memory += rounded(end - first, kRows) * stride;
  const Source rows(src, length, height, row, step, memory);
  memory += rounded((kSlack + row) * ((kSlack + row - 1) / row), 64);
  v.prepare(x, channels, memory);

  int done = 0;
  for (int i = 0; i < out_height; i++) {
    const int from = y.start ? y.start[i] - first : i;
    const int count = y.start ? y.count[i] : 1;
    for (; done < from + count; done += kRows) {
      const uint8_t *block[kRows];
      for (int r = 0; r < kRows; r++) {
        const int at = first + done + r;
        block[r] = rows[at < end ? at : end - 1];
      }
      v.horizontal(block, middle + size_t(done) * stride, stride, x, channels, memory);
    }
    const uint8_t *mixed = middle + size_t(from) * stride;
    if (y.start)
      v.vertical(dst + i * out_row, mixed, stride, count, y.weight + size_t(i) * y.taps, out_row);
    else
      std::memcpy(dst + i * out_row, mixed, out_row);
  }
}

}  // namespace

const Variant portable = {prepare, horizontal, vertical};

}  // namespace cone

int cone_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni"))
    return 2;
  if (__builtin_cpu_supports("avx2")) return 1;
#endif
  return 0;
}

void cone_resize(int level, uint8_t *dst, int out_height, int out_width, const uint8_t *src,
                 size_t length, size_t stride, int height, int width, int channels,
                 const int32_t *x_start,
                 const int32_t *x_count, const int32_t *x_weight, int x_taps,
                 const int32_t *y_start, const int32_t *y_count, const int32_t *y_weight,
                 int y_taps, uint8_t *memory) {
  const cone::Axis x = {x_start, x_count, x_weight, out_width, x_taps};
  const cone::Axis y = {y_start, y_count, y_weight, out_height, y_taps};
  const cone::Variant *v = &cone::portable;
  (void)level;
#if defined(__x86_64__)
  if (level == 1) v = &cone::avx2;
  if (level == 2) v = &cone::avx512;
#endif
  cone::resize(*v, dst, out_height, out_width, src, length, stride, height, width, channels, x, y,
               memory);
}
