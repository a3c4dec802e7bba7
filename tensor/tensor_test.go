package tensor_test

import (
	"runtime"
	"strings"
	"testing"

	"cone/tensor"
)

// run is tensor.Run for tests.
func run(t *testing.T, f func()) {
	t.Helper()
	before := tensor.Live()
	if err := tensor.Run(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
	if after := tensor.Live(); after != before {
		t.Errorf("%d tensors leaked", after-before)
	}
}

func TestOperatorsAndAutograd(t *testing.T) {
	run(t, func() {
		x := tensor.From([]float32{1, 2, 3, 4}, 2, 2).SetRequiresGrad(true)
		y := x.Mul(x).Scale(0.5).Sum()
		if got := y.Item(); got != 15 {
			t.Errorf("sum of x²/2 is %v, want 15", got)
		}
		y.Backward()
		got := tensor.To[float32](x.Grad())
		for i, want := range []float32{1, 2, 3, 4} {
			if got[i] != want {
				t.Errorf("gradient %v, want x itself", got)
			}
		}
		x.ClearGrad()
		if x.Grad().Defined() {
			t.Error("the gradient is still there after ClearGrad")
		}
		tensor.NoGrad(func() {
			if x.Mul(x).RequiresGrad() {
				t.Error("recorded inside NoGrad")
			}
		})
	})
}

func TestErrorNamesOperatorAndShapes(t *testing.T) {
	err := tensor.Run(func() error {
		a := tensor.Zeros(tensor.Float32, tensor.CPU, 2, 3)
		b := tensor.Zeros(tensor.Float32, tensor.CPU, 4, 5)
		a.MatMul(b)
		return nil
	})
	e, ok := tensor.AsOpError(err)
	if !ok {
		t.Fatalf("got %v, want an *OpError", err)
	}
	if e.Operator != "aten::matmul" || !strings.Contains(e.Shapes, "Float[2, 3], Float[4, 5]") {
		t.Errorf("operator %q, shapes %q", e.Operator, e.Shapes)
	}
	if len(e.Stack) == 0 || strings.Contains(e.Message, "\n") {
		t.Errorf("message %q, %d bytes of stack", e.Message, len(e.Stack))
	}
}

func TestScopesOwnWhatOperatorsReturn(t *testing.T) {
	run(t, func() {
		base := tensor.Live()
		var kept, returned tensor.Tensor
		tensor.Scope(func() {
			a := tensor.Full(2, tensor.Float64, tensor.CPU, 3)
			kept = a.Scale(2).Keep()
			returned = a.Scale(3).Return()
			a.Scale(4)
		})
		if n := tensor.Live() - base; n != 2 {
			t.Errorf("%d tensors live after the scope, want the kept and the returned one", n)
		}
		if kept.Sum().Item() != 12 || returned.Sum().Item() != 18 {
			t.Error("values changed after the scope ended")
		}
		kept.Free()
	})
}

func TestDropEndsOwnershipEarly(t *testing.T) {
	run(t, func() {
		a := tensor.Zeros(tensor.Float32, tensor.CPU, 3)
		base := tensor.Live()
		b := a.Scale(2)
		b.Drop()
		if n := tensor.Live(); n != base {
			t.Errorf("%d tensors live after Drop, want %d", n, base)
		}
		err := tensor.Run(func() error { a.Drop(); return nil })
		if _, ok := tensor.AsOpError(err); !ok {
			t.Errorf("dropping another scope's tensor: %v", err)
		}
	})
}

func TestViewSharesMemory(t *testing.T) {
	run(t, func() {
		var pin runtime.Pinner
		defer pin.Unpin()
		data := []int64{1, 2, 3}
		v := tensor.View(&pin, data, 3)
		v.AddNumberInto(3)
		if data[2] != 6 {
			t.Errorf("the slice holds %v after adding 3 to its view", data)
		}
	})
}

func TestAutocastLowersConvolution(t *testing.T) {
	run(t, func() {
		x := tensor.Zeros(tensor.Float32, tensor.CPU, 1, 4, 8, 8).Normal(0, 1).ChannelsLast()
		w := tensor.Zeros(tensor.Float32, tensor.CPU, 4, 4, 3, 3).Normal(0, 1)
		tensor.Autocast(tensor.CPU, tensor.BFloat16, func() {
			if d := x.Conv2d(w, 1, 1).DType(); d != tensor.BFloat16 {
				t.Errorf("under autocast a convolution gives %v", d)
			}
		})
		if d := x.Conv2d(w, 1, 1).DType(); d != tensor.Float32 {
			t.Errorf("after autocast a convolution gives %v", d)
		}
	})
}

func TestRandomStateRestores(t *testing.T) {
	run(t, func() {
		tensor.Seed(7)
		state := tensor.RandomState(tensor.CPU)
		draw := func() []float32 {
			return tensor.To[float32](tensor.Empty(tensor.Float32, tensor.CPU, 64).Normal(0, 1))
		}
		first := draw()
		if again := draw(); again[0] == first[0] {
			t.Error("the stream did not move")
		}
		tensor.SetRandomState(tensor.CPU, state)
		for i, v := range draw() {
			if v != first[i] {
				t.Fatal("the restored state gives other numbers")
			}
		}
	})
}
