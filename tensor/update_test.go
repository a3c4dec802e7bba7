package tensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"cone/tensor"
)

// lengths around the widths of registers and of the operators' chunks (32768).
var lengths = []int{1, 2, 7, 8, 9, 15, 17, 31, 33, 100, 32767, 32768, 32769, 65537}

// vectors makes one random vector per length.
func vectors(random *rand.Rand) [][]float64 {
	out := make([][]float64, len(lengths))
	for i, n := range lengths {
		for range n {
			out[i] = append(out[i], float64(float32(random.NormFloat64())))
		}
	}
	return out
}

func tensors(v [][]float64, d tensor.DType) (out []tensor.Tensor) {
	for _, x := range v {
		out = append(out, tensor.From(x, len(x)).ToDType(d).Clone())
	}
	return out
}

// check compares with a tolerance for sums whose terms are about 1.
func check(t *testing.T, what string, got []tensor.Tensor, want [][]float64, d tensor.DType) {
	t.Helper()
	tolerance := 1e-6
	if d == tensor.Float64 {
		tolerance = 1e-14
	}
	for i := range want {
		for j, v := range floats(got[i]) {
			if !(math.Abs(v-want[i][j]) <= tolerance*(1+math.Abs(want[i][j]))) {
				t.Errorf("%s, length %d, element %d: %.17g, want %.17g", what, len(want[i]), j, v, want[i][j])
				break
			}
		}
	}
}

func floats(x tensor.Tensor) []float64 {
	return tensor.To[float64](x.Detach().ToDType(tensor.Float64))
}

func TestSGDEqualsPlainGo(t *testing.T) {
	for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, s := range []tensor.SGDSettings{
			{Rate: 0.1, GradientScale: 1},
			{Rate: 0.1, Momentum: 0.9, WeightDecay: 0.01, GradientScale: 0.25},
			{Rate: 0.1, Momentum: 0.9, WeightDecay: 0.01, GradientScale: 0.5, Nesterov: true},
		} {
			t.Run(fmt.Sprintf("%v/%+v", d, s), func(t *testing.T) {
				run(t, func() {
					random := rand.New(rand.NewPCG(1, 1))
					p, g, m := vectors(random), vectors(random), vectors(random)
					parameters, gradients, momenta := tensors(p, d), tensors(g, d), tensors(m, d)
					tensor.SGDInto(parameters, gradients, momenta, s)
					check(t, "gradient", gradients, g, d)
					for i := range p {
						for j := range p[i] {
							step := s.GradientScale*g[i][j] + s.WeightDecay*p[i][j]
							m[i][j] = s.Momentum*m[i][j] + step
							if s.Nesterov {
								p[i][j] -= s.Rate * (step + s.Momentum*m[i][j])
							} else {
								p[i][j] -= s.Rate * m[i][j]
							}
						}
					}
					check(t, "momentum", momenta, m, d)
					check(t, "parameter", parameters, p, d)
				})
			})
		}
	}
}

