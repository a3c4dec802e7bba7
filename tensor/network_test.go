package tensor_test

import (
	"math"
	"testing"

	"cone/tensor"
)

// difference is the largest distance between two tensors' elements.
func difference(a, b tensor.Tensor) float64 {
	largest := 0.0
	x, y := tensor.To[float64](a.Detach()), tensor.To[float64](b.Detach())
	if len(x) != len(y) {
		return math.Inf(1)
	}
	for i := range x {
		largest = max(largest, math.Abs(x[i]-y[i]))
	}
	return largest
}

func random(shape ...int) tensor.Tensor {
	return tensor.Empty(tensor.Float64, tensor.CPU, shape...).Normal(0, 1)
}

// TestGroupedConvolution: each group is a convolution by itself, plus bias.
func TestGroupedConvolution(t *testing.T) {
	run(t, func() {
		x, w, b := random(2, 6, 5, 7), random(4, 3, 3, 3), random(4)
		got := x.GroupedConv2d(w, b, 2, 1, 2)
		var parts []tensor.Tensor
		for g := range 2 {
			parts = append(parts, x.Narrow(1, 3*g, 3).Conv2d(w.Narrow(0, 2*g, 2), 2, 1))
		}
		want := tensor.Cat(parts, 1).Add(b.View(4, 1, 1))
		if d := difference(got, want); d > 1e-12 {
			t.Errorf("off by %v", d)
		}
	})
}

// TestLayerNorm by its definition.
func TestLayerNorm(t *testing.T) {
	run(t, func() {
		x, w, b := random(3, 2, 5), random(5), random(5)
		got := tensor.To[float64](x.LayerNorm(w, b, 1e-3))
		values, weight, bias := tensor.To[float64](x), tensor.To[float64](w), tensor.To[float64](b)
		for i := 0; i < len(values); i += 5 {
			mean, variance := 0.0, 0.0
			for _, v := range values[i : i+5] {
				mean += v / 5
			}
			for _, v := range values[i : i+5] {
				variance += (v - mean) * (v - mean) / 5
			}
			for j := range 5 {
				want := (values[i+j]-mean)/math.Sqrt(variance+1e-3)*weight[j] + bias[j]
				if math.Abs(got[i+j]-want) > 1e-12 {
					t.Errorf("element %d is %v, want %v", i+j, got[i+j], want)
				}
			}
		}
	})
}

// TestActivations: ReLU6 in both its ways, and GELU.
func TestActivations(t *testing.T) {
	run(t, func() {
		values := []float64{-3, -0.5, 0, 0.5, 5.75, 6.5, 100}
		for _, d := range []tensor.DType{tensor.Float64, tensor.BFloat16} {
			x := tensor.From(values, len(values)).ToDType(d).SetRequiresGrad(true)
			y := x.Scale(1).ReLU6Into()
			got := tensor.To[float64](y.Detach().ToDType(tensor.Float64))
			y.Sum().Backward()
			gradient := tensor.To[float64](x.Grad().ToDType(tensor.Float64))
			for i, v := range values {
				slope := 0.0
				if v > 0 && v < 6 {
					slope = 1
				}
				if want := min(max(v, 0), 6); got[i] != want || gradient[i] != slope {
					t.Errorf("%v: ReLU6(%v) is %v with the slope %v", d, v, got[i], gradient[i])
				}
			}
		}
		gelu := tensor.To[float64](tensor.From(values, len(values)).GELU())
		for i, v := range values {
			if want := v * 0.5 * (1 + math.Erf(v/math.Sqrt2)); math.Abs(gelu[i]-want) > 1e-12 {
				t.Errorf("GELU(%v) is %v, want %v", v, gelu[i], want)
			}
		}
	})
}

