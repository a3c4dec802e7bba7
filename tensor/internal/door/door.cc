// The engine's door: everything that Go asks of libtorch goes through here.
// Operators are called by schema name through the dispatcher; the rest are
// the few things that are not operators (autograd, guards, random state).
#include "handles.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/autograd.h>

#include <atomic>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace cone;
using c10::TensorImpl;

std::atomic<int64_t> live{0};

// Each thread that runs operators has its own stack of scopes; a scope owns
// one reference to every tensor that was returned while it was innermost.
struct Scopes {
  std::vector<TensorImpl *> owned;
  std::vector<size_t> starts;

  void close(size_t depth) {
    if (depth == 0 || depth > starts.size()) return;
    size_t start = starts[depth - 1];
    // Newest first, so that views go before what they look at.
    while (owned.size() > start) {
      TensorImpl *t = owned.back();
      owned.pop_back();
      c10::raw::intrusive_ptr::decref(t);
      live.fetch_sub(1, std::memory_order_relaxed);
    }
    starts.resize(depth - 1);
  }
};

thread_local Scopes scopes;

TensorImpl *impl(int64_t handle) { return reinterpret_cast<TensorImpl *>(handle); }

int64_t own(const at::Tensor &t) {
  if (!t.defined()) return 0;
  TORCH_CHECK(!scopes.starts.empty(), "a tensor was made outside any scope of this thread");
  TensorImpl *p = t.unsafeGetTensorImpl();
  c10::raw::intrusive_ptr::incref(p);
  scopes.owned.push_back(p);
  live.fetch_add(1, std::memory_order_relaxed);
  return reinterpret_cast<int64_t>(p);
}

void push(cone_result *r, int32_t kind, int64_t value) {
  TORCH_CHECK(r->n < CONE_MAX_OUTPUTS, "more than ", CONE_MAX_OUTPUTS, " outputs");
  r->kind[r->n] = kind;
  r->value[r->n] = value;
  r->n++;
}

}  // namespace

namespace cone {

at::Tensor borrow(int64_t handle) {
  if (handle == 0) return at::Tensor();
  c10::raw::intrusive_ptr::incref(impl(handle));
  return at::Tensor(c10::intrusive_ptr<TensorImpl, c10::UndefinedTensorImpl>::reclaim(impl(handle)));
}

void push_tensor(cone_result *r, const at::Tensor &t) {
  if (t.defined()) push(r, CONE_TENSOR, own(t));
  else push(r, CONE_NONE, 0);
}

char *copy_text(const std::string &s) {
  char *p = static_cast<char *>(std::malloc(s.size() + 1));
  if (p) std::memcpy(p, s.c_str(), s.size() + 1);
  return p;
}

}  // namespace cone

