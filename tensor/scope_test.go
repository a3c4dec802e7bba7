package tensor_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"cone/tensor"
)

func TestReturnAcrossNestedScopes(t *testing.T) {
	run(t, func() {
		base := tensor.Live()
		var out tensor.Tensor
		tensor.Scope(func() {
			tensor.Scope(func() {
				tensor.Scope(func() {
					a := tensor.Full(1, tensor.Float32, tensor.CPU, 4)
					out = a.Scale(3).Return()
					a.Scale(2)
				})
				live(t, "after the innermost scope", base+1)
				tensor.Zeros(tensor.Float32, tensor.CPU, 1)
				out.Return()
			})
			live(t, "after the middle scope", base+1)
			if got := out.Sum().Item(); got != 12 {
				t.Errorf("the returned tensor sums to %v, want 12", got)
			}
		})
		live(t, "after the outermost scope", base)
	})
}

func TestScopeOf(t *testing.T) {
	run(t, func() {
		base := tensor.Live()
		a := tensor.ScopeOf(func() tensor.Tensor {
			return tensor.ScopeOf(func() tensor.Tensor {
				return tensor.Full(2, tensor.Float32, tensor.CPU, 3).Scale(2).Scale(2)
			}).Scale(2)
		})
		live(t, "after nested ScopeOf", base+1)
		both := tensor.ScopeOf2(func() (x, y tensor.Tensor) {
			x = a.Scale(0.5)
			return x, x.Scale(0.5)
		})
		live(t, "after ScopeOf2", base+3)
		if got := []float64{a.Sum().Item(), both[0].Sum().Item(), both[1].Sum().Item()}; got[0] != 48 || got[1] != 24 || got[2] != 12 {
			t.Errorf("sums %v", got)
		}
		// What already belongs to an outer scope, and the undefined tensor.
		same := tensor.ScopeOf(func() tensor.Tensor { return a })
		if same != a || a.Sum().Item() != 48 {
			t.Error("returning an outer tensor changed it")
		}
		if tensor.ScopeOf(func() tensor.Tensor { return tensor.Tensor{} }).Defined() {
			t.Error("the undefined tensor became defined")
		}
	})
}

// TestViewOutlivesItsBase: a returned view holds the memory it looks at.
func TestViewOutlivesItsBase(t *testing.T) {
	run(t, func() {
		v := tensor.ScopeOf(func() tensor.Tensor {
			return tensor.Arange(0, 6, tensor.CPU).View(2, 3).Select(0, 1)
		})
		tensor.Scope(func() { tensor.Zeros(tensor.Int64, tensor.CPU, 6).Fill(-1) })
		if got := fmt.Sprint(tensor.To[int64](v)); got != "[3 4 5]" {
			t.Errorf("the view holds %s", got)
		}
	})
}

// TestPanicInsideScopeFrees, whether it is an operator's or another one, and
// leaves autograd's mode as it was.
func TestPanicInsideScopeFrees(t *testing.T) {
	before := tensor.Live()
	fault := errors.New("not an operator's")
	err := tensor.Run(func() error {
		base := tensor.Live()
		scopes := map[string]func(func()){
			"Scope": tensor.Scope,
			"ScopeOf": func(f func()) {
				tensor.ScopeOf(func() tensor.Tensor { f(); return tensor.Tensor{} })
			},
			"ScopeOf2": func(f func()) {
				tensor.ScopeOf2(func() (a, b tensor.Tensor) { f(); return a, b })
			},
			"nested": func(f func()) { tensor.Scope(func() { tensor.Scope(f) }) },
		}
		for name, scope := range scopes {
			for _, f := range []func(){
				func() { tensor.Zeros(tensor.Float32, tensor.CPU, 2).View(3) },
				func() { tensor.Zeros(tensor.Float32, tensor.CPU, 2); panic(fault) },
			} {
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("%s: the panic was lost", name)
						}
					}()
					tensor.NoGrad(func() { scope(f) })
				}()
				live(t, "after a panic inside "+name, base)
			}
		}
		x := tensor.Full(1, tensor.Float32, tensor.CPU, 1).SetRequiresGrad(true)
		if !x.Scale(2).RequiresGrad() {
			t.Error("a panic inside NoGrad left recording off")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	live(t, "after Run", before)
}

