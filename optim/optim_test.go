package optim_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"cone/internal/golden"
	"cone/nn"
	"cone/optim"
	"cone/recipe"
	"cone/tensor"
)

// run is tensor.Run for tests; it sees to it that every tensor is freed.
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

// names are the parameters of testdata/make_sgd.py.
var names = []string{"conv.weight", "bn.weight", "bn.bias", "point.weight", "fc.weight", "fc.bias"}

type known struct {
	Shapes map[string][]int
	Rates  []float64
	Cases  []struct {
		Name     string
		Settings struct {
			Momentum         float64
			Nesterov         bool
			WeightDecay      float64 `json:"weight_decay"`
			DecayNormAndBias bool    `json:"decay_norm_and_bias"`
			ClipNorm         float64 `json:"clip_norm"`
		}
		Float32, Float64 struct {
			Weights, Momenta map[string][]float64
			Norms            []float64
		}
	}
}

func readKnown(t *testing.T) (k known) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "sgd.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// newTree makes the parameters with their starting weights; the convolutions'
// lie with channels last where asked.
func newTree(shapes map[string][]int, d tensor.DType, channelsLast bool) *nn.Tree {
	tree := nn.NewTree(d, golden.Device())
	for _, name := range names {
		tree.Root().Parameter(name, func() tensor.Tensor {
			w := start(name, d, shapes[name])
			if channelsLast && len(shapes[name]) == 4 {
				return w.ChannelsLast()
			}
			return w
		})
	}
	return tree
}

// start is a tensor that the Python program makes by the same name.
func start(name string, d tensor.DType, shape []int) tensor.Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return tensor.From(golden.Uniform(name, n, -1, 1), shape...).ToDType(d).ToDevice(golden.Device())
}

// setGradients gives every parameter the gradient of that step, row-major.
func setGradients(tree *nn.Tree, step int) {
	tensor.Scope(func() {
		for _, p := range tree.Parameters() {
			g := start(fmt.Sprintf("%s/%d", p.Name, step), tree.DType, p.Value.Shape())
			p.Value.Mul(g).Sum().Backward()
		}
	})
}

// TestSGDEqualsTorchs: several steps with changing rates, in both precisions
// and memory formats.
func TestSGDEqualsTorchs(t *testing.T) {
	k := readKnown(t)
	for _, c := range k.Cases {
		for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
			want, tolerance := c.Float32, 2e-6
			if d == tensor.Float64 {
				want, tolerance = c.Float64, 1e-13
				if c.Settings.ClipNorm > 0 {
					tolerance = 1e-12
				}
			}
			for _, channelsLast := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%v/channelsLast=%v", c.Name, d, channelsLast), func(t *testing.T) {
					run(t, func() {
						tree := newTree(k.Shapes, d, channelsLast)
						defer tree.Free()
						sgd := optim.NewSGD(tree, recipe.Optim{
							Momentum: c.Settings.Momentum, Nesterov: c.Settings.Nesterov,
							WeightDecay: c.Settings.WeightDecay, DecayNormAndBias: c.Settings.DecayNormAndBias,
							ClipNorm: c.Settings.ClipNorm,
						})
						defer sgd.Free()
						for step, rate := range k.Rates {
							setGradients(tree, step)
							norm, wantNorm := sgd.Step(rate), 0.0
							if c.Settings.ClipNorm > 0 {
								wantNorm = want.Norms[step]
							}
							if math.Abs(norm-wantNorm) > tolerance*wantNorm {
								t.Errorf("step %d: gradient norm %v, want %v", step, norm, wantNorm)
							}
						}
						for _, p := range tree.Parameters() {
							closeTo(t, p.Name, p.Value, want.Weights[p.Name], tolerance)
							if p.Value.Grad().Defined() {
								t.Errorf("%s still has its gradient after the step", p.Name)
							}
						}
						for i, s := range sgd.State() {
							if s.Name != "optimizer.momentum."+names[i] {
								t.Errorf("state %d is named %s", i, s.Name)
							}
							if want.Momenta != nil {
								closeTo(t, s.Name, s.Value, want.Momenta[names[i]], tolerance)
							}
						}
					})
				})
			}
		}
	}
}

func closeTo(t *testing.T, what string, got tensor.Tensor, want []float64, tolerance float64) {
	t.Helper()
	g := tensor.To[float64](got.Detach().ToDType(tensor.Float64))
	if len(g) != len(want) {
		t.Errorf("%s has %d values, want %d", what, len(g), len(want))
		return
	}
	for i := range want {
		if !(math.Abs(g[i]-want[i]) <= tolerance*(1+math.Abs(want[i]))) {
			t.Errorf("%s[%d] is %.17g, want %.17g", what, i, g[i], want[i])
			return
		}
	}
}

