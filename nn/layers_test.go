package nn

import (
	"fmt"
	"math"
	"testing"

	"cone/tensor"
)

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

func random(shape ...int) tensor.Tensor {
	return tensor.Empty(tensor.Float64, tensor.CPU, shape...).Normal(0, 1)
}

// TestGradientsAgreeWithDifferences moves weights and inputs of the layers
// that are composed by hand, in float64, along a random direction.
func TestGradientsAgreeWithDifferences(t *testing.T) {
	for name, build := range map[string]func(p Path) (x tensor.Tensor, layer func(tensor.Tensor) tensor.Tensor){
		"convolution": func(p Path) (tensor.Tensor, func(tensor.Tensor) tensor.Tensor) {
			return random(2, 4, 5, 6), NewConv2d(p, 4, 6, 3, 2, 1, Groups(2), Bias(true)).Forward
		},
		"layer norm": func(p Path) (tensor.Tensor, func(tensor.Tensor) tensor.Tensor) {
			return random(2, 5, 3, 4), NewLayerNorm(p, 5, 1e-5).ForwardImages
		},
		"attention": func(p Path) (tensor.Tensor, func(tensor.Tensor) tensor.Tensor) {
			a := NewAttention(p, 6, 2)
			return random(2, 5, 6), func(x tensor.Tensor) tensor.Tensor { return a.Forward(x, tensor.Tensor{}) }
		},
		"attention with bias": func(p Path) (tensor.Tensor, func(tensor.Tensor) tensor.Tensor) {
			a := NewAttention(p, 6, 2)
			bias := p.Parameter("table", func() tensor.Tensor { return random(1, 2, 5, 5) })
			return random(2, 3, 5, 6), func(x tensor.Tensor) tensor.Tensor { return a.Forward(x, bias.Value) }
		},
		"drop path": func(p Path) (tensor.Tensor, func(tensor.Tensor) tensor.Tensor) {
			l := NewLinear(p, 4, 3)
			return random(8, 5, 4), func(x tensor.Tensor) tensor.Tensor {
				tensor.Seed(4)
				return DropPath(l.Forward(x), 0.5, true)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func() {
				tensor.Seed(1)
				tree := NewTree(tensor.Float64, tensor.CPU)
				defer tree.Free()
				x, layer := build(tree.Root())
				x.SetRequiresGrad(true)
				leaves := []tensor.Tensor{x}
				for _, p := range tree.Parameters() {
					leaves = append(leaves, p.Value)
				}
				value := func() tensor.Tensor { y := layer(x); return y.Mul(y).Mul(y).Sum() }
				value().Backward()
				slope, directions := 0.0, make([]tensor.Tensor, len(leaves))
				tensor.NoGrad(func() {
					for i, l := range leaves {
						directions[i] = random(l.Shape()...)
						slope += l.Grad().Mul(directions[i]).Sum().Item()
					}
				})
				const step = 1e-5
				at := func(distance float64) (v float64) {
					tensor.NoGrad(func() {
						for i, l := range leaves {
							l.AddInto(directions[i], distance)
						}
						v = value().Item()
						for i, l := range leaves {
							l.AddInto(directions[i], -distance)
						}
					})
					return v
				}
				if got := (at(step) - at(-step)) / (2 * step); math.Abs(got-slope) > 1e-6*(1+math.Abs(slope)) {
					t.Errorf("the slope is %v, by differences %v", slope, got)
				}
			})
		})
	}
}

// TestDropPathDropsWholePictures: each row is 0 or scaled, and nothing
// happens in evaluation.
func TestDropPathDropsWholePictures(t *testing.T) {
	run(t, func() {
		const n = 20_000
		x := tensor.Full(1, tensor.Float64, tensor.CPU, n, 2, 3)
		values := tensor.To[float64](DropPath(x, 0.25, true))
		kept := 0
		for i := 0; i < len(values); i += 6 {
			for _, v := range values[i : i+6] {
				if v != values[i] {
					t.Fatalf("picture %d is %v", i/6, values[i:i+6])
				}
			}
			if values[i] != 0 {
				kept++
				if math.Abs(values[i]-1/0.75) > 1e-12 {
					t.Fatalf("picture %d counts %v", i/6, values[i])
				}
			}
		}
		if share := float64(kept) / n; math.Abs(share-0.75) > 5*math.Sqrt(0.75*0.25/n) {
			t.Errorf("%v of the pictures are kept", share)
		}
		if DropPath(x, 0.25, false) != x || DropPath(x, 0, true) != x || Dropout(x, 0.5, false) != x || Dropout(x, 0, true) != x {
			t.Error("something is dropped in evaluation or with the probability 0")
		}
	})
}