// TestRunEnds: an operator's failure and a returned error come back, other
// panics go on, and in each case everything is freed.
func TestRunEnds(t *testing.T) {
	before := tensor.Live()
	plain := errors.New("plain")
	if err := tensor.Run(func() error { tensor.Zeros(tensor.Float32, tensor.CPU, 2); return plain }); err != plain {
		t.Errorf("Run returned %v, want the error of f", err)
	}
	if _, ok := tensor.AsOpError(plain); ok {
		t.Error("a plain error passes for an operator's")
	}
	err := tensor.Run(func() error {
		return tensor.Run(func() error { tensor.Zeros(tensor.Float32, tensor.CPU, 2).View(3); return nil })
	})
	if e, ok := tensor.AsOpError(fmt.Errorf("wrapped: %w", err)); !ok || e.Operator != "aten::view" {
		t.Errorf("a nested Run returned %v", err)
	}
	func() {
		defer func() {
			if recover() != plain {
				t.Error("another panic did not go on through Run")
			}
		}()
		tensor.Run(func() error { tensor.Zeros(tensor.Float32, tensor.CPU, 2); panic(plain) })
	}()
	live(t, "after all", before)
}

// TestOutsideRun: a tensor that nothing would own is refused.
func TestOutsideRun(t *testing.T) {
	before := tensor.Live()
	defer func() {
		e, ok := recover().(*tensor.OpError)
		if !ok || !strings.Contains(e.Message, "outside any scope") {
			t.Errorf("got %v, want an *OpError", e)
		}
		live(t, "after the refusal", before)
	}()
	tensor.Zeros(tensor.Float32, tensor.CPU, 1)
}

func TestKeepAndFree(t *testing.T) {
	var kept tensor.Tensor
	before := tensor.Live()
	for _, f := range []func() error{
		func() error {
			kept = tensor.Full(7, tensor.Float32, tensor.CPU, 2).Keep()
			tensor.Tensor{}.Keep().Free() // the undefined tensor needs no care
			return nil
		},
		func() error { // another Run, perhaps on another thread
			if got := kept.Sum().Item(); got != 14 {
				t.Errorf("the kept tensor sums to %v, want 14", got)
			}
			return nil
		},
	} {
		if err := tensor.Run(f); err != nil {
			t.Error(err)
		}
		live(t, "while one is kept", before+1)
	}
	kept.Free()
	live(t, "after Free", before)
}

// TestConcurrentRuns: threads have scopes, recording and autocast of their own.
func TestConcurrentRuns(t *testing.T) {
	before := tensor.Live()
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			err := tensor.Run(func() error {
				tensor.SetThreads(1)
				w := tensor.Full(float64(worker+1), tensor.Float64, tensor.CPU, 8, 8).SetRequiresGrad(worker%2 == 0)
				for i := range 50 {
					var err error
					tensor.Scope(func() {
						x := tensor.Full(float64(i), tensor.Float64, tensor.CPU, 8, 8)
						if worker%2 != 0 {
							tensor.NoGrad(func() { err = expect(x.MatMul(w).Sum().Item(), float64(512*i*(worker+1))) })
							return
						}
						y := x.MatMul(w).Sum()
						if err = expect(y.Item(), float64(512*i*(worker+1))); err == nil {
							w.ClearGrad()
							y.Backward()
							err = expect(w.Grad().Sum().Item(), float64(512*i))
						}
					})
					if err != nil {
						return fmt.Errorf("worker %d, round %d: %w", worker, i, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	live(t, "after concurrent runs", before)
}

// TestFailuresStayApart: an error text belongs to the call that failed.
func TestFailuresStayApart(t *testing.T) {
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			for range 50 {
				size := 3 + worker
				err := tensor.Run(func() error {
					tensor.Zeros(tensor.Float32, tensor.CPU, size).View(2, 99)
					return nil
				})
				if e, ok := tensor.AsOpError(err); !ok || e.Shapes != fmt.Sprintf("Float[%d]", size) {
					t.Errorf("worker %d got %v", worker, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func expect(got, want float64) error {
	if got != want {
		return fmt.Errorf("%v, want %v", got, want)
	}
	return nil
}

func live(t *testing.T, when string, want int64) {
	t.Helper()
	if got := tensor.Live(); got != want {
		t.Errorf("%s %d tensors live, want %d", when, got, want)
	}
}
