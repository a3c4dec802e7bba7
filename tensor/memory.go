package tensor

import (
	"fmt"
	"runtime"
	"unsafe"

	"cone/tensor/internal/door"
)

// Element is a Go type that a tensor's memory can hold.
type Element interface {
	~uint8 | ~int32 | ~int64 | ~float32 | ~float64
}

func dtypeOf[E Element]() DType {
	var e E
	switch any(e).(type) {
	case uint8:
		return Uint8
	case int32:
		return Int32
	case int64:
		return Int64
	case float32:
		return Float32
	default:
		return Float64
	}
}

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// View makes a tensor over the slice's own memory, row-major, without a copy.
// The pinner holds the memory in place: unpin it only when no operator will
// look at the tensor, or at a view of it, any more.
func View[E Element](pin *runtime.Pinner, data []E, shape ...int) Tensor {
	if product(shape) != len(data) {
		fail("view of memory", fmt.Sprintf("shape %v holds %d elements but the slice has %d", shape, product(shape), len(data)))
	}
	p := unsafe.Pointer(unsafe.SliceData(data))
	if len(data) > 0 {
		pin.Pin(p)
	}
	sizes := make([]int64, len(shape))
	for i, s := range shape {
		sizes[i] = int64(s)
	}
	var r door.Result
	door.ViewMemory(p, sizes, int32(dtypeOf[E]()), &r)
	if r.Error != "" {
		fail("view of memory", r.Error)
	}
	if l := listening.Load(); l != nil {
		l.forget(door.Handle(r.Value[0]))
	}
	return Tensor{door.Handle(r.Value[0])}
}

// From copies the slice into a new tensor, row-major.
func From[E Element](data []E, shape ...int) Tensor {
	return ScopeOf(func() Tensor {
		var pin runtime.Pinner
		defer pin.Unpin()
		return View(&pin, data, shape...).Clone()
	})
}

// FromBytes copies raw little-endian elements into a new tensor, row-major.
func FromBytes(raw []byte, d DType, shape ...int) Tensor {
	t := Empty(d, CPU, shape...)
	t.bytes(func(b []byte) {
		if len(b) != len(raw) {
			fail("tensor from bytes", fmt.Sprintf("%v%v has %d bytes, not %d", d, shape, len(b), len(raw)))
		}
		copy(b, raw)
	})
	return t
}

// To copies the tensor's elements, row-major, into a new slice; the element
// types must be the same (use ToDType first).
func To[E Element](t Tensor) []E {
	if t.DType() != dtypeOf[E]() {
		fail("copy to Go", fmt.Sprintf("a tensor of %v is not a slice of %v", t.DType(), dtypeOf[E]()))
	}
	out := make([]E, t.Len())
	t.Bytes(func(b []byte) {
		if len(b) > 0 {
			copy(unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), len(b)), b)
		}
	})
	return out
}

// Bytes shows f the tensor's elements as raw little-endian bytes, row-major:
// the tensor's own memory where it lies so already, a copy elsewhere. The
// slice is valid until f returns.
func (t Tensor) Bytes(f func([]byte)) {
	t.info() // an undefined tensor has no bytes
	Scope(func() {
		c := t
		if _, _, dense := door.Data(c.h); !dense {
			NoGrad(func() { c = t.ToDevice(CPU).Contiguous() })
		}
		c.bytes(f)
	})
}

func (t Tensor) bytes(f func([]byte)) {
	p, n, _ := door.Data(t.h)
	if n == 0 {
		f(nil)
		return
	}
	f(unsafe.Slice((*byte)(p), n))
}

// Item is the value of a tensor with one element. On a GPU it waits for the
// device: a sync point.
func (t Tensor) Item() float64 { return item.number(in(t)) }

// Items are the values of tensors with one element each, all read in one go:
// on a GPU one sync point.
func Items(tensors []Tensor) []float64 {
	if len(tensors) == 0 || tensors[0].OnCPU() {
		out := make([]float64, len(tensors))
		for i, t := range tensors {
			out[i] = t.Item()
		}
		return out
	}
	var out []float64
	Scope(func() {
		NoGrad(func() {
			out = To[float64](Cat(each(tensors, func(t Tensor) Tensor { return t.ToDType(Float64).View(1) }), 0))
		})
	})
	return out
}

var item = schema("aten::item")
