// What the variants share.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace cone {

// Half is an IEEE 754 binary16.
struct Half {
  uint16_t bits;
};

using Scores = void(int type, const void *vectors, size_t stride, int rows, const float *scales,
                    const float *queries, int count, float *scores);
extern Scores *const scores_avx2, *const scores_avx512;

}  // namespace cone