// TestSGDAcrossLayouts: a gradient that lies otherwise in memory than its
// parameter still meets the right elements.
func TestSGDAcrossLayouts(t *testing.T) {
	run(t, func() {
		values := make([]float64, 2*3*4*5)
		for i := range values {
			values[i] = float64(i)
		}
		rowMajor := tensor.From(values, 2, 3, 4, 5)
		for name, gradient := range map[string]tensor.Tensor{
			"row-major": rowMajor, "channels last": rowMajor.ChannelsLast(),
			"transposed":   rowMajor.Transpose(2, 3).Contiguous().Transpose(2, 3),
			"with gaps":    tensor.Cat([]tensor.Tensor{rowMajor, rowMajor}, 3).Narrow(3, 0, 5),
			"not expanded": rowMajor.Clone(),
		} {
			for _, parameter := range []tensor.Tensor{rowMajor.Clone(), rowMajor.ChannelsLast()} {
				parameter, momentum := parameter.Clone(), parameter.ZerosLike()
				tensor.SGDInto([]tensor.Tensor{parameter}, []tensor.Tensor{gradient}, []tensor.Tensor{momentum},
					tensor.SGDSettings{Rate: 0.5, GradientScale: 1})
				p, m := floats(parameter), floats(momentum)
				for i, v := range values {
					if p[i] != v/2 || m[i] != v {
						t.Errorf("%s gradient, strides %v: element %d is %v with momentum %v, want %v and %v",
							name, parameter.Strides(), i, p[i], m[i], v/2, v)
						break
					}
				}
			}
		}
		// One number for all, as the gradient of a sum comes.
		parameter := rowMajor.ChannelsLast().Clone()
		ones := tensor.Full(1, tensor.Float64, tensor.CPU, 1, 1, 1, 1).Expand(2, 3, 4, 5)
		tensor.SGDInto([]tensor.Tensor{parameter}, []tensor.Tensor{ones}, []tensor.Tensor{parameter.ZerosLike()},
			tensor.SGDSettings{Rate: 1, GradientScale: 1})
		if got := floats(parameter); got[0] != -1 || got[119] != 118 {
			t.Errorf("an expanded gradient gives %v … %v", got[0], got[119])
		}
	})
}

func TestAverageEqualsPlainGo(t *testing.T) {
	for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
		run(t, func() {
			random := rand.New(rand.NewPCG(2, 2))
			a, v := vectors(random), vectors(random)
			averages, values := tensors(a, d), tensors(v, d)
			tensor.AverageInto(averages, values, 0.9)
			for i := range a {
				for j := range a[i] {
					a[i][j] = 0.9*a[i][j] + 0.1*v[i][j]
				}
			}
			check(t, "average", averages, a, d)
			check(t, "value", values, v, d)
		})
	}
}

func TestL2NormEqualsPlainGo(t *testing.T) {
	t.Run("own", func(t *testing.T) { checkL2Norm(t, tensor.L2Norm) })
	t.Run("composed", func(t *testing.T) { checkL2Norm(t, tensor.ComposedL2Norm) })
}

func checkL2Norm(t *testing.T, norm func([]tensor.Tensor) float64) {
	for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
		run(t, func() {
			v := vectors(rand.New(rand.NewPCG(3, 3)))
			all := tensors(v, d)
			squares := 0.0
			for i := range v {
				own := 0.0
				for _, x := range v[i] {
					own += x * x
				}
				if got, want := norm(all[i:i+1]), math.Sqrt(own); math.Abs(got-want) > 1e-12*want {
					t.Errorf("%v, length %d: %.17g, want %.17g", d, len(v[i]), got, want)
				}
				squares += own
			}
			if got, want := norm(all), math.Sqrt(squares); math.Abs(got-want) > 1e-12*want {
				t.Errorf("%v, all together: %.17g, want %.17g", d, got, want)
			}
			// Squares beyond float32, and the sum in float64.
			if got := norm([]tensor.Tensor{tensor.Full(1e30, d, tensor.CPU, 4)}); math.Abs(got/2e30-1) > 1e-6 {
				t.Errorf("%v: the norm of four 1e30 is %v", d, got)
			}
			if got := norm([]tensor.Tensor{tensor.Full(math.NaN(), d, tensor.CPU, 9)}); !math.IsNaN(got) {
				t.Errorf("%v: the norm of NaNs is %v", d, got)
			}
		})
	}
}

// TestUpdatesOfNothing: no tensors, and tensors without elements.
func TestUpdatesOfNothing(t *testing.T) {
	run(t, func() {
		if n := tensor.L2Norm(nil); n != 0 {
			t.Errorf("the norm of nothing is %v", n)
		}
		tensor.AverageInto(nil, nil, 0.5)
		tensor.SGDInto(nil, nil, nil, tensor.SGDSettings{})
		empty := []tensor.Tensor{tensor.Zeros(tensor.Float32, tensor.CPU, 0, 3)}
		tensor.AverageInto(empty, empty, 0.5)
		tensor.SGDInto(empty, empty, empty, tensor.SGDSettings{GradientScale: 1})
		if n := tensor.L2Norm(empty); n != 0 {
			t.Errorf("the norm of no elements is %v", n)
		}
	})
}