namespace {

int64_t bits(double d) {
  int64_t v;
  std::memcpy(&v, &d, 8);
  return v;
}

double from_bits(int64_t v) {
  double d;
  std::memcpy(&d, &v, 8);
  return d;
}

void push_value(cone_result *r, const c10::IValue &v) {
  if (v.isTensor()) push_tensor(r, v.toTensor());
  else if (v.isInt()) push(r, CONE_INT, v.toInt());
  else if (v.isDouble()) push(r, CONE_DOUBLE, bits(v.toDouble()));
  else if (v.isBool()) push(r, CONE_BOOL, v.toBool());
  else if (v.isNone()) push(r, CONE_NONE, 0);
  else if (v.isTensorList()) {
    for (const at::Tensor &t : v.toTensorVector()) push_tensor(r, t);
  } else TORCH_CHECK(false, "an output of kind ", v.tagKind(), " cannot pass the door");
}

// Reads one argument off the wire; returns the words used.
int decode(const int64_t *w, const c10::Argument &argument, torch::jit::Stack &stack) {
  switch (w[0]) {
    case CONE_NONE: stack.emplace_back(); return 1;
    case CONE_TENSOR: stack.emplace_back(borrow(w[1])); return 2;
    case CONE_INT: stack.emplace_back(w[1]); return 2;
    case CONE_DOUBLE: stack.emplace_back(from_bits(w[1])); return 2;
    case CONE_BOOL: stack.emplace_back(w[1] != 0); return 2;
    case CONE_INTS: {
      c10::List<int64_t> list;
      list.reserve(w[1]);
      for (int64_t i = 0; i < w[1]; i++) list.push_back(w[2 + i]);
      stack.emplace_back(std::move(list));
      return 2 + w[1];
    }
    case CONE_TENSORS: {
      c10::List<at::Tensor> list;
      list.reserve(w[1]);
      for (int64_t i = 0; i < w[1]; i++) list.push_back(borrow(w[2 + i]));
      stack.emplace_back(std::move(list));
      return 2 + w[1];
    }
    case CONE_OPT_TENSORS: {
      c10::List<c10::optional<at::Tensor>> list;
      list.reserve(w[1]);
      for (int64_t i = 0; i < w[1]; i++) {
        if (w[2 + i]) list.push_back(borrow(w[2 + i]));
        else list.push_back(c10::nullopt);
      }
      stack.emplace_back(std::move(list));
      return 2 + w[1];
    }
    case CONE_DOUBLES: {
      c10::List<double> list;
      list.reserve(w[1]);
      for (int64_t i = 0; i < w[1]; i++) list.push_back(from_bits(w[2 + i]));
      stack.emplace_back(std::move(list));
      return 2 + w[1];
    }
    case CONE_BOOLS: {
      c10::List<bool> list;
      for (int64_t i = 0; i < w[1]; i++) list.push_back(w[2 + i] != 0);
      stack.emplace_back(std::move(list));
      return 2 + w[1];
    }
    case CONE_STRING: {
      stack.emplace_back(std::string(reinterpret_cast<const char *>(w + 2), w[1]));
      return 2 + (w[1] + 7) / 8;
    }
    case CONE_DEVICE:
      stack.emplace_back(c10::Device(static_cast<c10::DeviceType>(w[1]), static_cast<c10::DeviceIndex>(w[2])));
      return 3;
    case CONE_DEFAULT: {
      TORCH_CHECK(argument.default_value().has_value(), "argument ", argument.name(), " has no default");
      stack.push_back(*argument.default_value());
      return 1;
    }
  }
  TORCH_CHECK(false, "unknown tag ", w[0], " for argument ", argument.name());
}

std::string shapes(const torch::jit::Stack &stack) {
  std::ostringstream s;
  bool first = true;
  for (const auto &v : stack) {
    if (!v.isTensor()) continue;
    const at::Tensor &t = v.toTensor();
    if (!first) s << ", ";
    first = false;
    if (t.defined()) s << c10::toString(t.scalar_type()) << t.sizes();
    else s << "none";
  }
  return s.str();
}

at::Generator generator(int device_type, int device_index) {
  c10::Device device(static_cast<c10::DeviceType>(device_type),
                     static_cast<c10::DeviceIndex>(device_index));
  if (device.is_cpu()) return at::detail::getDefaultCPUGenerator();
  return at::globalContext().defaultGenerator(device);
}

}  // namespace

extern "C" {

void *cone_operator(const char *name, const char *overload, char **error) {
  cone_result r;
  void *found = nullptr;
  guarded(&r, [&] {
    auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
    found = new c10::OperatorHandle(handle);
  });
  *error = r.error;
  return found;
}

int cone_has_kernel(const char *name, const char *overload, const char *dispatch_key) {
  try {
    auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!handle.has_value()) return 0;
    if (!dispatch_key || !*dispatch_key) return 1;
    return handle->hasKernelForDispatchKey(c10::parseDispatchKey(dispatch_key));
  } catch (...) {
    return 0;
  }
}