// TestDropPathRates grow by equal steps.
func TestDropPathRates(t *testing.T) {
	if got := fmt.Sprint(DropPathRates(0.5, 3), DropPathRates(0.5, 1)); got != "[0 0.25 0.5] [0]" {
		t.Errorf("%s", got)
	}
}

// TestLayerNormUnderBFloat16 answers in the weights' type, as autocast has it
// on a GPU, and its gradient comes back in the input's.
func TestLayerNormUnderBFloat16(t *testing.T) {
	run(t, func() {
		tree := NewTree(tensor.Float32, tensor.CPU)
		defer tree.Free()
		norm := NewLayerNorm(tree.Root(), 8, 1e-5)
		x := tensor.Empty(tensor.BFloat16, tensor.CPU, 4, 8).Normal(0, 1).SetRequiresGrad(true)
		tensor.Autocast(tensor.CPU, tensor.BFloat16, func() {
			y := norm.Forward(x)
			y.Mul(y).Mul(y).Sum().Backward()
			if y.DType() != tensor.Float32 || x.Grad().DType() != tensor.BFloat16 {
				t.Errorf("answers in %v, gradient %v", y.DType(), x.Grad().DType())
			}
		})
	})
}

// TestStarts: what each Init promises, by mean square.
func TestStarts(t *testing.T) {
	run(t, func() {
		for name, c := range map[string]struct {
			opts         []Option
			weight, bias float64 // mean squares
		}{
			"kaiming": {[]Option{Bias(true)}, 2.0 / (64 * 9), 0},
			"uniform": {[]Option{Bias(true), Start(UniformFanIn)}, 1.0 / (3 * 32 * 9), 1.0 / (3 * 32 * 9)},
			"normal":  {[]Option{Bias(true), Start(Normal(0.02))}, 0.0004, 0},
			// Torch's fan-in counts a group's channels, its fan-out all outputs.
			"groups": {[]Option{Groups(4), Start(UniformFanIn)}, 1.0 / (3 * 8 * 9), -1},
		} {
			tree := NewTree(tensor.Float64, tensor.CPU)
			conv := NewConv2d(tree.Root(), 32, 64, 3, 1, 1, c.opts...)
			square := func(x tensor.Tensor) float64 { return x.Detach().Mul(x.Detach()).Mean().Item() }
			if got := square(conv.Weight.Value); math.Abs(got/c.weight-1) > 0.1 {
				t.Errorf("%s: weights have the mean square %v, want %v", name, got, c.weight)
			}
			switch {
			case c.bias < 0:
				if conv.Bias != nil {
					t.Errorf("%s has a bias", name)
				}
			default:
				if got := square(conv.Bias.Value); math.Abs(got-c.bias) > 0.4*c.bias {
					t.Errorf("%s: biases have the mean square %v, want %v", name, got, c.bias)
				}
			}
			tree.Free()
		}
	})
}

// TestSketchCounts: by hand, for one picture.
func TestSketchCounts(t *testing.T) {
	run(t, func() {
		tree := NewSketch()
		defer tree.Free()
		p := tree.Root()
		conv := NewConv2d(p.Sub("conv"), 4, 8, 3, 2, 1, Groups(2))
		linear := NewLinear(p.Sub("linear"), 8, 5)
		attention := NewAttention(p.Sub("attention"), 6, 2)
		tensor.NoGrad(func() {
			want := Cost{}
			check := func(what string, macs, activations int64) {
				want.MACs += macs
				want.Activations += activations
				if got := tree.Cost(); got != want {
					t.Errorf("after %s: %+v, want %+v", what, got, want)
				}
			}
			empty := func(shape ...int) tensor.Tensor { return tensor.Empty(tensor.Float32, tensor.CPU, shape...) }
			conv.Forward(empty(0, 4, 6, 10))
			check("a convolution", 8*3*5*2*9, 8*3*5)
			linear.Forward(empty(0, 7, 8))
			check("a linear layer", 7*5*8, 7*5)
			attention.Forward(empty(0, 3, 5, 6), tensor.Tensor{})
			// qkv, q·kᵀ and ·v for 3 windows of 2 heads, proj
			check("attention", 3*(5*18*6+2*5*5*3+2*5*3*5+5*6*6), 3*(5*18+2*5*5+2*5*3+5*6))
			// Small enough for a matrix product in a convolution's place.
			conv.Forward(empty(0, 4, 2, 2))
			check("a small convolution", 8*2*9, 8)
		})
		if ordinary := NewTree(tensor.Float64, tensor.CPU); ordinary.Cost() != (Cost{}) {
			t.Errorf("an ordinary tree counts %+v", ordinary.Cost())
		}
	})
}
