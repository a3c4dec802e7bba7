// Batch norm over the images of all ranks, as torch.nn.SyncBatchNorm. On a CPU
// it is composed of sums over the ranks: of images, values and squares on the
// way forward, of gradients and gradients times normalised values on the way
// back. The sums are float64, where squares lose nothing of a float32's
// variance. On a GPU libtorch's own kernels do it.
#include "group.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#define CONE_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))

namespace {

using namespace cone;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// How channels lie in memory: outer × channels × inner.
struct Layout {
  int64_t outer, channels, inner;

  explicit Layout(const at::Tensor &x) : outer(x.size(0)), channels(x.size(1)), inner(1) {
    for (int64_t d = 2; d < x.dim(); d++) inner *= x.size(d);
    if (x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
      outer *= inner;
      inner = 1;
    }
  }
  int64_t count() const { return outer * inner; }  // values per channel
};

at::Tensor dense(const at::Tensor &x) { return x.contiguous(x.suggest_memory_format()); }

// One per channel.
template <class T>
struct Lines {
  std::vector<T> scale, centre, slope, shift;
};

// dx = scale·dy + slope·(x − centre) + shift, channel by channel.
#define CONE_BACK_ROW(T)                                                                            \
  CONE_WIDE void back_row(const T *__restrict dy, const T *__restrict x, T *__restrict dx,          \
                          const T *__restrict scale, const T *__restrict centre,                    \
                          const T *__restrict slope, const T *__restrict shift, int64_t n) {        \
    for (int64_t i = 0; i < n; i++) dx[i] = scale[i] * dy[i] + slope[i] * (x[i] - centre[i]) + shift[i]; \
  }                                                                                                 \
  CONE_WIDE void back_plane(const T *__restrict dy, const T *__restrict x, T *__restrict dx, T scale, \
                            T centre, T slope, T shift, int64_t n) {                                \
    for (int64_t i = 0; i < n; i++) dx[i] = scale * dy[i] + slope * (x[i] - centre) + shift;        \
  }
CONE_BACK_ROW(float)
CONE_BACK_ROW(double)

template <class T>
void back(const at::Tensor &dy, const at::Tensor &x, at::Tensor &dx, const Lines<T> &l) {
  Layout at(x);
  const T *g = dy.data_ptr<T>(), *v = x.data_ptr<T>();
  T *out = dx.data_ptr<T>();
  at::parallel_for(0, at.outer, std::max<int64_t>(1, 32768 / (at.channels * at.inner)), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      int64_t start = o * at.channels * at.inner;
      if (at.inner == 1) {
        back_row(g + start, v + start, out + start, l.scale.data(), l.centre.data(), l.slope.data(), l.shift.data(),
                 at.channels);
        continue;
      }
      for (int64_t c = 0; c < at.channels; c++, start += at.inner)
        back_plane(g + start, v + start, out + start, l.scale[c], l.centre[c], l.slope[c], l.shift[c], at.inner);
    }
  });
}

// The network's heavy operators may run in a shorter type than its weights.
at::Tensor widened(const at::Tensor &x, const at::Tensor &weight) {
  return x.scalar_type() == weight.scalar_type() ? x : x.to(weight.scalar_type());
}

// mean and variance (biased) of this rank's values per channel, in float64.
std::pair<at::Tensor, at::Tensor> own_statistics(const at::Tensor &x) {
  auto none = at::Tensor();
  auto both = at::batch_norm_update_stats(x, none, none, 0.0);
  return {std::get<0>(both).to(at::kDouble), std::get<1>(both).to(at::kDouble)};
}

