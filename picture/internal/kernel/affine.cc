// Affine transforms as Pillow's Geometry.c computes them: with double precision
// between pixels, in fixed point for the nearest pixel.
#include "clone.h"
#include "kernel.h"

#include <cmath>
#include <cstring>

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed to inlined functions alone
#define INLINE static inline __attribute__((always_inline))

namespace {

struct Matrix {
  double a, b, c, d, e, f;
};

// The number of channels is known to the compiler: a loop over it costs more
// than what it does.
template <int C>
struct Picture {
  const uint8_t *pixels, *end;
  int height, width;
};

typedef double Doubles __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(16)));
typedef uint8_t Bytes __attribute__((vector_size(16)));

// The channels of an RGB pixel side by side; the fourth is of no account.
struct RGB {
  typedef Doubles Value;
  INLINE Doubles load(const uint8_t *p, const uint8_t *end) {
    uint32_t bytes;
    if (end - p < 4) {
      bytes = p[0] | p[1] << 8 | p[2] << 16;
    } else {
      std::memcpy(&bytes, p, 4);
    }
    // Interleaving with zeros widens the bytes.
    const Bytes v = reinterpret_cast<Bytes>(Ints{int32_t(bytes), 0, 0, 0});
#if defined(__clang__)
    const Bytes wide = __builtin_shufflevector(v, v, 0, 4, 4, 4, 1, 4, 4, 4, 2, 4, 4, 4, 3, 4, 4, 4);
#else
    const Bytes wide = __builtin_shuffle(v, Bytes{0, 4, 4, 4, 1, 4, 4, 4, 2, 4, 4, 4, 3, 4, 4, 4});
#endif
    return __builtin_convertvector(reinterpret_cast<Ints>(wide), Doubles);
  }
  INLINE void store(uint8_t *out, const Doubles &value) {
    Doubles v = value < 0.0 ? value - value : value;
    v = v > 255.0 ? v - v + 255.0 : v;
    const Ints n = __builtin_convertvector(v, Ints);
    for (int c = 0; c < 3; c++) out[c] = uint8_t(n[c]);
  }
};

struct Single {
  typedef double Value;
  INLINE double load(const uint8_t *p, const uint8_t *) { return *p; }
  INLINE void store(uint8_t *out, double v) {
    *out = v <= 0 ? 0 : v >= 255 ? 255 : uint8_t(int(v));
  }
};

INLINE int clamped(int i, int n) { return i < 0 ? 0 : i < n ? i : n - 1; }

template <class T>
INLINE T between(const T &a, const T &b, double share) {
  return a + (b - a) * share;
}

template <class T>
INLINE T spline(const T &v1, const T &v2, const T &v3, const T &v4, double at) {
  const T p2 = -v1 + v3, p3 = 2.0 * (v1 - v2) + v3 - v4, p4 = -v1 + v2 - v3 + v4;
  return v2 + at * (p2 + at * (p3 + at * p4));
}

// Mixes the four or sixteen pixels about (x, y), which lies in the picture. The
// ground is the pixel to the upper left; rows beyond the last repeat what was
// mixed before, columns their border pixel.
template <class P, bool kCubic, int C>
INLINE void sample(uint8_t *out, const Picture<C> &src, double x, double y) {
  x -= 0.5;
  y -= 0.5;
  const int left = x < 0 ? -1 : int(x), top = y < 0 ? -1 : int(y);
  const double dx = x - left, dy = y - top;
  constexpr int kTaps = kCubic ? 4 : 2, kBefore = kCubic ? 1 : 0;
  size_t at[kTaps];
  for (int t = 0; t < kTaps; t++)
    at[t] = size_t(clamped(left - kBefore + t, src.width)) * C;
  typename P::Value row[kTaps];
  for (int t = 0; t < kTaps; t++) {
    const int line = top - kBefore + t;
    if (t > 0 && (line < 0 || line >= src.height)) {
      row[t] = row[t - 1];
      continue;
    }
    const uint8_t *in = src.pixels + size_t(clamped(line, src.height)) * src.width * C;
    if constexpr (kCubic)
      row[t] = spline(P::load(in + at[0], src.end), P::load(in + at[1], src.end),
                      P::load(in + at[2], src.end), P::load(in + at[3], src.end), dx);
    else
      row[t] = between(P::load(in + at[0], src.end), P::load(in + at[1], src.end), dx);
  }
  if constexpr (kCubic)
    P::store(out, spline(row[0], row[1], row[2], row[3], dy));
  else
    P::store(out, between(row[0], row[1], dy));
}

