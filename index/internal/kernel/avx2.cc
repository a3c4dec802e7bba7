// Scores for processors with AVX2, FMA and F16C.
#if defined(__x86_64__)
#include <immintrin.h>

#include "variants.h"

#define TARGET __attribute__((target("avx2,fma,f16c")))

namespace cone {
namespace {

using Register = __m256;
constexpr int kLanes = 8, kRowsAtOnce = 4, kQueriesAtOnce = 2;

TARGET inline __m256 zero() { return _mm256_setzero_ps(); }
TARGET inline __m256 load(const float *p) { return _mm256_loadu_ps(p); }
TARGET inline __m256 load(const Half *p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
}
TARGET inline __m256 load(const int8_t *p) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(p))));
}
TARGET inline __m256 fma(__m256 a, __m256 b, __m256 sum) { return _mm256_fmadd_ps(a, b, sum); }
TARGET inline float sum(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

#include "scores.h"

}  // namespace

Scores *const scores_avx2 = scores;

}  // namespace cone
#endif
