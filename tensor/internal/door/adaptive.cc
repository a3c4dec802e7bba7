// The adaptive optimizers' steps, each over all weights of a network: AdamW
// and RMSprop in one pass over memory, LAMB and LARS in two, for they need
// each tensor's norms before they move it.
#include "update.h"

#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <functional>

// Said to have no side effects (nobody reads the errno of a square root), or
// the loops that take them would not be made for wide registers.
extern "C" __attribute__((const)) float sqrtf(float) noexcept;
extern "C" __attribute__((const)) double sqrt(double) noexcept;

namespace {

using namespace cone;

// walk calls row for every chunk, sharing them out among the threads.
void walk(const std::vector<Chunk> &work, const std::function<void(size_t, const Chunk &)> &row) {
  at::parallel_for(0, work.size(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; c++) row(c, work[c]);
  });
}

// norms adds the chunks' sums of squares in one order whatever the number of
// threads, and takes the root for each tensor.
std::vector<double> norms(const std::vector<Chunk> &work, const std::vector<double> &squares, size_t tensors) {
  std::vector<double> out(tensors);
  for (size_t c = 0; c < work.size(); c++) out[work[c].tensor] += squares[c];
  for (double &n : out) n = std::sqrt(n);
  return out;
}

template <class T>
struct Adam {
  T beta1, beta2, take1, take2;  // take is 1 − beta
  T correct1, correct2;          // 1/(1 − beta1^t) and 1/sqrt(1 − beta2^t)
  T epsilon, scale;
  T rate, decay;

  Adam(double rate, double beta1, double beta2, double epsilon, double decay, int64_t step, double scale)
      : beta1(beta1), beta2(beta2), take1(1 - beta1), take2(1 - beta2),
        correct1(1 / (1 - std::pow(beta1, double(step)))),
        correct2(1 / std::sqrt(1 - std::pow(beta2, double(step)))),
        epsilon(epsilon), scale(scale), rate(rate), decay(decay) {}
};

#define CONE_ADAMW_ROW(T, SQRT)                                                                      \
  CONE_WIDE void adamw_row(T *__restrict p, const T *__restrict g, T *__restrict m, T *__restrict v, \
                           int64_t n, Adam<T> s) {                                                   \
    const T keep = 1 - s.rate * s.decay, step = s.rate * s.correct1;                                 \
    for (int64_t i = 0; i < n; i++) {                                                                \
      T d = g[i] * s.scale;                                                                          \
      T mean = s.beta1 * m[i] + s.take1 * d;                                                         \
      T square = s.beta2 * v[i] + s.take2 * d * d;                                                   \
      m[i] = mean;                                                                                   \
      v[i] = square;                                                                                 \
      p[i] = keep * p[i] - step * mean / (SQRT(square) * s.correct2 + s.epsilon);                    \
    }                                                                                                \
  }
CONE_ADAMW_ROW(float, sqrtf)
CONE_ADAMW_ROW(double, sqrt)

// The gradient gives way to the update, which waits for its norm.
#define CONE_LAMB_ROW(T, SQRT)                                                                       \
  CONE_WIDE void lamb_row(const T *__restrict p, T *__restrict g, T *__restrict m, T *__restrict v,  \
                          int64_t n, Adam<T> s) {                                                    \
    for (int64_t i = 0; i < n; i++) {                                                                \
      T d = g[i] * s.scale;                                                                          \
      T mean = s.beta1 * m[i] + s.take1 * d;                                                         \
      T square = s.beta2 * v[i] + s.take2 * d * d;                                                   \
      m[i] = mean;                                                                                   \
      v[i] = square;                                                                                 \
      g[i] = mean * s.correct1 / (SQRT(square) * s.correct2 + s.epsilon) + s.decay * p[i];           \
    }                                                                                                \
  }                                                                                                  \
  CONE_WIDE void move_row(T *__restrict p, const T *__restrict u, int64_t n, T rate) {               \
    for (int64_t i = 0; i < n; i++) p[i] -= rate * u[i];                                             \
  }
CONE_LAMB_ROW(float, sqrtf)
CONE_LAMB_ROW(double, sqrt)

template <class T>
struct RMSprop {
  T alpha, take, epsilon, momentum, decay, scale;
  T before, after;  // the rate, multiplied in before or after the momentum; the other is 1
  bool inside;      // epsilon under the root
};

constexpr int64_t kBlock = 512;  // elements whose steps lie between the short loops

