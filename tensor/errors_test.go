package tensor_test

import (
	"strings"
	"testing"

	"cone/tensor"
)

// TestFailuresAreOpErrors: each names its operator, in one paragraph.
func TestFailuresAreOpErrors(t *testing.T) {
	float := func(shape ...int) tensor.Tensor { return tensor.Zeros(tensor.Float32, tensor.CPU, shape...) }
	for name, c := range map[string]struct {
		f              func()
		operator, text string
	}{
		"view of another size": {func() { float(2, 3).View(4, 2) }, "aten::view", "invalid"},
		"two sizes left open":  {func() { float(2, 3).View(-1, -1) }, "aten::view", "infer"},
		"view across strides":  {func() { float(2, 3).Transpose(0, 1).View(6) }, "aten::view", "stride"},
		"backward without history": {func() { float().Backward() },
			"backward", "does not require grad"},
		"backward from a vector": {func() { float(3).SetRequiresGrad(true).Scale(2).Backward() },
			"backward", "scalar"},
		"backward twice": {func() {
			x := float(3).SetRequiresGrad(true)
			y := x.Mul(x).Sum()
			y.Backward()
			y.Backward()
		}, "backward", "second time"},
		"gradient of another shape": {func() {
			y := float(3).SetRequiresGrad(true).Scale(2)
			tensor.BackwardFrom([]tensor.Tensor{y}, []tensor.Tensor{float(4)}, false)
		}, "backward", "shape"},
		"gradients of integers": {func() { tensor.Arange(0, 3, tensor.CPU).SetRequiresGrad(true) },
			"requires_grad_", "floating point"},
		"a leaf changed in place": {func() { float(3).SetRequiresGrad(true).Fill(1) }, "aten::fill_.Scalar", "in-place"},
		"an item of many":         {func() { float(3).Item() }, "aten::item", ""},
		"more neighbours than entries": {func() { float(2, 3).TopK(4, false) },
			"aten::topk", "out of range"},
		"an index out of range": {func() { float(2).IndexSelect(0, tensor.Arange(0, 3, tensor.CPU)) },
			"aten::index_select", "range"},
		"narrow beyond the end": {func() { float(4).Narrow(0, 2, 3) }, "aten::narrow", "exceeds"},
		"a negative size":       {func() { float(-1) }, "aten::empty.memory_format", "negative"},
		"shape and slice":       {func() { tensor.From([]float32{1, 2, 3}, 2, 2) }, "view of memory", "4 elements"},
		"shape and bytes":       {func() { tensor.FromBytes(make([]byte, 7), tensor.Float32, 2) }, "tensor from bytes", "8 bytes, not 7"},
		"another element type":  {func() { tensor.To[float64](float(2)) }, "copy to Go", "float32"},
		"undefined input":       {func() { float(2).Add(tensor.Tensor{}) }, "aten::add.Tensor", ""},
		"shape of the undefined tensor": {func() { tensor.Tensor{}.Shape() },
			"shape", "undefined"},
		"bytes in another type": {func() { tensor.To[float32](tensor.Tensor{}) }, "shape", "undefined"},
		"channels last of a matrix": {func() { float(2, 3).ChannelsLast() },
			"aten::contiguous", "rank 4"},
		"too much memory": {func() { float(1<<40, 1<<15) }, "aten::empty.memory_format", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := tensor.Live()
			err := tensor.Run(func() error { c.f(); return nil })
			e, ok := tensor.AsOpError(err)
			if !ok {
				t.Fatalf("got %v, want an *OpError", err)
			}
			if e.Operator != c.operator || !strings.Contains(e.Message, c.text) {
				t.Errorf("operator %q, message %q; want %q and %q", e.Operator, e.Message, c.operator, c.text)
			}
			if strings.Contains(e.Error(), "\n") || !strings.HasPrefix(e.Error(), c.operator+": ") {
				t.Errorf("the error reads %q", e.Error())
			}
			if after := tensor.Live(); after != before {
				t.Errorf("%d tensors leaked", after-before)
			}
		})
	}
}

// TestOutOfMemoryIsRecognised: a request for more than any machine has.
func TestOutOfMemoryIsRecognised(t *testing.T) {
	err := tensor.Run(func() error { tensor.Empty(tensor.Float32, tensor.CPU, 1<<45); return nil })
	e, ok := tensor.AsOpError(err)
	if !ok || !e.OutOfMemory() {
		t.Errorf("2⁴⁷ bytes gave %v, want an *OpError that says there is no memory", err)
	}
	err = tensor.Run(func() error { tensor.Zeros(tensor.Float32, tensor.CPU, 2).View(3); return nil })
	if e, ok := tensor.AsOpError(err); !ok || e.OutOfMemory() {
		t.Errorf("%v passes for a lack of memory", err)
	}
}

// TestBackwardFromSeveralRoots: gradients add up over roots and passes.
func TestBackwardFromSeveralRoots(t *testing.T) {
	run(t, func() {
		x := tensor.From([]float64{1, 2, 3}, 3).SetRequiresGrad(true)
		square := x.Mul(x)
		cube := square.Mul(x).Sum()
		weights := tensor.From([]float64{1, 10, 100}, 3)
		for pass := 1.0; pass <= 2; pass++ {
			tensor.BackwardFrom([]tensor.Tensor{square, cube}, []tensor.Tensor{weights, {}}, true)
			got := tensor.To[float64](x.Grad())
			for i, v := range []float64{1, 2, 3} {
				want := pass * (2*v*[]float64{1, 10, 100}[i] + 3*v*v)
				if got[i] != want {
					t.Errorf("pass %v: gradient %v, want %v at %d", pass, got, want, i)
				}
			}
		}
	})
}

// TestDetachHasNoHistory but shares the memory.
func TestDetachHasNoHistory(t *testing.T) {
	run(t, func() {
		x := tensor.Full(2, tensor.Float32, tensor.CPU, 2).SetRequiresGrad(true)
		y := x.Detach()
		y.Fill(5)
		if y.RequiresGrad() || x.Sum().Item() != 10 {
			t.Errorf("after filling the detached: gradient %v, sum %v", y.RequiresGrad(), x.Sum().Item())
		}
		if x.SetRequiresGrad(false).RequiresGrad() || x.Grad().Defined() {
			t.Error("the leaf still learns")
		}
	})
}

func TestEngineFacts(t *testing.T) {
	if !tensor.Exists("aten::conv2d") || tensor.Exists("aten::no_such_operator") || tensor.Exists("aten::add.NoSuchOverload") {
		t.Error("Exists is wrong about operators")
	}
	for _, own := range []string{"cone::sgd_", "cone::average_", "cone::l2_norm"} {
		if !tensor.Exists(own) {
			t.Errorf("there is no %s", own)
		}
	}
	if version := tensor.TorchVersion(); strings.Count(version, ".") < 2 {
		t.Errorf("libtorch's version is %q", version)
	}
	if capability := tensor.CPUCapability(); capability == "" || strings.ContainsAny(capability, " \n") {
		t.Errorf("the instruction set is %q", capability)
	}
}

// TestThreadsBelongToTheRun: SetThreads is for the calling thread.
func TestThreadsBelongToTheRun(t *testing.T) {
	run(t, func() {
		before := tensor.Threads()
		if before < 1 {
			t.Errorf("%d threads", before)
		}
		tensor.SetThreads(1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			tensor.Run(func() error { tensor.SetThreads(2); return nil })
		}()
		<-done
		if got := tensor.Threads(); got != 1 {
			t.Errorf("another goroutine changed the threads to %d", got)
		}
		tensor.SetThreads(before)
	})
}
