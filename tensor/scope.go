package tensor

import (
	"errors"
	"runtime"

	"cone/tensor/internal/door"
)

// Run holds one OS thread while f works with tensors, owns what f leaves
// behind, and returns an operator's failure as an error (*OpError).
func Run(f func() error) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	depth := door.OpenScope()
	defer door.CloseScope(depth)
	defer func() {
		if p := recover(); p != nil {
			if e, ok := p.(*OpError); ok {
				err = e
				return
			}
			panic(p)
		}
	}()
	return f()
}

// AsOpError finds an operator's failure in an error's chain.
func AsOpError(err error) (*OpError, bool) {
	var e *OpError
	ok := errors.As(err, &e)
	return e, ok
}

// Scope frees, when f ends, every tensor that operators returned inside f and
// that was not handed on with Return or Keep.
func Scope(f func()) {
	depth := door.OpenScope()
	defer door.CloseScope(depth)
	f()
}

// ScopeOf is Scope for a function with a result: the tensor that f returns
// lives on in the enclosing scope.
func ScopeOf(f func() Tensor) Tensor {
	depth := door.OpenScope()
	defer door.CloseScope(depth)
	return f().Return()
}

// Return hands the tensor to the enclosing scope, so that it outlives this one.
func (t Tensor) Return() Tensor {
	door.Return(t.h)
	return t
}

// Drop ends the innermost scope's ownership before the scope ends, so that a
// chain of layers does not hold on to every tensor between them; autograd
// keeps what it needs. The tensor must not be used afterwards.
func (t Tensor) Drop() {
	if !door.Drop(t.h) {
		panic(&OpError{Operator: "drop", Message: "the innermost scope does not own the tensor"})
	}
}

// Keep takes the tensor out of the scopes' care: it lives until Free.
func (t Tensor) Keep() Tensor {
	door.Keep(t.h)
	return t
}

// Free ends what Keep began.
func (t Tensor) Free() { door.Free(t.h) }

// Live counts the tensors that scopes own or that are kept, on all threads.
func Live() int64 { return door.Live() }

// ScopeOf2 is ScopeOf for two tensors.
func ScopeOf2(f func() (a, b Tensor)) [2]Tensor {
	depth := door.OpenScope()
	defer door.CloseScope(depth)
	a, b := f()
	return [2]Tensor{a.Return(), b.Return()}
}
