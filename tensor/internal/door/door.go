// Package door is the one place where Go meets libtorch: a C++ file that
// calls the dispatcher's operators by schema name, and this thin cover.
// Package tensor is its only caller.
//
// Build: Debian's libtorch-dev by default. For a PyTorch 2.x installation set
// TORCH_DIR for the Makefile, which passes its include and library folders in
// CGO_CXXFLAGS and CGO_LDFLAGS.
package door

/*
#cgo CXXFLAGS: -std=c++20 -DUSE_C10D_GLOO -O2 -fopenmp -Wall -Wno-sign-compare -Wno-unknown-pragmas -I/usr/include/torch/csrc/api/include
#cgo LDFLAGS: -ltorch -ltorch_cpu -lc10 -lgomp
#cgo noescape cone_call
#cgo nocallback cone_call
#cgo noescape cone_backward
#cgo nocallback cone_backward
#cgo noescape cone_tensor_info
#cgo nocallback cone_tensor_info
#cgo noescape cone_tensor_strides
#cgo nocallback cone_tensor_strides
#cgo noescape cone_tensor_data
#cgo nocallback cone_tensor_data
#include <stdlib.h>
#include "door.h"
*/
import "C"

import (
	"unsafe"
)

// Handle is a TensorImpl of libtorch; 0 is the undefined tensor.
type Handle int64

// Tags of the argument wire, as in door.h.
const (
	None       = C.CONE_NONE
	Tensor     = C.CONE_TENSOR
	Int        = C.CONE_INT
	Double     = C.CONE_DOUBLE
	Bool       = C.CONE_BOOL
	Ints       = C.CONE_INTS
	Tensors    = C.CONE_TENSORS
	Doubles    = C.CONE_DOUBLES
	String     = C.CONE_STRING
	Default    = C.CONE_DEFAULT
	Device     = C.CONE_DEVICE
	OptTensors = C.CONE_OPT_TENSORS
	Bools      = C.CONE_BOOLS
)

// MaxOutputs bounds what one operator may return.
const MaxOutputs = C.CONE_MAX_OUTPUTS

// MaxDims bounds the dimensions of a tensor that Go looks at.
const MaxDims = 16

// Operator is a resolved schema of the dispatcher.
type Operator struct{ handle unsafe.Pointer }

// Result is what a call returned: N values, each with its kind (a tag), or an
// error text.
type Result struct {
	N     int
	Kind  [MaxOutputs]int32
	Value [MaxOutputs]int64
	Error string
}

func (r *Result) take(c *C.cone_result) {
	r.N = int(c.n)
	for i := 0; i < r.N; i++ {
		r.Kind[i] = int32(c.kind[i])
		r.Value[i] = int64(c.value[i])
	}
	r.Error = takeText(c.error)
}

func takeText(p *C.char) string {
	if p == nil {
		return ""
	}
	s := C.GoString(p)
	C.free(unsafe.Pointer(p))
	return s
}

// Find resolves a schema; the text is empty when it exists.
func Find(name, overload string) (Operator, string) {
	n, o := C.CString(name), C.CString(overload)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(o))
	var text *C.char
	p := C.cone_operator(n, o, &text)
	return Operator{p}, takeText(text)
}

// HasKernel says whether the operator exists with a kernel for the dispatch
// key ("CPU", "CUDA", …); with an empty key, whether it exists at all.
func HasKernel(name, overload, key string) bool {
	n, o, k := C.CString(name), C.CString(overload), C.CString(key)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(o))
	defer C.free(unsafe.Pointer(k))
	return C.cone_has_kernel(n, o, k) != 0
}

// Call runs an operator with the arguments on the wire.
func Call(op Operator, wire []int64, r *Result) {
	var c C.cone_result
	C.cone_call(op.handle, (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(wire))), C.int(len(wire)), &c)
	r.take(&c)
}

// OpenScope opens a scope on this thread and returns its depth.
func OpenScope() int { return int(C.cone_scope_open()) }

// CloseScope frees what the scopes at or above the depth own.
func CloseScope(depth int) { C.cone_scope_close(C.int(depth)) }

// ScopeDepth is the number of open scopes of this thread.
func ScopeDepth() int { return int(C.cone_scope_depth()) }

// Return makes the enclosing scope an owner too.
func Return(h Handle) { C.cone_return(C.int64_t(h)) }

// Drop ends the innermost scope's ownership; false if it had none.
func Drop(h Handle) bool { return C.cone_drop(C.int64_t(h)) != 0 }

// Keep adds an owner that no scope ends; Free ends it.
func Keep(h Handle) { C.cone_keep(C.int64_t(h)) }

// Free ends what Keep began.
func Free(h Handle) { C.cone_free(C.int64_t(h)) }