// TestAveragePool: windows over the border count what is inside.
func TestAveragePool(t *testing.T) {
	run(t, func() {
		x := tensor.From([]float64{1, 2, 3, 4, 5, 6, 7, 8, 10}, 1, 1, 3, 3)
		want := tensor.From([]float64{3, 4.5, 7.5, 10}, 1, 1, 2, 2)
		if d := difference(x.AveragePool2d(2, 2), want); d != 0 {
			t.Errorf("off by %v", d)
		}
	})
}

// TestAttention by its definition, for any number of leading dimensions, with
// and without bias.
func TestAttention(t *testing.T) {
	run(t, func() {
		q, k, v := random(2, 3, 4, 5), random(2, 3, 4, 5), random(2, 3, 4, 5)
		bias := random(3, 4, 4)
		for _, b := range []tensor.Tensor{{}, bias} {
			got := tensor.Attention(q, k, v, b)
			for n := range 2 {
				for h := range 3 {
					at := func(x tensor.Tensor) tensor.Tensor { return x.Select(0, n).Select(0, h) }
					weight := at(q).MatMul(at(k).Transpose(0, 1)).Scale(1 / math.Sqrt(5))
					if b.Defined() {
						weight = weight.Add(b.Select(0, h))
					}
					weight = weight.Exp()
					weight = weight.Div(weight.SumDim(1).Unsqueeze(1))
					if d := difference(at(got).Contiguous(), weight.MatMul(at(v))); d > 1e-12 {
						t.Errorf("picture %d, head %d, bias %v: off by %v", n, h, b.Defined(), d)
					}
				}
			}
		}
	})
}

// TestRollAndPad move and surround.
func TestRollAndPad(t *testing.T) {
	run(t, func() {
		x := tensor.From([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
		if d := difference(x.Roll([]int{1, -1}, []int{0, 1}), tensor.From([]float64{5, 6, 4, 2, 3, 1}, 2, 3)); d != 0 {
			t.Errorf("rolled: off by %v", d)
		}
		if d := difference(x.Pad(0, 1, 1, 0), tensor.From([]float64{0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0}, 3, 4)); d != 0 {
			t.Errorf("padded: off by %v", d)
		}
		if d := difference(x.MeanDim(0), tensor.From([]float64{2.5, 3.5, 4.5}, 3)); d != 0 {
			t.Errorf("mean: off by %v", d)
		}
	})
}

// TestRandomMasks: the share that stays, its scale, and the seed's rule.
func TestRandomMasks(t *testing.T) {
	run(t, func() {
		const n = 100_000
		draw := func() (masks [2][]float64) {
			tensor.Seed(8)
			x := tensor.Full(1, tensor.Float64, tensor.CPU, n)
			masks[0] = tensor.To[float64](x.NewEmpty(n).Bernoulli(0.7))
			masks[1] = tensor.To[float64](x.Dropout(0.3))
			return masks
		}
		first, again := draw(), draw()
		for m, kept := range []float64{1, 1 / 0.7} {
			count := 0
			for i, v := range first[m] {
				if v != again[m][i] {
					t.Fatal("the same seed drew another mask")
				}
				if v != 0 {
					count++
					if math.Abs(v-kept) > 1e-12 {
						t.Fatalf("mask %d keeps with %v, want %v", m, v, kept)
					}
				}
			}
			// Five standard errors.
			if d := float64(count)/n - 0.7; math.Abs(d) > 5*math.Sqrt(0.21/n) {
				t.Errorf("mask %d keeps %d of %d", m, count, n)
			}
		}
	})
}

// TestMetaHasShapesOnly: nothing is computed, and nothing can be read.
func TestMetaHasShapesOnly(t *testing.T) {
	run(t, func() {
		x := tensor.Empty(tensor.Float32, tensor.Meta, 1<<20, 1<<20).Normal(0, 1).Uniform(0, 1)
		if x.OnCPU() || x.Dim(1) != 1<<20 || tensor.Meta.String() != "meta" {
			t.Errorf("%v on %v", x, tensor.Meta)
		}
	})
}
