// The choice of a variant, and the portable one.
#include "kernel.h"

#include <cstring>

#include "variants.h"

#define TARGET

namespace cone {
namespace {

// Register's loops become the vector instructions that every processor has.
constexpr int kLanes = 4, kRowsAtOnce = 2, kQueriesAtOnce = 2;
struct Register {
  float lane[kLanes];
};

inline float value(float v) { return v; }
inline float value(int8_t v) { return v; }

// value of a binary16: what its bits mean as a float is 2⁻¹¹² of it, subnormal
// or not.
inline float value(Half h) {
  const uint32_t bits = uint32_t(h.bits & 0x7fff) << 13 | uint32_t(h.bits & 0x8000) << 16;
  float v;
  std::memcpy(&v, &bits, sizeof v);
  return v * 0x1p112f;
}

inline Register zero() { return {}; }
template <typename T>
inline Register load(const T *p) {
  Register v;
  for (int i = 0; i < kLanes; i++) v.lane[i] = value(p[i]);
  return v;
}
inline Register fma(Register a, Register b, Register sum) {
  for (int i = 0; i < kLanes; i++) sum.lane[i] += a.lane[i] * b.lane[i];
  return sum;
}
inline float sum(Register v) { return (v.lane[0] + v.lane[1]) + (v.lane[2] + v.lane[3]); }

#include "scores.h"

}  // namespace
}  // namespace cone

int cone_scores_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("f16c"))
    return 0;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
             ? 2
             : 1;
#else
  return 0;
#endif
}

void cone_scores(int level, int type, const void *vectors, size_t stride, int rows,
                 const float *scales, const float *queries, int count, float *scores) {
  cone::Scores *choice = cone::scores;
  (void)level;
#if defined(__x86_64__)
  if (level == 1) choice = cone::scores_avx2;
  if (level == 2) choice = cone::scores_avx512;
#endif
  choice(type, vectors, stride, rows, scales, queries, count, scores);
}
