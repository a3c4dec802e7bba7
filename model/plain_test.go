package model

import (
	"math"
	"testing"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Plain Go to compare with.

func encoder(t *testing.T, m recipe.Model, classes int) *Encoder {
	t.Helper()
	e, err := NewEncoder(m, classes, 3, tensor.Float32, tensor.CPU)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func treeOf(t *testing.T) *nn.Tree {
	t.Helper()
	return nn.NewTree(tensor.Float32, tensor.CPU)
}

// rows copies a float64 matrix.
func rows(m tensor.Tensor) [][]float64 {
	flat, width := tensor.To[float64](m.Detach()), m.Dim(1)
	var out [][]float64
	for i := 0; i < len(flat); i += width {
		out = append(out, flat[i:i+width])
	}
	return out
}

func matrix(e *Encoder, name string) [][]float64 { return rows(e.Tree.Get(name).Value) }

// affine is x·weightᵀ + bias.
func affine(x, weight [][]float64, bias []float64) [][]float64 {
	out := make([][]float64, len(x))
	for i := range x {
		out[i] = make([]float64, len(weight))
		for o := range weight {
			if bias != nil {
				out[i][o] = bias[o]
			}
			for j := range x[i] {
				out[i][o] += x[i][j] * weight[o][j]
			}
		}
	}
	return out
}

func closeRows(t *testing.T, what string, got, want [][]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i := range want {
		for j := range want[i] {
			if !(math.Abs(got[i][j]-want[i][j]) <= 1e-10*(1+math.Abs(want[i][j]))) {
				t.Errorf("%s[%d][%d] is %v, want %v", what, i, j, got[i][j], want[i][j])
			}
		}
	}
}
