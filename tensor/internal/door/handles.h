// What the door's files share: how tensors cross as handles, and how an
// exception becomes text.
#pragma once
#include "door.h"

#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/version.h>

#include <exception>
#include <string>

#define CONE_TORCH(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace cone {

// One reference more to the tensor behind a handle.
at::Tensor borrow(int64_t handle);

// An output that the innermost scope of this thread owns.
void push_tensor(cone_result *r, const at::Tensor &t);

// A copy that the caller frees.
char *copy_text(const std::string &s);

// Runs f; whatever it throws becomes text, NULL when it throws nothing.
template <class F>
char *text_of(F f) {
  try {
    f();
  } catch (const c10::Error &e) {
    return copy_text(e.what_without_backtrace());
  } catch (const std::exception &e) {
    return copy_text(e.what());
  } catch (...) {
    return copy_text("an unknown C++ exception");
  }
  return nullptr;
}

// Runs f and turns whatever it throws into the result's error text.
template <class F>
void guarded(cone_result *r, F f) {
  r->n = 0;
  r->error = text_of(f);
}

}  // namespace cone
