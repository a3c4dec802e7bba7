// libtorch's c10d behind the door. In 1.13 gloo is a ProcessGroup, in 2.x a
// Backend; both are asked for collectives directly, without the dispatcher.
#include "group.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef CONE_NCCL
#include <c10/cuda/CUDAGuard.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <chrono>
#include <cstring>

namespace {

using namespace cone;
using std::chrono::milliseconds;

struct Store {
  c10::intrusive_ptr<c10d::Store> store;
};

Group &group(void *p) { return *static_cast<Group *>(p); }
c10d::Store &store(void *p) { return *static_cast<Store *>(p)->store; }

// Runs f, which starts or awaits a collective.
template <class F>
auto collective(F f) {
  try {
    return f();
  } catch (const c10::Error &e) {
    TORCH_CHECK(false, "a collective failed: ", e.what_without_backtrace());
  } catch (const std::exception &e) {
    TORCH_CHECK(false, "a collective failed: ", e.what());
  }
}

}  // namespace

namespace cone {

int64_t now() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

void Group::count(int kind, int64_t calls, int64_t bytes, int64_t busy, int64_t waited) {
  std::lock_guard<std::mutex> lock(mutex);
  cone_count &c = counts[kind];
  c.calls += calls;
  c.bytes += bytes;
  c.busy += busy;
  c.waited += waited;
}

Work start_all_reduce(Group &g, at::Tensor &t) {
  TORCH_CHECK(t.is_non_overlapping_and_dense(), "the tensor has gaps");
  return collective([&] {
    std::vector<at::Tensor> list{t};
    return g.backend->allreduce(list);
  });
}

void wait(Group &g, const Work &work) {
  collective([&] {
    if (g.device) {
      work->wait();  // the stream waits, not this thread
      return;
    }
    // In slices, so that the loss of a rank that gloo cannot see (a stopped
    // process, a cut cable) ends the wait.
    for (;;) {
      try {
        work->wait(milliseconds(100));
        return;
      } catch (const std::exception &) {
        if (work->isCompleted()) {
          if (work->exception()) throw;
          return;
        }
      }
      TORCH_CHECK(!g.aborted.load(), "given up");
    }
  });
}

void all_reduce(Group &g, int kind, at::Tensor t) {
  if (t.numel() == 0) return;
  int64_t started = now();
  wait(g, start_all_reduce(g, t));
  int64_t took = now() - started;
  g.count(kind, 1, t.nbytes(), took, took);
}

at::Tensor all_gather(Group &g, int kind, const at::Tensor &t) {
  at::Tensor own = t.contiguous();
  auto shape = own.sizes().vec();
  shape.insert(shape.begin(), g.size);
  at::Tensor out = at::empty(shape, own.options());
  if (own.numel() == 0) return out;
  int64_t started = now();
  auto work = collective([&] {
    std::vector<at::Tensor> inputs{own};
    std::vector<std::vector<at::Tensor>> outputs{out.unbind(0)};
    return g.backend->allgather(outputs, inputs);
  });
  wait(g, work);
  int64_t took = now() - started;
  g.count(kind, 1, own.nbytes(), took, took);
  return out;
}

}  // namespace cone

