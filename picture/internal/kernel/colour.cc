// Colour, pixel by pixel. Loops work on blocks of planar values, which the
// compiler turns into vector code.
#include "clone.h"
#include "kernel.h"

namespace {

constexpr size_t kBlock = 64;

struct Block {
  uint8_t r[kBlock], g[kBlock], b[kBlock];
};

BODY split(Block &p, const uint8_t *rgb, size_t n) {
  if (n == kBlock) {
    for (size_t i = 0; i < kBlock; i++) {
      p.r[i] = rgb[3 * i];
      p.g[i] = rgb[3 * i + 1];
      p.b[i] = rgb[3 * i + 2];
    }
    return;
  }
  p = {};
  for (size_t i = 0; i < n; i++) {
    p.r[i] = rgb[3 * i];
    p.g[i] = rgb[3 * i + 1];
    p.b[i] = rgb[3 * i + 2];
  }
}

BODY join(uint8_t *rgb, const Block &p, size_t n) {
  for (size_t i = 0; i < n; i++) {
    rgb[3 * i] = p.r[i];
    rgb[3 * i + 1] = p.g[i];
    rgb[3 * i + 2] = p.b[i];
  }
}

// ITU-R 601 in 16-bit fixed point, as Pillow's Convert.c has it.
inline __attribute__((always_inline)) int luma_of(int r, int g, int b) {
  return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
}

inline __attribute__((always_inline)) uint8_t mix(int from, int to, float factor) {
  float v = float(from) + factor * float(to - from);
  v = v < 0 ? 0 : v > 255 ? 255 : v;
  return uint8_t(int(v));
}

BODY grey_body(uint8_t *rgb, size_t pixels) {
  for (size_t at = 0; at < pixels; at += kBlock) {
    const size_t n = pixels - at < kBlock ? pixels - at : kBlock;
    Block p;
    split(p, rgb + 3 * at, n);
    for (size_t i = 0; i < kBlock; i++)
      p.r[i] = p.g[i] = p.b[i] = uint8_t(luma_of(p.r[i], p.g[i], p.b[i]));
    join(rgb + 3 * at, p, n);
  }
}

BODY luma_sum_to_body(const uint8_t *rgb, size_t pixels, uint64_t *sum) {
  *sum = 0;
  for (size_t at = 0; at < pixels; at += kBlock) {
    Block p;
    // Black fills the last block, and its luma is 0.
    split(p, rgb + 3 * at, pixels - at < kBlock ? pixels - at : kBlock);
    int part = 0;
    for (size_t i = 0; i < kBlock; i++) part += luma_of(p.r[i], p.g[i], p.b[i]);
    *sum += part;
  }
}

BODY saturate_body(uint8_t *rgb, size_t pixels, float factor) {
  for (size_t at = 0; at < pixels; at += kBlock) {
    const size_t n = pixels - at < kBlock ? pixels - at : kBlock;
    Block p;
    split(p, rgb + 3 * at, n);
    for (size_t i = 0; i < kBlock; i++) {
      const int l = luma_of(p.r[i], p.g[i], p.b[i]);
      p.r[i] = mix(l, p.r[i], factor);
      p.g[i] = mix(l, p.g[i], factor);
      p.b[i] = mix(l, p.b[i], factor);
    }
    join(rgb + 3 * at, p, n);
  }
}

// Hue, saturation and value, in the terms of Pillow's 8-bit HSV.
struct Colours {
  int32_t hue[kBlock], saturation[kBlock], value[kBlock];
};

// Which steps are float and which double is Pillow's choice (rgb2hsv_row and
// hsv2rgb in Convert.c), and decides the last bit. Choices are written as
// values that replace others: branches would keep vectors away.
BODY to_hsv(Colours &out, const Block &in) {
  for (size_t i = 0; i < kBlock; i++) {
    const int r = in.r[i], g = in.g[i], b = in.b[i];
    const int rg = r > g ? r : g, low_rg = r < g ? r : g;
    const int v = rg > b ? rg : b, low = low_rg < b ? low_rg : b;
    const float range = float(v - low + (v == low));
    const float rc = float(v - r) / range, gc = float(v - g) / range, bc = float(v - b) / range;
    const float at_r = bc - gc, at_g = float(2.0 + double(rc) - double(bc));
    float h = float(4.0 + double(gc) - double(rc));
    h = g == v ? at_g : h;
    h = r == v ? at_r : h;
    double turned = double(h) / 6.0 + 1.0;
    turned -= double(turned >= 1.0);
    h = float(turned);
    const float share = range / float(v + (v == 0));
    out.hue[i] = int(double(h) * 255.0);
    out.saturation[i] = int(double(share) * 255.0) * (v != low);
    out.value[i] = v;
  }
}

BODY to_rgb(Block &out, const Colours &in) {
  for (size_t i = 0; i < kBlock; i++) {
    const double place = double(in.hue[i]) * 6.0 / 255.0;
    const int sector = int(place), v = in.value[i];
    const float f = float(place - double(sector)), s = float(double(in.saturation[i]) / 255.0);
    // Adding a half and truncating rounds as round() does: no value is the
    // number just below a half.
    const int p = int(double(v) * (1.0 - double(s)) + 0.5);
    const int q = int(double(v) * (1.0 - double(s * f)) + 0.5);
    const int t = int(double(v) * (1.0 - double(s) * (1.0 - double(f))) + 0.5);
    // Sector 6 is hue 255, the same as sector 0.
    int r = p, g = p, b = p;
    r = sector == 1 ? q : r;
    r = sector == 4 ? t : r;
    r = ((sector == 0) | (sector >= 5)) ? v : r;
    g = sector == 3 ? q : g;
    g = ((sector == 0) | (sector == 6)) ? t : g;
    g = ((sector == 1) | (sector == 2)) ? v : g;
    b = sector == 2 ? t : b;
    b = sector == 5 ? q : b;
    b = ((sector == 3) | (sector == 4)) ? v : b;
    out.r[i] = uint8_t(r);
    out.g[i] = uint8_t(g);
    out.b[i] = uint8_t(b);
  }
}

BODY hue_body(uint8_t *rgb, size_t pixels, uint8_t shift) {
  for (size_t at = 0; at < pixels; at += kBlock) {
    const size_t n = pixels - at < kBlock ? pixels - at : kBlock;
    Block p;
    Colours c;
    split(p, rgb + 3 * at, n);
    to_hsv(c, p);
    for (size_t i = 0; i < kBlock; i++) c.hue[i] = (c.hue[i] + shift) & 255;
    to_rgb(p, c);
    join(rgb + 3 * at, p, n);
  }
}

BODY mix_body(uint8_t *image, const uint8_t *other, size_t bytes, float own, float rest) {
  for (size_t i = 0; i < bytes; i++) {
    // From 2^23 on there are no fractions: the sum is rounded, halves to even.
    float mixed = image[i] * own + other[i] * rest + 8388608.0f;
    uint32_t bits;
    __builtin_memcpy(&bits, &mixed, 4);
    image[i] = uint8_t(bits);
  }
}

}  // namespace

CLONE(grey, (uint8_t *rgb, size_t pixels), rgb, pixels)
CLONE(luma_sum_to, (const uint8_t *rgb, size_t pixels, uint64_t *sum), rgb, pixels, sum)
CLONE(saturate, (uint8_t *rgb, size_t pixels, float factor), rgb, pixels, factor)
CLONE(mix, (uint8_t *image, const uint8_t *other, size_t bytes, float own, float rest), image, other, bytes, own, rest)
CLONE(hue, (uint8_t *rgb, size_t pixels, uint8_t shift), rgb, pixels, shift)

// A sum that Go hands out by pointer would be allocated anew for each picture.
uint64_t cone_luma_sum(int level, const uint8_t *rgb, size_t pixels) {
  uint64_t sum;
  cone_luma_sum_to(level, rgb, pixels, &sum);
  return sum;
}