// means and momenta are null where there is no centring and no momentum.
#define CONE_RMSPROP_ROW(T, SQRT)                                                                    \
  CONE_WIDE void rmsprop_block(T *__restrict p, const T *__restrict g, T *__restrict squares,        \
                               T *__restrict means, T *__restrict momenta, int64_t n, RMSprop<T> s) { \
    T step[kBlock], spread[kBlock];                                                                  \
    for (int64_t i = 0; i < n; i++) {                                                                \
      step[i] = g[i] * s.scale + s.decay * p[i];                                                     \
      squares[i] = spread[i] = s.alpha * squares[i] + s.take * step[i] * step[i];                    \
    }                                                                                                \
    if (means)                                                                                       \
      for (int64_t i = 0; i < n; i++) {                                                              \
        T a = s.alpha * means[i] + s.take * step[i];                                                 \
        means[i] = a;                                                                                \
        T variance = spread[i] - a * a; /* which rounding may take below zero */                     \
        spread[i] = variance < 0 ? 0 : variance;                                                     \
      }                                                                                              \
    if (s.inside)                                                                                    \
      for (int64_t i = 0; i < n; i++) step[i] *= s.before / SQRT(spread[i] + s.epsilon);             \
    else                                                                                             \
      for (int64_t i = 0; i < n; i++) step[i] *= s.before / (SQRT(spread[i]) + s.epsilon);           \
    if (momenta)                                                                                     \
      for (int64_t i = 0; i < n; i++) momenta[i] = step[i] = s.momentum * momenta[i] + step[i];      \
    for (int64_t i = 0; i < n; i++) p[i] -= s.after * step[i];                                       \
  }                                                                                                  \
  void rmsprop_row(T *p, const T *g, T *squares, T *means, T *momenta, int64_t n, RMSprop<T> s) {    \
    for (int64_t i = 0; i < n; i += kBlock)                                                          \
      rmsprop_block(p + i, g + i, squares + i, means ? means + i : nullptr,                          \
                    momenta ? momenta + i : nullptr, std::min(kBlock, n - i), s);                    \
  }
CONE_RMSPROP_ROW(float, sqrtf)
CONE_RMSPROP_ROW(double, sqrt)

// adamw_: p *= 1 − rate·decay; m and v move; p -= rate·m̂/(√v̂ + epsilon).
void adamw_(at::TensorList parameters, at::TensorList gradients, at::TensorList means, at::TensorList squares,
            double rate, double beta1, double beta2, double epsilon, double decay, int64_t step, double scale) {
  check_alike(parameters, means, "first moment");
  check_alike(parameters, squares, "second moment");
  if (parameters.empty()) return;
  auto grads = aligned(parameters, gradients);
  auto work = chunks(parameters);
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "adamw_", [&] {
    Adam<scalar_t> s(rate, beta1, beta2, epsilon, decay, step, scale);
    walk(work, [&](size_t, const Chunk &k) {
      auto at = [&](const at::Tensor &t) { return t.data_ptr<scalar_t>() + k.start; };
      adamw_row(at(parameters[k.tensor]), at(grads[k.tensor]), at(means[k.tensor]), at(squares[k.tensor]), k.length, s);
    });
  });
}

// lamb_: u = m̂/(√v̂ + epsilon) + decay·p; p -= rate·(‖p‖/‖u‖)·u, each norm
// over one tensor. The gradients' memory ends up holding u.
void lamb_(at::TensorList parameters, at::TensorList gradients, at::TensorList means, at::TensorList squares,
           double rate, double beta1, double beta2, double epsilon, double decay, int64_t step, double scale,
           bool adapt, bool clip) {
  check_alike(parameters, means, "first moment");
  check_alike(parameters, squares, "second moment");
  if (parameters.empty()) return;
  auto grads = aligned(parameters, gradients);
  auto work = chunks(parameters);
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "lamb_", [&] {
    Adam<scalar_t> s(rate, beta1, beta2, epsilon, decay, step, scale);
    std::vector<double> of_weights(work.size()), of_updates(work.size());
    walk(work, [&](size_t c, const Chunk &k) {
      auto at = [&](const at::Tensor &t) { return t.data_ptr<scalar_t>() + k.start; };
      lamb_row(at(parameters[k.tensor]), at(grads[k.tensor]), at(means[k.tensor]), at(squares[k.tensor]), k.length, s);
      if (!adapt) return;
      of_weights[c] = squares_row(at(parameters[k.tensor]), k.length);
      of_updates[c] = squares_row(at(grads[k.tensor]), k.length);
    });
    auto weights = norms(work, of_weights, parameters.size()), updates = norms(work, of_updates, parameters.size());
    walk(work, [&](size_t, const Chunk &k) {
      double trust = 1, w = weights[k.tensor], u = updates[k.tensor];
      if (adapt && w > 0 && u > 0) trust = clip ? std::min(1.0, w / u) : w / u;
      move_row(parameters[k.tensor].data_ptr<scalar_t>() + k.start,
               grads[k.tensor].data_ptr<scalar_t>() + k.start, k.length, scalar_t(rate * trust));
    });
  });
}