void cone_call(void *op, const int64_t *wire, int words, cone_result *r) {
  torch::jit::Stack stack;
  std::string given;
  guarded(r, [&] {
    const auto &handle = *static_cast<c10::OperatorHandle *>(op);
    const auto &arguments = handle.schema().arguments();
    stack.reserve(arguments.size());
    int at = 0;
    size_t i = 0;
    for (; at < words; i++) {
      TORCH_CHECK(i < arguments.size(), "too many arguments");
      at += decode(wire + at, arguments[i], stack);
    }
    // Boxed calls fill in nothing: what was left out takes the schema's default.
    for (; i < arguments.size(); i++) {
      TORCH_CHECK(arguments[i].default_value().has_value(), "argument ", arguments[i].name(), " is missing");
      stack.push_back(*arguments[i].default_value());
    }
    // The call consumes the stack, so a failing one could not name its shapes afterwards.
    torch::jit::Stack inputs = stack;
    try {
      handle.callBoxed(stack);
    } catch (...) {
      given = shapes(inputs);
      throw;
    }
    inputs.clear();
    for (const auto &v : stack) push_value(r, v);
  });
  if (r->error && !given.empty()) {
    char *with = copy_text(std::string(r->error) + "\ngiven " + given);
    std::free(r->error);
    r->error = with;
  }
}

int cone_scope_open(void) {
  scopes.starts.push_back(scopes.owned.size());
  return static_cast<int>(scopes.starts.size());
}

void cone_scope_close(int depth) { scopes.close(static_cast<size_t>(depth)); }

int cone_scope_depth(void) { return static_cast<int>(scopes.starts.size()); }

void cone_return(int64_t tensor) {
  if (tensor == 0 || scopes.starts.size() < 2) return;
  c10::raw::intrusive_ptr::incref(impl(tensor));
  live.fetch_add(1, std::memory_order_relaxed);
  // Into the enclosing scope's part of the list: before this scope's start.
  scopes.owned.insert(scopes.owned.begin() + scopes.starts.back(), impl(tensor));
  scopes.starts.back()++;
}

int cone_drop(int64_t tensor) {
  if (tensor == 0 || scopes.starts.empty()) return 0;
  for (size_t i = scopes.owned.size(); i > scopes.starts.back(); i--) {
    if (scopes.owned[i - 1] != impl(tensor)) continue;
    scopes.owned.erase(scopes.owned.begin() + (i - 1));
    c10::raw::intrusive_ptr::decref(impl(tensor));
    live.fetch_sub(1, std::memory_order_relaxed);
    return 1;
  }
  return 0;
}

void cone_keep(int64_t tensor) {
  if (tensor == 0) return;
  c10::raw::intrusive_ptr::incref(impl(tensor));
  live.fetch_add(1, std::memory_order_relaxed);
}

void cone_free(int64_t tensor) {
  if (tensor == 0) return;
  c10::raw::intrusive_ptr::decref(impl(tensor));
  live.fetch_sub(1, std::memory_order_relaxed);
}

int64_t cone_live_tensors(void) { return live.load(); }

void cone_tensor_info(int64_t tensor, int32_t *dtype, int32_t *device, int32_t *dims,
                      int64_t *sizes, int32_t capacity) {
  TensorImpl *t = impl(tensor);
  *dtype = static_cast<int32_t>(c10::typeMetaToScalarType(t->dtype()));
  *device = static_cast<int32_t>(t->device().type());
  auto s = t->sizes();
  *dims = static_cast<int32_t>(s.size());
  for (int32_t i = 0; i < *dims && i < capacity; i++) sizes[i] = s[i];
}

void cone_tensor_strides(int64_t tensor, int64_t *strides, int32_t capacity) {
  auto s = impl(tensor)->strides();
  for (int32_t i = 0; i < static_cast<int32_t>(s.size()) && i < capacity; i++) strides[i] = s[i];
}

void *cone_tensor_data(int64_t tensor, int64_t *bytes, int *dense) {
  TensorImpl *t = impl(tensor);
  *bytes = t->numel() * static_cast<int64_t>(t->itemsize());
  *dense = t->is_contiguous() && t->device().is_cpu();
  return borrow(tensor).data_ptr();
}

int cone_requires_grad(int64_t tensor) { return borrow(tensor).requires_grad(); }

void cone_set_requires_grad(int64_t tensor, int on, cone_result *r) {
  guarded(r, [&] { borrow(tensor).requires_grad_(on != 0); });
}