extern "C" {

char *cone_store_open(const char *host, int port, int server, const char *prefix, int64_t timeout_ms,
                      void **out, int *bound) {
  return text_of([&] {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = server != 0;
    options.waitWorkers = false;
    options.timeout = milliseconds(timeout_ms);
    auto tcp = c10::make_intrusive<c10d::TCPStore>(std::string(host), options);
    *bound = tcp->getPort();
    *out = new Store{c10::make_intrusive<c10d::PrefixStore>(std::string(prefix), tcp)};
  });
}

char *cone_store_set(void *s, const char *key, const void *value, int64_t bytes) {
  return text_of([&] {
    auto p = static_cast<const uint8_t *>(value);
    store(s).set(key, std::vector<uint8_t>(p, p + bytes));
  });
}

char *cone_store_has(void *s, const char *const *keys, int n, int *all) {
  return text_of([&] { *all = store(s).check(std::vector<std::string>(keys, keys + n)); });
}

char *cone_store_get(void *s, const char *key, void **value, int64_t *bytes) {
  return text_of([&] {
    std::vector<uint8_t> v = store(s).get(key);
    *value = std::malloc(v.size() + 1);
    if (*value) std::memcpy(*value, v.data(), v.size());
    *bytes = static_cast<int64_t>(v.size());
  });
}

void cone_store_close(void *s) { delete static_cast<Store *>(s); }

char *cone_group_open(void *s, const char *backend, const char *name, int rank, int size, const char *address,
                      int index, int64_t timeout_ms, void **out) {
  return text_of([&] {
    auto own = c10::make_intrusive<c10d::PrefixStore>(std::string(name), static_cast<Store *>(s)->store);
    auto g = std::make_unique<Group>();
    g->rank = rank;
    g->size = size;
    g->device = std::strcmp(backend, "nccl") == 0;
    if (g->device) {
#ifdef CONE_NCCL
      c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
      auto options = c10d::ProcessGroupNCCL::Options::create();
      options->timeout = milliseconds(timeout_ms);
      g->backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(own, rank, size, options);
#else
      TORCH_CHECK(false, "this program was built without NCCL");
#endif
    } else {
      auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(timeout_ms));
      options->threads = 2;
      options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address));
      g->backend = c10::make_intrusive<c10d::ProcessGroupGloo>(own, rank, size, options);
    }
    *out = g.release();
  });
}

void cone_group_abort(void *g) { group(g).aborted = true; }

void cone_group_close(void *g) {
  // Threads of an aborted group may wait for a peer that never answers: joining
  // them would hang, and the process is about to end.
  if (group(g).aborted) return;
  delete &group(g);
}

void cone_group_counts(void *g, cone_count *counts) {
  std::lock_guard<std::mutex> lock(group(g).mutex);
  std::memcpy(counts, group(g).counts, sizeof group(g).counts);
}

int cone_has_nccl(void) {
#ifdef CONE_NCCL
  return 1;
#else
  return 0;
#endif
}

void cone_all_reduce(void *g, int kind, const int64_t *tensors, int n, cone_result *r) {
  guarded(r, [&] {
    at::NoGradGuard no_grad;
    int64_t started = now(), bytes = 0;
    std::vector<Work> works;
    std::vector<at::Tensor> held;
    for (int i = 0; i < n; i++) {
      held.push_back(borrow(tensors[i]));
      if (held.back().numel() == 0) continue;
      bytes += held.back().nbytes();
      works.push_back(start_all_reduce(group(g), held.back()));
    }
    for (const Work &w : works) wait(group(g), w);
    int64_t took = now() - started;
    group(g).count(kind, works.size(), bytes, took, took);
  });
}

void cone_all_gather(void *g, int kind, int64_t tensor, cone_result *r) {
  guarded(r, [&] {
    at::NoGradGuard no_grad;
    push_tensor(r, all_gather(group(g), kind, borrow(tensor)));
  });
}

void cone_broadcast(void *g, int kind, int root, const int64_t *tensors, int n, cone_result *r) {
  guarded(r, [&] {
    at::NoGradGuard no_grad;
    int64_t started = now(), bytes = 0;
    std::vector<Work> works;
    std::vector<at::Tensor> held;
    c10d::BroadcastOptions options;
    options.rootRank = root;
    for (int i = 0; i < n; i++) {
      at::Tensor t = borrow(tensors[i]);
      if (t.numel() == 0) continue;
      TORCH_CHECK(t.is_non_overlapping_and_dense(), "the tensor has gaps");
      held.push_back(t);
      bytes += t.nbytes();
      works.push_back(collective([&] {
        std::vector<at::Tensor> list{t};
        return group(g).backend->broadcast(list, options);
      }));
    }
    for (const Work &w : works) wait(group(g), w);
    int64_t took = now() - started;
    group(g).count(kind, works.size(), bytes, took, took);
  });
}

}  // extern "C"
