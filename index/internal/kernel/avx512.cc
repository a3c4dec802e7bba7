// Scores for processors with AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>

#include "variants.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")))

namespace cone {
namespace {

using Register = __m512;
constexpr int kLanes = 16, kRowsAtOnce = 4, kQueriesAtOnce = 4;

TARGET inline __m512 zero() { return _mm512_setzero_ps(); }
TARGET inline __m512 load(const float *p) { return _mm512_loadu_ps(p); }
TARGET inline __m512 load(const Half *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
}
TARGET inline __m512 load(const int8_t *p) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p))));
}
TARGET inline __m512 fma(__m512 a, __m512 b, __m512 sum) { return _mm512_fmadd_ps(a, b, sum); }
TARGET inline float sum(__m512 v) { return _mm512_reduce_add_ps(v); }

#include "scores.h"

}  // namespace

Scores *const scores_avx512 = scores;

}  // namespace cone
#endif