class OnCPU : public torch::autograd::Function<OnCPU> {
 public:
  static at::Tensor forward(AutogradContext *context, const at::Tensor &input, const at::Tensor &weight,
                            const at::Tensor &bias, at::Tensor running_mean, at::Tensor running_var, double momentum,
                            double eps, int64_t group) {
    Group &g = *reinterpret_cast<Group *>(group);
    at::Tensor x = dense(input);
    int64_t channels = x.size(1);
    double own = static_cast<double>(Layout(x).count());
    // One message: values, squares, and how many there are.
    at::Tensor sums = at::zeros({2 * channels + 1}, at::kDouble);
    if (own > 0) {
      auto [mean, variance] = own_statistics(widened(x, weight));
      sums.narrow(0, 0, channels).copy_(mean * own);
      sums.narrow(0, channels, channels).copy_((variance + mean * mean) * own);
    }
    sums.narrow(0, 2 * channels, 1).fill_(own);
    all_reduce(g, CONE_BATCH_NORM, sums);
    double count = sums[2 * channels].item<double>();
    TORCH_CHECK(count > 1, "batch norm needs more than one value per channel in training");
    at::Tensor mean = sums.narrow(0, 0, channels) / count;
    at::Tensor variance = (sums.narrow(0, channels, channels) / count - mean * mean).clamp_min_(0);
    if (running_mean.defined()) {
      running_mean.mul_(1 - momentum).add_(mean.to(running_mean.scalar_type()), momentum);
      running_var.mul_(1 - momentum).add_((variance * (count / (count - 1))).to(running_var.scalar_type()), momentum);
    }
    at::Tensor mean_ = mean.to(weight.scalar_type()), variance_ = variance.to(weight.scalar_type());
    // In evaluation mode the operator normalises by what it is given.
    at::Tensor out = std::get<0>(at::native_batch_norm(x, weight, bias, mean_, variance_, false, 0.0, eps));
    context->save_for_backward({x, weight, mean, variance, mean_, variance_});
    context->saved_data["group"] = group;
    context->saved_data["eps"] = eps;
    context->saved_data["count"] = count;
    return out;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &weight = saved[1];
    at::Tensor x = saved[0], mean = saved[2], variance = saved[3];
    Group &g = *reinterpret_cast<Group *>(context->saved_data["group"].toInt());
    double eps = context->saved_data["eps"].toDouble(), count = context->saved_data["count"].toDouble();
    auto type = x.scalar_type();
    x = widened(x, weight);
    at::Tensor dy = widened(gradients[0], weight).contiguous(x.suggest_memory_format());
    int64_t channels = x.size(1);
    // In evaluation mode these are the sums of dy·x̂ and of dy over this rank.
    auto own = at::native_batch_norm_backward(dy, x, weight, saved[4], saved[5], {}, {}, false, eps, {false, true, true});
    at::Tensor d_weight = std::get<1>(own), d_bias = std::get<2>(own);
    at::Tensor sums = at::cat({d_bias, d_weight}).to(at::kDouble);
    all_reduce(g, CONE_BATCH_NORM, sums);
    at::Tensor inverse = (variance + eps).rsqrt(), scale = weight.to(at::kDouble) * inverse;
    at::Tensor shift = scale * sums.narrow(0, 0, channels) / -count;
    at::Tensor slope = scale * inverse * sums.narrow(0, channels, channels) / -count;
    at::Tensor dx = at::empty_like(x);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "sync_batch_norm_backward", [&] {
      auto lines = [](const at::Tensor &t) {
        const double *p = t.data_ptr<double>();
        return std::vector<scalar_t>(p, p + t.numel());
      };
      back<scalar_t>(dy, x, dx, {lines(scale), lines(mean), lines(slope), lines(shift)});
    });
    at::Tensor none;
    return {dx.to(type), d_weight, d_bias, none, none, none, none, none};
  }
};

#ifdef CONE_NCCL
// As torch/nn/modules/_functions.py's SyncBatchNorm, by the same kernels.
class OnGPU : public torch::autograd::Function<OnGPU> {
 public:
  static at::Tensor forward(AutogradContext *context, const at::Tensor &input, const at::Tensor &weight,
                            const at::Tensor &bias, at::Tensor running_mean, at::Tensor running_var, double momentum,
                            double eps, int64_t group) {
    Group &g = *reinterpret_cast<Group *>(group);
    at::Tensor x = dense(input);
    int64_t channels = x.size(1);
    auto own = at::batch_norm_stats(x, eps);
    at::Tensor count = at::full({1}, static_cast<double>(Layout(x).count()), std::get<0>(own).options());
    at::Tensor all = all_gather(g, CONE_BATCH_NORM, at::cat({std::get<0>(own), std::get<1>(own), count}));
    at::Tensor counts = all.select(1, 2 * channels).contiguous();
    auto both = at::batch_norm_gather_stats_with_counts(
        x, all.narrow(1, 0, channels).contiguous(), all.narrow(1, channels, channels).contiguous(), running_mean,
        running_var, momentum, eps, counts);
    at::Tensor mean = std::get<0>(both), inverse = std::get<1>(both);
    context->save_for_backward({x, weight, mean, inverse, counts.to(at::kInt)});
    context->saved_data["group"] = group;
    return at::batch_norm_elemt(x, weight, bias, mean, inverse, eps);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3];
    Group &g = *reinterpret_cast<Group *>(context->saved_data["group"].toInt());
    at::Tensor dy = gradients[0].contiguous(x.suggest_memory_format());
    auto own = at::batch_norm_backward_reduce(dy, x, mean, inverse, weight, true, true, true);
    int64_t channels = x.size(1);
    at::Tensor sums = at::cat({std::get<0>(own), std::get<1>(own)});
    all_reduce(g, CONE_BATCH_NORM, sums);
    at::Tensor dx = at::batch_norm_backward_elemt(dy, x, mean, inverse, weight, sums.narrow(0, 0, channels).contiguous(),
                                                  sums.narrow(0, channels, channels).contiguous(), saved[4]);
    at::Tensor none;
    return {dx, std::get<2>(own), std::get<3>(own), none, none, none, none, none};
  }
};
#endif

}  // namespace

extern "C" void cone_sync_batch_norm(void *g, int64_t x, int64_t weight, int64_t bias, int64_t running_mean,
                                     int64_t running_var, double momentum, double eps, cone_result *r) {
  guarded(r, [&] {
    at::Tensor input = borrow(x);
    auto id = reinterpret_cast<int64_t>(g);
#ifdef CONE_NCCL
    if (input.is_cuda()) {
      push_tensor(r, OnGPU::apply(input, borrow(weight), borrow(bias), borrow(running_mean), borrow(running_var),
                                  momentum, eps, id));
      return;
    }
#endif
    push_tensor(r, OnCPU::apply(input, borrow(weight), borrow(bias), borrow(running_mean), borrow(running_var), momentum,
                                eps, id));
  });
}