template <class P, bool kCubic, int C>
BODY smooth(uint8_t *out, const Picture<C> &src, const Matrix &m, const uint8_t *fill) {
  for (int row = 0; row < src.height; row++) {
    const double v = row + 0.5, x_row = m.b * v, y_row = m.e * v;
    for (int column = 0; column < src.width; column++, out += C) {
      const double u = column + 0.5;
      const double x = m.a * u + x_row + m.c, y = m.d * u + y_row + m.f;
      if (!(x >= 0 && x < src.width && y >= 0 && y < src.height)) {
        for (int c = 0; c < C; c++) out[c] = fill[c];
        continue;
      }
      sample<P, kCubic>(out, src, x, y);
    }
  }
}

// pick copies the pixel that holds (x, y).
template <int C>
INLINE void pick(uint8_t *out, const Picture<C> &src, bool inside, int x, int y,
                 const uint8_t *fill) {
  const uint8_t *from = inside ? src.pixels + (size_t(y) * src.width + x) * C : fill;
  for (int c = 0; c < C; c++) out[c] = from[c];
}

INLINE int64_t fixed(double v) { return int64_t(std::floor(v * 65536.0 + 0.5)); }

template <int C>
BODY nearest_fixed(uint8_t *out, const Picture<C> &src, const Matrix &m, const uint8_t *fill) {
  const int64_t a = fixed(m.a), b = fixed(m.b), d = fixed(m.d), e = fixed(m.e);
  int64_t x_row = fixed(m.c + m.a * 0.5 + m.b * 0.5), y_row = fixed(m.f + m.d * 0.5 + m.e * 0.5);
  for (int row = 0; row < src.height; row++, x_row += b, y_row += e) {
    int64_t x = x_row, y = y_row;
    for (int column = 0; column < src.width; column++, out += C, x += a, y += d) {
      const bool inside = x >> 16 >= 0 && x >> 16 < src.width && y >> 16 >= 0 && y >> 16 < src.height;
      pick(out, src, inside, int(x >> 16), int(y >> 16), fill);
    }
  }
}

template <int C>
BODY nearest_float(uint8_t *out, const Picture<C> &src, const Matrix &m, const uint8_t *fill) {
  double x_row = m.c + m.b * 0.5 + m.a * 0.5, y_row = m.f + m.e * 0.5 + m.d * 0.5;
  for (int row = 0; row < src.height; row++, x_row += m.b, y_row += m.e) {
    double x = x_row, y = y_row;
    for (int column = 0; column < src.width; column++, out += C, x += m.a, y += m.d) {
      const bool inside = x >= 0 && x < src.width && y >= 0 && y < src.height;
      pick(out, src, inside, inside ? int(x) : 0, inside ? int(y) : 0, fill);
    }
  }
}

bool fits_fixed(const Matrix &m, int x, int y) {
  return std::fabs(x * m.a + y * m.b + m.c) < 32768.0 &&
         std::fabs(x * m.d + y * m.e + m.f) < 32768.0;
}

template <int C, class P>
BODY transform(uint8_t *dst, const uint8_t *pixels, int height, int width, const Matrix &m,
               int filter, const uint8_t *fill) {
  const Picture<C> src = {pixels, pixels + size_t(height) * width * C, height, width};
  if (filter == 1) return smooth<P, false>(dst, src, m, fill);
  if (filter == 2) return smooth<P, true>(dst, src, m, fill);
  // Pillow steps through pure scaling, and through what is too large for 16 bits
  // before the point, in floating point.
  const bool scaling = m.b == 0 && m.d == 0;
  if (!scaling && fits_fixed(m, 0, 0) && fits_fixed(m, width, height) &&
      fits_fixed(m, 0, height) && fits_fixed(m, width, 0))
    nearest_fixed(dst, src, m, fill);
  else
    nearest_float(dst, src, m, fill);
}

BODY affine_body(uint8_t *dst, const uint8_t *src, int height, int width, int channels, double a,
                 double b, double c, double d, double e, double f, int filter, uint32_t colour) {
  const Matrix m = {a, b, c, d, e, f};
  const uint8_t fill[3] = {uint8_t(colour), uint8_t(colour >> 8), uint8_t(colour >> 16)};
  if (channels == 3)
    transform<3, RGB>(dst, src, height, width, m, filter, fill);
  else
    transform<1, Single>(dst, src, height, width, m, filter, fill);
}

}  // namespace

CLONE(affine,
      (uint8_t * dst, const uint8_t *src, int height, int width, int channels, double a, double b,
       double c, double d, double e, double f, int filter, uint32_t fill),
      dst, src, height, width, channels, a, b, c, d, e, f, filter, fill)

double cone_cos(double radians) { return std::cos(radians); }
double cone_sin(double radians) { return std::sin(radians); }
