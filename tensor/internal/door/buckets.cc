// Gradients summed over all ranks in buckets. With overlap a bucket sets out
// as soon as backward has made its last gradient, while backward goes on with
// the layers below ("PyTorch Distributed", Li et al. 2020,
// https://arxiv.org/abs/2006.15704, §3.2).
#include "group.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace {

using namespace cone;
using torch::autograd::variable_list;

struct Member {
  at::Tensor parameter;
  at::Tensor place;  // in the bucket's memory, laid out as the parameter
  bool there = false;
};

struct Bucket {
  at::Tensor flat;
  std::vector<Member> members;
  size_t missing = 0;  // gradients that backward has not made yet
  Work work;
  int64_t started = 0;
  std::shared_ptr<std::atomic<int64_t>> ended;
};

class Buckets {
 public:
  Buckets(Group &g, const std::vector<at::Tensor> &parameters, const int64_t *ends, int n) : group_(g) {
    size_t at = 0;
    for (int b = 0; b < n; b++) {
      Bucket bucket;
      int64_t length = 0;
      for (size_t i = at; i < static_cast<size_t>(ends[b]); i++) length += parameters[i].numel();
      bucket.flat = at::zeros({length}, parameters[at].options().requires_grad(false));
      for (int64_t offset = 0; at < static_cast<size_t>(ends[b]); at++) {
        const at::Tensor &p = parameters[at];
        TORCH_CHECK(p.is_non_overlapping_and_dense() && p.scalar_type() == bucket.flat.scalar_type(),
                    "a bucket's parameters must be dense and of one type");
        bucket.members.push_back({p, bucket.flat.as_strided(p.sizes(), p.strides(), offset)});
        offset += p.numel();
      }
      buckets_.push_back(std::move(bucket));
    }
  }

  // The backward pass to come makes the gradients that are to be sent.
  void arm() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Bucket &b : buckets_) {
      b.missing = b.members.size();
      for (Member &m : b.members) m.there = false;
    }
    next_ = 0;
    armed_ = true;
  }

  // Backward has made a gradient.
  void made(size_t bucket, size_t member) {
    std::lock_guard<std::mutex> lock(mutex_);
    Bucket &b = buckets_[bucket];
    if (!armed_ || b.members[member].there) return;
    b.members[member].there = true;
    b.missing--;
    // In one order on every rank: collectives are matched by their order.
    while (next_ < buckets_.size() && buckets_[next_].missing == 0) start(buckets_[next_++]);
  }

  // Backward is over: sends what has not set out, waits for all, and leaves
  // the sums as the parameters' gradients. A parameter that got no gradient
  // counts as zero.
  void finish() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!armed_) next_ = 0;
    armed_ = false;
    while (next_ < buckets_.size()) start(buckets_[next_++]);
    int64_t from = now(), bytes = 0;
    for (Bucket &b : buckets_) {
      wait(group_, b.work);
      bytes += b.flat.nbytes();
      for (Member &m : b.members) m.parameter.mutable_grad() = m.place;
    }
    int64_t waited = now() - from;
    group_.count(CONE_GRADIENTS, buckets_.size(), bytes, busy(), waited);
    for (Bucket &b : buckets_) b.work.reset();
  }

 private:
  void start(Bucket &b) {
    at::NoGradGuard no_grad;
    for (Member &m : b.members) {
      const at::Tensor &gradient = m.parameter.grad();
      if (gradient.defined()) m.place.copy_(gradient);
      else m.place.zero_();
    }
    b.started = now();
    b.work = start_all_reduce(group_, b.flat);
    auto ended = std::make_shared<std::atomic<int64_t>>(0);
    b.ended = ended;
    if (!group_.device)
      b.work->getFuture()->addCallback([ended](c10::ivalue::Future &) { *ended = now(); });
  }

  // The time in which at least one bucket was under way.
  int64_t busy() const {
    int64_t sum = 0, until = 0, end = now();
    for (const Bucket &b : buckets_) {
      int64_t ended = b.ended->load() ? b.ended->load() : end;
      sum += std::max<int64_t>(0, ended - std::max(b.started, until));
      until = std::max(until, ended);
    }
    return sum;
  }

  Group &group_;
  std::mutex mutex_;
  std::vector<Bucket> buckets_;
  size_t next_ = 0;  // the bucket to set out next
  bool armed_ = false;
};

// Told by autograd when a parameter's gradient has been written.
struct Hook : torch::autograd::FunctionPostHook {
  std::shared_ptr<Buckets> buckets;
  size_t bucket, member;

  Hook(std::shared_ptr<Buckets> b, size_t bucket, size_t member)
      : buckets(std::move(b)), bucket(bucket), member(member) {}

  variable_list operator()(const variable_list &outputs, const variable_list &) override {
    buckets->made(bucket, member);
    return outputs;
  }
};

// A shared pointer, whose kind differs between versions.
using Node = decltype(torch::autograd::impl::grad_accumulator(std::declval<const at::Tensor &>()));

struct Handle {
  std::shared_ptr<Buckets> buckets;
  // Autograd holds these nodes weakly: without an owner the hooks would go.
  std::vector<std::pair<Node, uintptr_t>> hooks;

  ~Handle() {
    for (auto &h : hooks) h.first->del_post_hook(h.second);
  }
};

}  // namespace

extern "C" {

void cone_buckets_open(void *g, const int64_t *parameters, int n, const int64_t *ends, int buckets, int overlap,
                       void **out, cone_result *r) {
  guarded(r, [&] {
    std::vector<at::Tensor> list;
    for (int i = 0; i < n; i++) list.push_back(borrow(parameters[i]));
    auto handle = std::make_unique<Handle>();
    handle->buckets = std::make_shared<Buckets>(*static_cast<Group *>(g), list, ends, buckets);
    for (size_t i = 0, b = 0, first = 0; overlap && i < list.size(); i++) {
      if (static_cast<int64_t>(i) == ends[b]) first = ends[b++];
      auto node = torch::autograd::impl::grad_accumulator(list[i]);
      auto key = node->add_post_hook(std::make_unique<Hook>(handle->buckets, b, i - first));
      handle->hooks.emplace_back(node, key);
    }
    *out = handle.release();
  });
}

void cone_buckets_arm(void *b) { static_cast<Handle *>(b)->buckets->arm(); }

void cone_buckets_finish(void *b, cone_result *r) {
  guarded(r, [&] { static_cast<Handle *>(b)->buckets->finish(); });
}

void cone_buckets_close(void *b) { delete static_cast<Handle *>(b); }

}  // extern "C"