// TestMissingGradientCountsAsZero: the weight still decays and its momentum
// still carries it on.
func TestMissingGradientCountsAsZero(t *testing.T) {
	run(t, func() {
		shapes := readKnown(t).Shapes
		tree := newTree(shapes, tensor.Float64, true)
		defer tree.Free()
		sgd := optim.NewSGD(tree, recipe.Optim{Momentum: 0.5, WeightDecay: 0.1, DecayNormAndBias: true})
		defer sgd.Free()
		before := tensor.To[float64](tree.Get("fc.weight").Value.Detach())
		if n := sgd.GradientNorm(); n != 0 {
			t.Errorf("the norm of no gradients is %v", n)
		}
		sgd.Step(0.2)
		sgd.Step(0.2)
		// p1 = p − 0.2·0.1p; m2 = 0.5·0.1p + 0.1·p1.
		for i, p := range before {
			p1 := p - 0.2*0.1*p
			before[i] = p1 - 0.2*(0.5*0.1*p+0.1*p1)
		}
		closeTo(t, "fc.weight", tree.Get("fc.weight").Value, before, 1e-14)
	})
}

// TestGradientNorm: over all parameters together, gradients left in place.
func TestGradientNorm(t *testing.T) {
	run(t, func() {
		tree := newTree(readKnown(t).Shapes, tensor.Float64, true)
		defer tree.Free()
		sgd := optim.NewSGD(tree, recipe.Optim{})
		defer sgd.Free()
		setGradients(tree, 0)
		squares := 0.0
		for _, p := range tree.Parameters() {
			for _, v := range tensor.To[float64](p.Value.Grad()) {
				squares += v * v
			}
		}
		for range 2 {
			if got := sgd.GradientNorm(); math.Abs(got-math.Sqrt(squares)) > 1e-12*got {
				t.Errorf("norm %v, want %v", got, math.Sqrt(squares))
			}
		}
	})
}

// TestGradientsAccumulate: two backward passes before a step add up, and the
// next step starts from nothing.
func TestGradientsAccumulate(t *testing.T) {
	run(t, func() {
		shapes := readKnown(t).Shapes
		tree := newTree(shapes, tensor.Float64, true)
		defer tree.Free()
		sgd := optim.NewSGD(tree, recipe.Optim{})
		defer sgd.Free()
		want := tensor.To[float64](tree.Get("conv.weight").Value.Detach())
		for _, steps := range [][]int{{0, 1}, {2}} {
			for _, step := range steps {
				setGradients(tree, step)
				g := tensor.To[float64](start(fmt.Sprintf("conv.weight/%d", step), tensor.Float64, shapes["conv.weight"]))
				for i := range want {
					want[i] -= 0.1 * g[i]
				}
			}
			sgd.Step(0.1)
		}
		closeTo(t, "conv.weight", tree.Get("conv.weight").Value, want, 1e-14)
	})
}

// TestAverage: average ← keep·average + (1−keep)·values for parameters;
// buffers and values stay.
func TestAverage(t *testing.T) {
	for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
		run(t, func() {
			shapes := readKnown(t).Shapes
			average, values := newTree(shapes, d, true), newTree(shapes, d, true)
			defer average.Free()
			defer values.Free()
			statistics := average.Root().Buffer("bn.running_mean", func() tensor.Tensor { return tensor.Full(3, d, tensor.CPU, 3) })
			values.Root().Buffer("bn.running_mean", func() tensor.Tensor { return tensor.Full(5, d, tensor.CPU, 3) })
			tensor.NoGrad(func() {
				for _, p := range values.Parameters() {
					p.Value.CopyFrom(start(p.Name+"/value", d, p.Value.Shape()))
				}
			})
			average.SetTrainable(false)
			a := optim.NewAverage(average, values)
			want := map[string][]float64{}
			for _, p := range average.Parameters() {
				want[p.Name] = flat(p.Value)
			}
			for _, keep := range []float64{0.996, 0.5, 1, 0.9} {
				a.Update(keep)
				for _, p := range average.Parameters() {
					v := flat(start(p.Name+"/value", d, p.Value.Shape()))
					for i := range v {
						want[p.Name][i] = keep*want[p.Name][i] + (1-keep)*v[i]
					}
					tolerance := 1e-6
					if d == tensor.Float64 {
						tolerance = 1e-14
					}
					closeTo(t, p.Name, p.Value, want[p.Name], tolerance)
					closeTo(t, "value of "+p.Name, values.Get(p.Name).Value, v, 0)
				}
			}
			a.Update(0)
			for _, p := range average.Parameters() {
				closeTo(t, p.Name, p.Value, flat(values.Get(p.Name).Value), 0)
			}
			closeTo(t, "running mean", statistics.Value, []float64{3, 3, 3}, 0)
		})
	}
}

func flat(x tensor.Tensor) []float64 { return tensor.To[float64](x.Detach().ToDType(tensor.Float64)) }
