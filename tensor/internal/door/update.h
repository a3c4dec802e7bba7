// What the operators that walk over all weights of a network share.
#pragma once
#include <ATen/ATen.h>

#include <vector>

// Compiled for the widest registers of each machine, chosen when the program loads.
#define CONE_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3", "no-math-errno")))

namespace cone {

// Chunk is a stretch of one tensor's memory: what a thread takes at a time.
struct Chunk {
  int tensor;
  int64_t start, length;
};

std::vector<Chunk> chunks(at::TensorList tensors);

// Elements are walked in the order of memory, so partners must lie alike.
void check_alike(const at::Tensor &a, const at::Tensor &b, const char *what);
void check_alike(at::TensorList a, at::TensorList b, const char *what);

// The gradients in their parameters' own layout.
std::vector<at::Tensor> aligned(at::TensorList parameters, at::TensorList gradients);

template <class T>
struct SGD {
  T rate, momentum, decay, scale;
  bool nesterov;
};

void sgd_row(float *p, const float *g, float *m, int64_t n, SGD<float> s);
void sgd_row(double *p, const double *g, double *m, int64_t n, SGD<double> s);

// The sum of squares in float64.
double squares_row(const float *v, int64_t n);
double squares_row(const double *v, int64_t n);

}  // namespace cone
