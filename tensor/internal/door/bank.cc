// Operators of our own for a memory bank: what would write the similarity of
// every image to every entry (N×K) to memory several times over is done here
// block by block, while the block is in the cache.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

// Compiled for the widest registers of each machine, chosen when the program loads.
#define CONE_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3,associative-math,no-signed-zeros,no-trapping-math")))

namespace {

// Images per block, so that a block of similarities stays within 8 MB.
int64_t block_rows(int64_t entries, size_t element) {
  int64_t rows = (int64_t(8) << 20) / std::max<int64_t>(1, entries * static_cast<int64_t>(element));
  return std::max<int64_t>(16, rows);
}

void check(const at::Tensor &z, const at::Tensor &bank) {
  TORCH_CHECK(z.dim() == 2 && bank.dim() == 2 && z.size(1) == bank.size(1) && z.scalar_type() == bank.scalar_type(),
              "embeddings ", z.toString(), z.sizes(), " do not fit a bank of ", bank.toString(), bank.sizes());
}

// The k largest of n values, in no particular order; equal values: the lower
// place first. A sample of the values gives a threshold that most fall short
// of, so that only the rest need be ordered.
template <class T>
class Selector {
 public:
  Selector(int64_t n, int64_t k) : n_(n), k_(k), places_(n) {}

  void select(const T *s, T *values, int64_t *indices) {
    int64_t found = candidates(s, threshold(s));
    if (found < k_) found = candidates(s, -std::numeric_limits<T>::infinity());
    if (found < n_ && found < k_) {  // NaN compares with nothing: then everyone is a candidate
      for (int64_t i = 0; i < n_; i++) places_[i] = static_cast<int32_t>(i);
      found = n_;
    }
    if (found > k_) {
      auto key = [s](int32_t i) { return std::isnan(s[i]) ? std::numeric_limits<T>::infinity() : s[i]; };
      std::nth_element(places_.begin(), places_.begin() + k_, places_.begin() + found, [&](int32_t a, int32_t b) {
        T x = key(a), y = key(b);
        return x > y || (x == y && a < b);
      });
      // In the bank's order, so that reading the entries walks forward.
      std::sort(places_.begin(), places_.begin() + k_);
    }
    for (int64_t j = 0; j < k_; j++) {
      indices[j] = places_[j];
      values[j] = s[places_[j]];
    }
  }

 private:
  T threshold(const T *s) {
    constexpr int64_t kSample = 1024;
    if (n_ < 4 * kSample || k_ * 4 > n_) return -std::numeric_limits<T>::infinity();
    int64_t step = n_ / kSample;
    sample_.clear();
    for (int64_t i = 0; i < n_; i += step) sample_.push_back(s[i]);
    double expected = double(k_) * sample_.size() / n_;
    int64_t rank = static_cast<int64_t>(expected + 4 * std::sqrt(expected) + 8);
    if (rank >= static_cast<int64_t>(sample_.size())) return -std::numeric_limits<T>::infinity();
    for (T v : sample_)
      if (std::isnan(v)) return -std::numeric_limits<T>::infinity();
    std::nth_element(sample_.begin(), sample_.begin() + rank, sample_.end(), std::greater<T>());
    return sample_[rank];
  }

  int64_t candidates(const T *s, T least) {
    int64_t found = 0;
    for (int64_t i = 0; i < n_; i++) {
      places_[found] = static_cast<int32_t>(i);
      found += s[i] >= least;
    }
    return found;
  }

  int64_t n_, k_;
  std::vector<int32_t> places_;
  std::vector<T> sample_;
};

std::tuple<at::Tensor, at::Tensor> nearest(const at::Tensor &z_in, const at::Tensor &bank, int64_t k) {
  check(z_in, bank);
  int64_t n = z_in.size(0), entries = bank.size(0);
  TORCH_CHECK(k >= 1 && k <= entries, "the ", k, " nearest of ", entries, " entries");
  at::Tensor z = z_in.contiguous(), transposed = bank.t();
  at::Tensor values = at::empty({n, k}, z.options());
  at::Tensor indices = at::empty({n, k}, z.options().dtype(at::kLong));
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "nearest", [&] {
    int64_t rows = block_rows(entries, sizeof(scalar_t));
    for (int64_t from = 0; from < n; from += rows) {
      int64_t count = std::min(rows, n - from);
      at::Tensor block = at::mm(z.narrow(0, from, count), transposed);
      const scalar_t *s = block.data_ptr<scalar_t>();
      scalar_t *v = values.data_ptr<scalar_t>();
      int64_t *index = indices.data_ptr<int64_t>();
      at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
        Selector<scalar_t> selector(entries, k);
        for (int64_t i = begin; i < end; i++)
          selector.select(s + i * entries, v + (from + i) * k, index + (from + i) * k);
      });
    }
  });
  return {values, indices};
}

#define CONE_AXPY(T)                                                                      \
  CONE_WIDE void axpy(T *__restrict out, T scale, const T *__restrict v, int64_t n) {     \
    for (int64_t i = 0; i < n; i++) out[i] += scale * v[i];                               \
  }
CONE_AXPY(float)
CONE_AXPY(double)

// dL/dz_i = Σ_j dL/ds_ij · bank[index_ij].
at::Tensor nearest_backward(const at::Tensor &grad_in, const at::Tensor &indices, const at::Tensor &bank_in) {
  at::Tensor grad = grad_in.contiguous(), bank = bank_in.contiguous();
  int64_t n = grad.size(0), k = grad.size(1), dim = bank.size(1);
  at::Tensor out = at::zeros({n, dim}, bank.options());
  AT_DISPATCH_FLOATING_TYPES(bank.scalar_type(), "nearest_backward", [&] {
    const scalar_t *g = grad.data_ptr<scalar_t>(), *b = bank.data_ptr<scalar_t>();
    const int64_t *index = indices.data_ptr<int64_t>();
    scalar_t *o = out.data_ptr<scalar_t>();
    at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < k; j++)
          axpy(o + i * dim, g[i * k + j], b + index[i * k + j] * dim, dim);
    });
  });
  return out;
}

