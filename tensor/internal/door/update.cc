// Operators of our own for what walks over all weights of a network: one pass
// over memory for a whole optimizer step, one for a moving average. They are
// called through the dispatcher like libtorch's.
#include "update.h"

#include <ATen/Parallel.h>
#include <torch/library.h>

#include <cmath>

namespace cone {

constexpr int64_t kChunk = 1 << 15;  // elements: a few chunks fit into L2

std::vector<Chunk> chunks(at::TensorList tensors) {
  std::vector<Chunk> out;
  for (size_t i = 0; i < tensors.size(); i++) {
    int64_t n = tensors[i].numel();
    for (int64_t at = 0; at < n; at += kChunk)
      out.push_back({static_cast<int>(i), at, std::min(kChunk, n - at)});
  }
  return out;
}

void check_alike(const at::Tensor &a, const at::Tensor &b, const char *what) {
  TORCH_CHECK(a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes(), what, ": ", a.toString(),
              a.sizes(), " and ", b.toString(), b.sizes(), " do not match");
  TORCH_CHECK(a.strides() == b.strides() && a.is_non_overlapping_and_dense(), what,
              ": the tensors lie differently in memory");
}

void check_alike(at::TensorList a, at::TensorList b, const char *what) {
  TORCH_CHECK(a.size() == b.size(), what, ": lists of different lengths");
  for (size_t i = 0; i < a.size(); i++) check_alike(a[i], b[i], what);
}

std::vector<at::Tensor> aligned(at::TensorList parameters, at::TensorList gradients) {
  TORCH_CHECK(parameters.size() == gradients.size(), "gradient: lists of different lengths");
  std::vector<at::Tensor> out;
  out.reserve(gradients.size());
  for (size_t i = 0; i < gradients.size(); i++) {
    const at::Tensor &g = gradients[i];
    TORCH_CHECK(g.sizes() == parameters[i].sizes() && g.scalar_type() == parameters[i].scalar_type(), "gradient: ",
                g.toString(), g.sizes(), " does not match ", parameters[i].toString(), parameters[i].sizes());
    if (g.strides() == parameters[i].strides()) out.push_back(g);
    else out.push_back(at::empty_like(parameters[i]).copy_(g));
    check_alike(parameters[i], out.back(), "gradient");
  }
  return out;
}

#define CONE_SGD_ROW(T)                                                                        \
  CONE_WIDE void sgd_row(T *__restrict p, const T *__restrict g, T *__restrict m, int64_t n,   \
                         SGD<T> s) {                                                           \
    if (s.nesterov) {                                                                          \
      for (int64_t i = 0; i < n; i++) {                                                        \
        T d = g[i] * s.scale + s.decay * p[i];                                                 \
        T v = s.momentum * m[i] + d;                                                           \
        m[i] = v;                                                                              \
        p[i] -= s.rate * (d + s.momentum * v);                                                 \
      }                                                                                        \
    } else {                                                                                   \
      for (int64_t i = 0; i < n; i++) {                                                        \
        T v = s.momentum * m[i] + (g[i] * s.scale + s.decay * p[i]);                           \
        m[i] = v;                                                                              \
        p[i] -= s.rate * v;                                                                    \
      }                                                                                        \
    }                                                                                          \
  }
CONE_SGD_ROW(float)
CONE_SGD_ROW(double)

#define CONE_SQUARES_ROW(T)                                      \
  CONE_WIDE double squares_row(const T *__restrict v, int64_t n) { \
    double s[8] = {0};                                           \
    int64_t i = 0;                                               \
    for (; i + 8 <= n; i += 8)                                   \
      for (int j = 0; j < 8; j++) s[j] += double(v[i + j]) * double(v[i + j]); \
    for (; i < n; i++) s[0] += double(v[i]) * double(v[i]);      \
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])); \
  }
CONE_SQUARES_ROW(float)
CONE_SQUARES_ROW(double)

}  // namespace cone

namespace {

using namespace cone;

#define CONE_AVERAGE_ROW(T)                                                                 \
  CONE_WIDE void average_row(T *__restrict a, const T *__restrict v, int64_t n, T keep, T take) { \
    for (int64_t i = 0; i < n; i++) a[i] = keep * a[i] + take * v[i];                       \
  }
CONE_AVERAGE_ROW(float)
CONE_AVERAGE_ROW(double)

// sgd_: d = scale·g + decay·p; m = momentum·m + d; p -= rate·(m, or d + momentum·m with Nesterov).
void sgd_(at::TensorList parameters, at::TensorList gradients, at::TensorList momenta, double rate,
          double momentum, double decay, bool nesterov, double scale) {
  check_alike(parameters, momenta, "momentum");
  if (parameters.empty()) return;
  auto grads = aligned(parameters, gradients);
  auto work = chunks(parameters);
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "sgd_", [&] {
    SGD<scalar_t> s{scalar_t(rate), scalar_t(momentum), scalar_t(decay), scalar_t(scale), nesterov};
    at::parallel_for(0, work.size(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; c++) {
        const Chunk &k = work[c];
        sgd_row(parameters[k.tensor].data_ptr<scalar_t>() + k.start,
                grads[k.tensor].data_ptr<scalar_t>() + k.start,
                momenta[k.tensor].data_ptr<scalar_t>() + k.start, k.length, s);
      }
    });
  });
}

// average_: a = keep·a + (1 − keep)·v.
void average_(at::TensorList averages, at::TensorList values, double keep) {
  if (averages.empty()) return;
  check_alike(averages, values, "average");
  auto work = chunks(averages);
  AT_DISPATCH_FLOATING_TYPES(averages[0].scalar_type(), "average_", [&] {
    at::parallel_for(0, work.size(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; c++) {
        const Chunk &k = work[c];
        average_row(averages[k.tensor].data_ptr<scalar_t>() + k.start,
                    values[k.tensor].data_ptr<scalar_t>() + k.start, k.length, scalar_t(keep),
                    scalar_t(1 - keep));
      }
    });
  });
}

// l2_norm over all elements of all tensors, in float64. Partial sums are added
// in one order whatever the number of threads.
double l2_norm(at::TensorList tensors) {
  if (tensors.empty()) return 0;
  auto work = chunks(tensors);
  std::vector<double> part(work.size());
  for (const auto &t : tensors) TORCH_CHECK(t.is_non_overlapping_and_dense(), "the tensor has gaps");
  AT_DISPATCH_FLOATING_TYPES(tensors[0].scalar_type(), "l2_norm", [&] {
    at::parallel_for(0, work.size(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; c++)
        part[c] = squares_row(tensors[work[c].tensor].data_ptr<scalar_t>() + work[c].start, work[c].length);
    });
  });
  double sum = 0;
  for (double p : part) sum += p;
  return std::sqrt(sum);
}

}  // namespace

TORCH_LIBRARY(cone, m) {
  m.def("sgd_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] momenta, float rate, "
        "float momentum, float decay, bool nesterov, float scale) -> ()");
  m.def("average_(Tensor(a!)[] averages, Tensor[] values, float keep) -> ()");
  m.def("l2_norm(Tensor[] tensors) -> float");
}

TORCH_LIBRARY_IMPL(cone, CPU, m) {
  m.impl("sgd_", sgd_);
  m.impl("average_", average_);
  m.impl("l2_norm", l2_norm);
}