void cone_grad(int64_t tensor, cone_result *r) {
  guarded(r, [&] { push_tensor(r, borrow(tensor).grad()); });
}

void cone_clear_grad(int64_t tensor) { borrow(tensor).mutable_grad().reset(); }

void cone_backward(const int64_t *tensors, const int64_t *grads, int n, int retain, cone_result *r) {
  guarded(r, [&] {
    torch::autograd::variable_list roots, root_grads;
    for (int i = 0; i < n; i++) {
      roots.push_back(borrow(tensors[i]));
      root_grads.push_back(borrow(grads[i]));
    }
    torch::autograd::backward(roots, root_grads, retain != 0);
  });
}

void cone_view_memory(void *data, const int64_t *sizes, int dims, int32_t dtype, cone_result *r) {
  guarded(r, [&] {
    push_tensor(r, at::from_blob(data, at::IntArrayRef(sizes, dims),
                                 at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype))));
  });
}

int cone_set_grad_mode(int on) {
  int before = at::GradMode::is_enabled();
  at::GradMode::set_enabled(on != 0);
  return before;
}

void cone_autocast_begin(int device_type, int dtype, int *before) {
  auto type = static_cast<at::ScalarType>(dtype);
  auto device = static_cast<at::DeviceType>(device_type);
#if CONE_TORCH(2, 4)
  before[0] = at::autocast::is_autocast_enabled(device);
  before[1] = static_cast<int>(at::autocast::get_autocast_dtype(device));
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::set_autocast_dtype(device, type);
#else
  if (device == at::kCPU) {
    before[0] = at::autocast::is_cpu_enabled();
    before[1] = static_cast<int>(at::autocast::get_autocast_cpu_dtype());
    at::autocast::set_cpu_enabled(true);
    at::autocast::set_autocast_cpu_dtype(type);
  } else {
    before[0] = at::autocast::is_enabled();
    before[1] = static_cast<int>(at::autocast::get_autocast_gpu_dtype());
    at::autocast::set_enabled(true);
    at::autocast::set_autocast_gpu_dtype(type);
  }
#endif
  at::autocast::increment_nesting();
}

void cone_autocast_end(int device_type, const int *before) {
  auto device = static_cast<at::DeviceType>(device_type);
  auto type = static_cast<at::ScalarType>(before[1]);
  // The cache of lowered weights lives as long as the outermost region.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
#if CONE_TORCH(2, 4)
  at::autocast::set_autocast_enabled(device, before[0] != 0);
  at::autocast::set_autocast_dtype(device, type);
#else
  if (device == at::kCPU) {
    at::autocast::set_cpu_enabled(before[0] != 0);
    at::autocast::set_autocast_cpu_dtype(type);
  } else {
    at::autocast::set_enabled(before[0] != 0);
    at::autocast::set_autocast_gpu_dtype(type);
  }
#endif
}

void cone_seed(int64_t seed) { at::manual_seed(static_cast<uint64_t>(seed)); }

void cone_random_state(int device_type, int device_index, cone_result *r) {
  guarded(r, [&] {
    at::Generator g = generator(device_type, device_index);
    std::lock_guard<std::mutex> lock(g.mutex());
    push_tensor(r, g.get_state());
  });
}

void cone_set_random_state(int device_type, int device_index, int64_t state, cone_result *r) {
  guarded(r, [&] {
    at::Generator g = generator(device_type, device_index);
    std::lock_guard<std::mutex> lock(g.mutex());
    g.set_state(borrow(state));
  });
}

void cone_set_threads(int threads) { at::set_num_threads(threads); }
int cone_threads(void) { return at::get_num_threads(); }
void cone_flush_denormals(int on) { at::globalContext().setFlushDenormal(on != 0); }
int cone_has_cuda(void) { return at::globalContext().hasCUDA(); }
const char *cone_torch_version(void) { return TORCH_VERSION; }

char *cone_build_info(void) { return copy_text(at::show_config()); }

}  // extern "C"