class Nearest : public torch::autograd::Function<Nearest> {
 public:
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext *ctx, const at::Tensor &z,
                                                const at::Tensor &bank, int64_t k) {
    at::AutoDispatchBelowADInplaceOrView below;
    auto [values, indices] = nearest(z, bank, k);
    ctx->save_for_backward({indices, bank});
    ctx->mark_non_differentiable({indices});
    return {values, indices};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx,
                                                 torch::autograd::variable_list grads) {
    auto saved = ctx->get_saved_variables();
    return {nearest_backward(grads[0], saved[0], saved[1]), at::Tensor(), at::Tensor()};
  }
};

std::tuple<at::Tensor, at::Tensor> nearest_autograd(const at::Tensor &z, const at::Tensor &bank, int64_t k) {
  auto out = Nearest::apply(z, bank, k);
  return {out[0], out[1]};
}

#define CONE_ROW_MAX(T)                                     \
  CONE_WIDE T row_maximum(const T *s, int64_t n) {          \
    T m = s[0];                                             \
    for (int64_t i = 1; i < n; i++) m = s[i] > m ? s[i] : m; \
    return m;                                               \
  }
CONE_ROW_MAX(float)
CONE_ROW_MAX(double)

// e^((s − max)·scale) in place; returns the sum. Cody and Waite's reduction
// and a polynomial of degree 6: within 2 units of the last place, and the
// compiler can do sixteen at a time.
CONE_WIDE float row_exp(float *__restrict s, int64_t n, float max, float scale) {
  float sum = 0;
  for (int64_t i = 0; i < n; i++) {
    float x = (s[i] - max) * scale;
    x = x < -87.0f ? -87.0f : x;
    float count = __builtin_rintf(x * 1.44269504088896341f);
    float r = x - count * 0.693359375f;
    r = r + count * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits = (static_cast<int32_t>(count) + 127) << 23;
    float power;
    std::memcpy(&power, &bits, 4);
    s[i] = p * power;
    sum += s[i];
  }
  return sum;
}

double row_exp(double *s, int64_t n, double max, double scale) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += s[i] = std::exp((s[i] - max) * scale);
  return sum;
}

#define CONE_DOT(T)                                                              \
  CONE_WIDE T dot(const T *__restrict a, const T *__restrict b, int64_t n) {     \
    T sum = 0;                                                                   \
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];                          \
    return sum;                                                                  \
  }
CONE_DOT(float)
CONE_DOT(double)

// Up to so many classes a class's column of the probabilities is read as one
// run; matrix products are slow at such shapes.
constexpr int64_t kFewClasses = 64;

// soft_lookup: softmax(z·bankᵀ/τ)·probability, N×C, without history.
at::Tensor soft_lookup(const at::Tensor &z_in, const at::Tensor &bank, const at::Tensor &probability_in,
                       double temperature) {
  check(z_in, bank);
  TORCH_CHECK(probability_in.dim() == 2 && probability_in.size(0) == bank.size(0) &&
                  probability_in.scalar_type() == bank.scalar_type(),
              "probabilities ", probability_in.toString(), probability_in.sizes(), " do not fit a bank of ",
              bank.toString(), bank.sizes());
  at::Tensor z = z_in.contiguous(), transposed = bank.t();
  int64_t n = z.size(0), entries = bank.size(0), classes = probability_in.size(1);
  bool few = classes <= kFewClasses;
  at::Tensor probability = few ? probability_in.t().contiguous() : probability_in.contiguous();
  at::Tensor out = at::empty({n, classes}, z.options());
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "soft_lookup", [&] {
    int64_t rows = block_rows(entries, sizeof(scalar_t));
    std::vector<scalar_t> sums(n);
    for (int64_t from = 0; from < n; from += rows) {
      int64_t count = std::min(rows, n - from);
      at::Tensor block = at::mm(z.narrow(0, from, count), transposed);
      scalar_t *s = block.data_ptr<scalar_t>();
      scalar_t *o = out.data_ptr<scalar_t>();
      const scalar_t *p = probability.data_ptr<scalar_t>();
      at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
          scalar_t *row = s + i * entries;
          scalar_t sum = row_exp(row, entries, row_maximum(row, entries), scalar_t(1 / temperature));
          sums[from + i] = sum;
          if (!few) continue;
          for (int64_t c = 0; c < classes; c++)
            o[(from + i) * classes + c] = dot(row, p + c * entries, entries) / sum;
        }
      });
      if (!few) {
        at::Tensor part = out.narrow(0, from, count);
        at::mm_out(part, block, probability);
        for (int64_t i = from; i < from + count; i++)
          for (int64_t c = 0; c < classes; c++) o[i * classes + c] /= sums[i];
      }
    }
  });
  return out;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(cone, m) {
  m.def("nearest(Tensor z, Tensor bank, int k) -> (Tensor, Tensor)");
  m.def("soft_lookup(Tensor z, Tensor bank, Tensor probability, float temperature) -> Tensor");
}

TORCH_LIBRARY_IMPL(cone, CPU, m) {
  m.impl("nearest", nearest);
  m.impl("soft_lookup", soft_lookup);
}

TORCH_LIBRARY_IMPL(cone, AutogradCPU, m) { m.impl("nearest", nearest_autograd); }
