package tensor

import (
	"runtime"

	"cone/tensor/internal/door"
)

// NoGrad runs f without autograd's recording. The mode belongs to the thread,
// which is therefore held, outside Run too.
func NoGrad(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := door.SetGradMode(false)
	defer door.SetGradMode(before)
	f()
}

// Autocast runs f with the operators that profit lowered to the dtype on the
// device; weights are lowered once per outermost region. With Float32 or
// Float64 it only runs f.
func Autocast(on Device, d DType, f func()) {
	if d != BFloat16 && d != Float16 {
		f()
		return
	}
	a := door.AutocastBegin(on.Kind, int32(d))
	defer a.End()
	f()
}

// RequiresGrad says whether autograd records what is done with the tensor.
func (t Tensor) RequiresGrad() bool { return door.RequiresGrad(t.h) }

// SetRequiresGrad marks a leaf as one that gets a gradient.
func (t Tensor) SetRequiresGrad(on bool) Tensor {
	var r door.Result
	door.SetRequiresGrad(t.h, on, &r)
	if r.Error != "" {
		fail("requires_grad_", r.Error)
	}
	return t
}

// Grad is the gradient that Backward left on a leaf; undefined before.
func (t Tensor) Grad() Tensor {
	var r door.Result
	door.Grad(t.h, &r)
	if r.Error != "" {
		fail("grad", r.Error)
	}
	if r.Kind[0] != door.Tensor {
		return Tensor{}
	}
	return Tensor{door.Handle(r.Value[0])}
}

// ClearGrad drops a leaf's gradient, so that the next Backward writes it
// anew instead of adding to it.
func (t Tensor) ClearGrad() { door.ClearGrad(t.h) }

// Backward adds the gradient of the scalar t to every leaf it came from.
func (t Tensor) Backward() { BackwardFrom([]Tensor{t}, []Tensor{{}}, false) }

// BackwardFrom starts at several roots with the given output gradients (an
// undefined one stands for 1 at a scalar root); retain keeps the graph for
// another pass.
func BackwardFrom(roots, grads []Tensor, retain bool) {
	r, g := make([]door.Handle, len(roots)), make([]door.Handle, len(roots))
	for i := range roots {
		r[i], g[i] = roots[i].h, grads[i].h
	}
	var result door.Result
	door.Backward(r, g, retain, &result)
	if result.Error != "" {
		fail("backward", result.Error)
	}
}
