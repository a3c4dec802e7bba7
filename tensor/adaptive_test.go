package tensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"cone/tensor"
)

// step is one optimizer's step, as our operator and composed of libtorch's,
// on parameters, gradients and three kinds of memory.
type step struct {
	name           string
	fused, compose func(p, g, a, b, c []tensor.Tensor)
}

func steps() (all []step) {
	adam := tensor.AdamSettings{Rate: 0.1, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, WeightDecay: 0.1, Step: 3, GradientScale: 0.5}
	all = append(all, step{"adamw",
		func(p, g, a, b, c []tensor.Tensor) { tensor.AdamWInto(p, g, a, b, adam) },
		func(p, g, a, b, c []tensor.Tensor) { tensor.ComposedAdamW(p, g, a, b, adam) }})
	for _, trust := range []tensor.TrustSettings{
		{}, {Adapt: true, Coefficient: 0.01, Epsilon: 1e-3}, {Adapt: true, Clip: true, Coefficient: 0.5, Epsilon: 1e-3},
	} {
		all = append(all, step{fmt.Sprintf("lamb %+v", trust),
			func(p, g, a, b, c []tensor.Tensor) { tensor.LAMBInto(p, g, a, b, adam, trust) },
			func(p, g, a, b, c []tensor.Tensor) { tensor.ComposedLAMB(p, g, a, b, adam, trust) }})
		sgd := tensor.SGDSettings{Rate: 0.1, Momentum: 0.9, WeightDecay: 0.1, Nesterov: trust.Clip, GradientScale: 0.5}
		all = append(all, step{fmt.Sprintf("lars %+v", trust),
			func(p, g, a, b, c []tensor.Tensor) { tensor.LARSInto(p, g, a, sgd, trust) },
			func(p, g, a, b, c []tensor.Tensor) { tensor.ComposedLARS(p, g, a, sgd, trust) }})
	}
	for _, tensorFlow := range []bool{false, true} {
		s := tensor.RMSpropSettings{Rate: 0.1, Alpha: 0.9, Epsilon: 0.1, Momentum: 0.8, WeightDecay: 0.1, TensorFlow: tensorFlow, GradientScale: 0.5}
		for kinds := range 4 {
			some := func(b, c []tensor.Tensor) (means, momenta []tensor.Tensor) {
				if kinds&1 != 0 {
					means = b
				}
				if kinds&2 != 0 {
					momenta = c
				}
				return means, momenta
			}
			all = append(all, step{fmt.Sprintf("rmsprop %v %v", tensorFlow, kinds),
				func(p, g, a, b, c []tensor.Tensor) {
					means, momenta := some(b, c)
					tensor.RMSpropInto(p, g, a, means, momenta, s)
				},
				func(p, g, a, b, c []tensor.Tensor) {
					means, momenta := some(b, c)
					tensor.ComposedRMSprop(p, g, a, means, momenta, s)
				}})
		}
	}
	return all
}

// state makes parameters, gradients and memory of the usual lengths; squares
// are positive and one parameter is zero.
func state(seed uint64, d tensor.DType) (out [5][]tensor.Tensor) {
	random := rand.New(rand.NewPCG(seed, seed))
	for i := range out {
		v := vectors(random)
		if i == 2 || i == 3 { // the mean square lies first in RMSprop and second in Adam
			for _, x := range v {
				for j := range x {
					x[j] = 1 + x[j]*x[j]
				}
			}
		}
		if i == 0 {
			clear(v[3])
		}
		out[i] = tensors(v, d)
	}
	return out
}

// TestAdaptiveStepsEqualComposedOnes: our operators do what libtorch's do in
// turn; known answers of whole optimizers are in package optim.
func TestAdaptiveStepsEqualComposedOnes(t *testing.T) {
	for _, s := range steps() {
		for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
			run(t, func() {
				a, b := state(5, d), state(5, d)
				s.fused(a[0], a[1], a[2], a[3], a[4])
				s.compose(b[0], b[1], b[2], b[3], b[4])
				// Differences of nearly equal numbers magnify rounding.
				tolerance := 3e-3
				if d == tensor.Float64 {
					tolerance = 1e-11
				}
				for _, kind := range []int{0, 2, 3, 4} { // the gradients are used up
					for i := range a[kind] {
						got, want := floats(a[kind][i]), floats(b[kind][i])
						for j := range want {
							if !(math.Abs(got[j]-want[j]) <= tolerance*(1+math.Abs(want[j]))) {
								t.Errorf("%s, list %d, length %d, element %d: %.17g, want %.17g", s.name, kind, len(want), j, got[j], want[j])
								break
							}
						}
					}
				}
			})
		}
	}
}

// TestThreadsDoNotChangeAdaptiveSteps: the same bits whatever the number of threads.
func TestThreadsDoNotChangeAdaptiveSteps(t *testing.T) {
	run(t, func() {
		before := tensor.Threads()
		defer tensor.SetThreads(before)
		for _, s := range steps() {
			var first []float64
			for _, n := range []int{1, 3} {
				tensor.SetThreads(n)
				a := state(6, tensor.Float32)
				s.fused(a[0], a[1], a[2], a[3], a[4])
				all := floats(tensor.Cat(a[0], 0))
				if n == 1 {
					first = all
				}
				for i := range first {
					if all[i] != first[i] {
						t.Fatalf("%s, %d threads: element %d is %.17g, with one %.17g", s.name, n, i, all[i], first[i])
					}
				}
			}
		}
	})
}

// TestAdaptiveStepsRefuseWhatDoesNotMatch, and take nothing at all.
func TestAdaptiveStepsRefuseWhatDoesNotMatch(t *testing.T) {
	for _, s := range steps() {
		four := func() []tensor.Tensor { return zeros(tensor.Float32, 4) }
		for name, f := range map[string]func(){
			"a gradient of another shape": func() { s.fused(four(), zeros(tensor.Float32, 3), four(), four(), four()) },
			"memory of another type":      func() { s.fused(four(), four(), zeros(tensor.Float64, 4), four(), four()) },
			"fewer memories":              func() { s.fused(four(), four(), nil, four(), four()) },
			"integers": func() {
				i := zeros(tensor.Int64, 4)
				s.fused(i, i, i, i, i)
			},
		} {
			err := tensor.Run(func() error { f(); return nil })
			if e, ok := tensor.AsOpError(err); !ok || len(e.Message) == 0 {
				t.Errorf("%s, %s: %v, want an *OpError", s.name, name, err)
			}
		}
		run(t, func() { s.fused(nil, nil, nil, nil, nil) })
	}
}
