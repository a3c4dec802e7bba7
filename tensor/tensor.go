// Package tensor is the engine's door for Go: tensors, operators, autograd and
// scopes over libtorch.
//
// Operators panic with *OpError; Run turns that into an error at the edge.
// Everything that an operator returns belongs to the innermost Scope of the
// calling goroutine and is freed when that scope ends. What must live longer
// is kept with Keep and ended with Free.
//
// libtorch keeps its state per OS thread, and each thread that enters it gets
// its own team of workers: use it from inside Run, which holds one thread.
//
// Shape legend of the whole project: N batch, C classes, D embedding width,
// F backbone output width, K bank entries, k neighbours, H×W height × width.
package tensor

import (
	"fmt"

	"cone/tensor/internal/door"
)

// Tensor is a handle on one of libtorch's tensors. The zero value is the
// undefined tensor.
type Tensor struct{ h door.Handle }

// Defined says whether there is a tensor behind the handle.
func (t Tensor) Defined() bool { return t.h != 0 }

// DType is the type of a tensor's elements, by libtorch's numbers.
type DType int32

// The element types that the project uses.
const (
	Uint8    DType = 0
	Int64    DType = 4
	Int32    DType = 3
	Float16  DType = 5
	Float32  DType = 6
	Float64  DType = 7
	Bool     DType = 11
	BFloat16 DType = 15
)

var dtypeNames = map[DType]string{
	Uint8: "uint8", Int32: "int32", Int64: "int64", Float16: "float16",
	Float32: "float32", Float64: "float64", Bool: "bool", BFloat16: "bfloat16",
}

func (d DType) String() string {
	if s, ok := dtypeNames[d]; ok {
		return s
	}
	return fmt.Sprintf("dtype %d", int32(d))
}

// Size is the length of one element in bytes.
func (d DType) Size() int {
	switch d {
	case Uint8, Bool:
		return 1
	case Float16, BFloat16:
		return 2
	case Int32, Float32:
		return 4
	default:
		return 8
	}
}

// Device is where a tensor's memory lies.
type Device struct {
	// Kind by libtorch's numbers: 0 CPU, 1 CUDA, 14 meta.
	Kind int32
	// Index of the GPU; −1 elsewhere.
	Index int32
}

// CPU is the processor's memory.
var CPU = Device{Kind: 0, Index: -1}

// Meta is no memory at all: its tensors have shapes but no contents.
var Meta = Device{Kind: 14, Index: -1}

// CUDA is the memory of the GPU with this index.
func CUDA(index int) Device { return Device{Kind: 1, Index: int32(index)} }

// IsCPU says whether the device is the processor.
func (d Device) IsCPU() bool { return d.Kind == 0 }

func (d Device) String() string {
	switch {
	case d.IsCPU():
		return "cpu"
	case d == Meta:
		return "meta"
	}
	return fmt.Sprintf("cuda:%d", d.Index)
}

// MemoryFormat is the order of an image tensor's elements in memory.
type MemoryFormat int32

// The memory formats, by libtorch's numbers.
const (
	Contiguous   MemoryFormat = 0
	Preserve     MemoryFormat = 1
	ChannelsLast MemoryFormat = 2
)

// DType of the elements.
func (t Tensor) DType() DType {
	d, _, _ := t.info()
	return d
}

// OnCPU says whether the memory is the processor's.
func (t Tensor) OnCPU() bool {
	_, device, _ := t.info()
	return device == 0
}

// Shape is the size of each dimension.
func (t Tensor) Shape() []int {
	_, _, s := t.info()
	return s
}

// Dim is the size of dimension d; −1 is the last.
func (t Tensor) Dim(d int) int {
	s := t.Shape()
	if d < 0 {
		d += len(s)
	}
	return s[d]
}

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, s := range t.Shape() {
		n *= s
	}
	return n
}

// Strides of each dimension, in elements.
func (t Tensor) Strides() []int {
	var strides [door.MaxDims]int64
	n := len(t.Shape())
	door.Strides(t.h, &strides)
	out := make([]int, n)
	for i := range out {
		out[i] = int(strides[i])
	}
	return out
}

func (t Tensor) info() (DType, int32, []int) {
	if t.h == 0 {
		panic(&OpError{Operator: "shape", Message: "the tensor is undefined"})
	}
	var sizes [door.MaxDims]int64
	dtype, device, n := door.Info(t.h, &sizes)
	if n > door.MaxDims {
		panic(&OpError{Operator: "shape", Message: fmt.Sprintf("%d dimensions", n)})
	}
	out := make([]int, n)
	for i := range out {
		out[i] = int(sizes[i])
	}
	return DType(dtype), device, out
}

// String describes the tensor: "float32[256 3 28 28]".
func (t Tensor) String() string {
	if !t.Defined() {
		return "undefined"
	}
	d, _, s := t.info()
	return fmt.Sprintf("%v%v", d, s)
}