// TestThreadsDoNotChangeUpdates: the same bits whatever the number of threads.
func TestThreadsDoNotChangeUpdates(t *testing.T) {
	run(t, func() {
		before := tensor.Threads()
		defer tensor.SetThreads(before)
		var norm float64
		var first []float64
		for _, n := range []int{1, 2, 3} {
			tensor.SetThreads(n)
			if got := tensor.Threads(); got != n {
				t.Errorf("%d threads after SetThreads(%d)", got, n)
			}
			random := rand.New(rand.NewPCG(4, 4))
			p, g, m := tensors(vectors(random), tensor.Float32), tensors(vectors(random), tensor.Float32), tensors(vectors(random), tensor.Float32)
			tensor.SGDInto(p, g, m, tensor.SGDSettings{Rate: 0.1, Momentum: 0.9, WeightDecay: 0.1, GradientScale: 0.7})
			tensor.AverageInto(m, p, 0.3)
			all := floats(tensor.Cat(m, 0))
			if n == 1 {
				norm, first = tensor.L2Norm(p), all
				continue
			}
			if got := tensor.L2Norm(p); got != norm {
				t.Errorf("%d threads: norm %.17g, with one %.17g", n, got, norm)
			}
			for i := range first {
				if all[i] != first[i] {
					t.Fatalf("%d threads: element %d is %.17g, with one %.17g", n, i, all[i], first[i])
				}
			}
		}
	})
}

// TestUpdatesRefuseWhatDoesNotMatch instead of mixing up elements.
func TestUpdatesRefuseWhatDoesNotMatch(t *testing.T) {
	s := tensor.SGDSettings{Rate: 1, GradientScale: 1}
	for name, f := range map[string]func(){
		"average of another shape": func() {
			tensor.AverageInto(zeros(tensor.Float32, 2, 3), zeros(tensor.Float32, 3, 2), 0.5)
		},
		"average of another type": func() {
			tensor.AverageInto(zeros(tensor.Float32, 2), zeros(tensor.Float64, 2), 0.5)
		},
		"average in another layout": func() {
			tensor.AverageInto(zeros(tensor.Float32, 2, 3, 4, 5), []tensor.Tensor{zeros(tensor.Float32, 2, 3, 4, 5)[0].ChannelsLast()}, 0.5)
		},
		"fewer values than averages": func() {
			tensor.AverageInto(zeros(tensor.Float32, 2), nil, 0.5)
		},
		"average of integers": func() {
			tensor.AverageInto(zeros(tensor.Int64, 2), zeros(tensor.Int64, 2), 0.5)
		},
		"fewer momenta than parameters": func() {
			tensor.SGDInto(zeros(tensor.Float32, 2), zeros(tensor.Float32, 2), nil, s)
		},
		"gradient of another shape": func() {
			tensor.SGDInto(zeros(tensor.Float32, 4), zeros(tensor.Float32, 3), zeros(tensor.Float32, 4), s)
		},
		"gradient that would broadcast": func() {
			tensor.SGDInto(zeros(tensor.Float32, 4, 4), zeros(tensor.Float32, 4), zeros(tensor.Float32, 4, 4), s)
		},
		"momentum of another type": func() {
			tensor.SGDInto(zeros(tensor.Float32, 4), zeros(tensor.Float32, 4), zeros(tensor.Float64, 4), s)
		},
		"norm of integers": func() { tensor.L2Norm(zeros(tensor.Int64, 4)) },
	} {
		err := tensor.Run(func() error { f(); return nil })
		if e, ok := tensor.AsOpError(err); !ok || len(e.Message) == 0 {
			t.Errorf("%s: %v, want an *OpError", name, err)
		}
	}
}

func zeros(d tensor.DType, shape ...int) []tensor.Tensor {
	return []tensor.Tensor{tensor.Zeros(d, tensor.CPU, shape...)}
}