// Live counts the handles owned by scopes or kept, on all threads.
func Live() int64 { return int64(C.cone_live_tensors()) }

// Info returns dtype and device type (libtorch's numbers) and writes the sizes.
func Info(h Handle, sizes *[MaxDims]int64) (dtype, device int32, dims int) {
	var d, v, n C.int32_t
	C.cone_tensor_info(C.int64_t(h), &d, &v, &n, (*C.int64_t)(unsafe.Pointer(sizes)), MaxDims)
	return int32(d), int32(v), int(n)
}

// Strides writes the strides, in elements.
func Strides(h Handle, strides *[MaxDims]int64) {
	C.cone_tensor_strides(C.int64_t(h), (*C.int64_t)(unsafe.Pointer(strides)), MaxDims)
}

// Data returns the address and length in bytes of a tensor's memory, and
// whether it is a dense row-major block in the processor's memory.
func Data(h Handle) (p unsafe.Pointer, bytes int64, dense bool) {
	var n C.int64_t
	var d C.int
	p = C.cone_tensor_data(C.int64_t(h), &n, &d)
	return p, int64(n), d != 0
}

// RequiresGrad says whether autograd records what is done with the tensor.
func RequiresGrad(h Handle) bool { return C.cone_requires_grad(C.int64_t(h)) != 0 }

// SetRequiresGrad marks a leaf.
func SetRequiresGrad(h Handle, on bool, r *Result) {
	var c C.cone_result
	C.cone_set_requires_grad(C.int64_t(h), boolInt(on), &c)
	r.take(&c)
}

// Grad returns the gradient of a leaf, or None.
func Grad(h Handle, r *Result) {
	var c C.cone_result
	C.cone_grad(C.int64_t(h), &c)
	r.take(&c)
}

// ClearGrad drops a leaf's gradient.
func ClearGrad(h Handle) { C.cone_clear_grad(C.int64_t(h)) }

// Backward runs autograd from the roots with the given output gradients
// (0: the root is a scalar).
func Backward(roots, grads []Handle, retain bool, r *Result) {
	var c C.cone_result
	C.cone_backward((*C.int64_t)(unsafe.Pointer(unsafe.SliceData(roots))),
		(*C.int64_t)(unsafe.Pointer(unsafe.SliceData(grads))), C.int(len(roots)), boolInt(retain), &c)
	r.take(&c)
}

// ViewMemory makes a tensor over memory that the caller keeps alive and in place.
func ViewMemory(data unsafe.Pointer, sizes []int64, dtype int32, r *Result) {
	var c C.cone_result
	C.cone_view_memory(data, (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(sizes))), C.int(len(sizes)), C.int32_t(dtype), &c)
	r.take(&c)
}

// SetGradMode switches autograd's recording on this thread, returning the mode before.
func SetGradMode(on bool) bool { return C.cone_set_grad_mode(boolInt(on)) != 0 }

// Autocast is what AutocastBegin replaced.
type Autocast struct {
	device int32
	before [2]C.int
}

// AutocastBegin lowers eligible operators to the dtype on this thread.
func AutocastBegin(device, dtype int32) Autocast {
	a := Autocast{device: device}
	C.cone_autocast_begin(C.int(device), C.int(dtype), &a.before[0])
	return a
}

// End restores what was before.
func (a Autocast) End() { C.cone_autocast_end(C.int(a.device), &a.before[0]) }

// Seed starts libtorch's random streams.
func Seed(seed int64) { C.cone_seed(C.int64_t(seed)) }

// RandomState returns the state of a device's random stream as a byte tensor.
func RandomState(device, index int32, r *Result) {
	var c C.cone_result
	C.cone_random_state(C.int(device), C.int(index), &c)
	r.take(&c)
}

// SetRandomState restores what RandomState returned.
func SetRandomState(device, index int32, state Handle, r *Result) {
	var c C.cone_result
	C.cone_set_random_state(C.int(device), C.int(index), C.int64_t(state), &c)
	r.take(&c)
}

// SetThreads sets the threads that one operator may use, for this thread and
// those it starts.
func SetThreads(n int) { C.cone_set_threads(C.int(n)) }

// Threads is the number of threads that one operator may use.
func Threads() int { return int(C.cone_threads()) }

// FlushDenormals treats numbers too small for a normal float as zero.
func FlushDenormals(on bool) { C.cone_flush_denormals(boolInt(on)) }

// HasCUDA says whether this libtorch can use a GPU here.
func HasCUDA() bool { return C.cone_has_cuda() != 0 }

// TorchVersion is the version that the program was built against.
func TorchVersion() string { return C.GoString(C.cone_torch_version()) }

// BuildInfo is libtorch's own description of how it was built and what it uses.
func BuildInfo() string { return takeText(C.cone_build_info()) }

func boolInt(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
