// The C face of the kernels. Pointers are to memory of the caller, kept by
// nobody.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The best variant of this processor: 0 portable, 1 AVX2, 2 AVX-512.
int cone_scores_level(void);

// Writes to scores, count×rows, the products of count queries, each of
// stride/type floats, with rows vectors that lie stride bytes apart, a multiple
// of 64. type is the bytes of a value: 1 int8, times scales, 2 binary16, 4 float.
void cone_scores(int level, int type, const void *vectors, size_t stride, int rows,
                 const float *scales, const float *queries, int count, float *scores);

#ifdef __cplusplus
}
#endif
