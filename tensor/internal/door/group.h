// What the files that send share: a group of processes, and how its
// collectives are started, waited for and counted.
#pragma once
#include "c10d.h"
#include "handles.h"

#if CONE_TORCH(2, 0)
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

#include <atomic>
#include <mutex>
#include <vector>

namespace cone {

// In 1.13 a backend is a process group itself.
#if CONE_TORCH(2, 0)
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif
using Work = c10::intrusive_ptr<c10d::Work>;

int64_t now();  // nanoseconds of a clock that only goes forward

struct Group {
  c10::intrusive_ptr<Backend> backend;
  int rank, size;
  bool device;  // NCCL: works on a GPU's stream
  std::atomic<bool> aborted{false};

  std::mutex mutex;
  cone_count counts[CONE_KINDS] = {};

  void count(int kind, int64_t calls, int64_t bytes, int64_t busy, int64_t waited);
};

// The sum over all ranks, in place; the tensor must be one dense block.
Work start_all_reduce(Group &g, at::Tensor &t);

// Waits for a collective; a failure begins with "a collective failed: ".
void wait(Group &g, const Work &work);

// start_all_reduce and wait, counted.
void all_reduce(Group &g, int kind, at::Tensor t);

// size×(the shape of t): t of all ranks, alike in shape, in rank order.
at::Tensor all_gather(Group &g, int kind, const at::Tensor &t);

}  // namespace cone