// lars_: sgd_ whose decayed gradient is multiplied by the tensor's trust
// ratio, trust·‖p‖/(‖g‖ + decay·‖p‖ + epsilon).
void lars_(at::TensorList parameters, at::TensorList gradients, at::TensorList momenta, double rate,
           double momentum, double decay, bool nesterov, double scale, double trust, double epsilon, bool adapt,
           bool clip) {
  check_alike(parameters, momenta, "momentum");
  if (parameters.empty()) return;
  auto grads = aligned(parameters, gradients);
  auto work = chunks(parameters);
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "lars_", [&] {
    std::vector<double> of_weights(work.size()), of_gradients(work.size());
    if (adapt)
      walk(work, [&](size_t c, const Chunk &k) {
        of_weights[c] = squares_row(parameters[k.tensor].data_ptr<scalar_t>() + k.start, k.length);
        of_gradients[c] = squares_row(grads[k.tensor].data_ptr<scalar_t>() + k.start, k.length);
      });
    auto weights = norms(work, of_weights, parameters.size()), slopes = norms(work, of_gradients, parameters.size());
    walk(work, [&](size_t, const Chunk &k) {
      double ratio = 1, w = weights[k.tensor], g = scale * slopes[k.tensor];
      if (adapt) {
        if (w > 0 && g > 0) ratio = trust * w / (g + decay * w + epsilon);
        if (clip) ratio = std::min(1.0, ratio / rate);
      }
      SGD<scalar_t> s{scalar_t(rate), scalar_t(momentum), scalar_t(decay * ratio), scalar_t(scale * ratio), nesterov};
      auto at = [&](const at::Tensor &t) { return t.data_ptr<scalar_t>() + k.start; };
      sgd_row(at(parameters[k.tensor]), at(grads[k.tensor]), at(momenta[k.tensor]), k.length, s);
    });
  });
}

// rmsprop_: the gradient over the root of its mean square; means and momenta
// are empty without centring and without momentum.
void rmsprop_(at::TensorList parameters, at::TensorList gradients, at::TensorList squares, at::TensorList means,
              at::TensorList momenta, double rate, double alpha, double epsilon, double momentum, double decay,
              double scale, bool tensorflow) {
  check_alike(parameters, squares, "mean square");
  if (!means.empty()) check_alike(parameters, means, "mean");
  if (!momenta.empty()) check_alike(parameters, momenta, "momentum");
  if (parameters.empty()) return;
  auto grads = aligned(parameters, gradients);
  auto work = chunks(parameters);
  AT_DISPATCH_FLOATING_TYPES(parameters[0].scalar_type(), "rmsprop_", [&] {
    RMSprop<scalar_t> s{scalar_t(alpha), scalar_t(1 - alpha), scalar_t(epsilon), scalar_t(momentum), scalar_t(decay),
                        scalar_t(scale), scalar_t(tensorflow ? rate : 1), scalar_t(tensorflow ? 1 : rate), tensorflow};
    walk(work, [&](size_t, const Chunk &k) {
      auto at = [&](const at::Tensor &t) { return t.data_ptr<scalar_t>() + k.start; };
      rmsprop_row(at(parameters[k.tensor]), at(grads[k.tensor]), at(squares[k.tensor]),
                  means.empty() ? nullptr : at(means[k.tensor]),
                  momenta.empty() ? nullptr : at(momenta[k.tensor]), k.length, s);
    });
  });
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(cone, m) {
  m.def("adamw_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] means, Tensor(c!)[] squares, float rate, "
        "float beta1, float beta2, float epsilon, float decay, int step, float scale) -> ()");
  m.def("lamb_(Tensor(a!)[] parameters, Tensor(d!)[] gradients, Tensor(b!)[] means, Tensor(c!)[] squares, float rate, "
        "float beta1, float beta2, float epsilon, float decay, int step, float scale, bool adapt, bool clip) -> ()");
  m.def("lars_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] momenta, float rate, float momentum, "
        "float decay, bool nesterov, float scale, float trust, float epsilon, bool adapt, bool clip) -> ()");
  m.def("rmsprop_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] squares, Tensor(c!)[] means, "
        "Tensor(d!)[] momenta, float rate, float alpha, float epsilon, float momentum, float decay, float scale, "
        "bool tensorflow) -> ()");
}

TORCH_LIBRARY_IMPL(cone, CPU, m) {
  m.impl("adamw_", adamw_);
  m.impl("lamb_", lamb_);
  m.impl("lars_", lars_);
  m.impl("rmsprop_", rmsprop_);
}
