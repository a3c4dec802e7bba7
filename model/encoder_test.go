package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"cone/recipe"
	"cone/tensor"
)

// small is an encoder's recipe with F = 16, D = 6.
func small(placement string, freeze ...string) recipe.Model {
	return recipe.Model{Backbone: NarrowResNet, Stem: "small", Width: 4, Depth: 1, Freeze: freeze,
		Head: recipe.Head{Layers: 1, Hidden: 8, Dim: 6, BatchNorm: true, Placement: placement}}
}

func pixels(seed, n int) tensor.Tensor {
	x := make([]float32, n*3*8*8)
	for i := range x {
		x[i] = float32(math.Sin(float64(i*i + seed)))
	}
	return tensor.From(x, n, 3, 8, 8)
}

// TestPlacement: beside, the classifier looks at the features, and the head at
// the same features as it does inside.
func TestPlacement(t *testing.T) {
	run(t, func() {
		inside, beside := encoder(t, small("inside"), 5), encoder(t, small("beside"), 5)
		defer inside.Free()
		defer beside.Free()
		for _, e := range beside.Tree.Entries() {
			if !strings.HasPrefix(e.Name, "fc.") {
				tensor.NoGrad(func() { e.Value.CopyFrom(inside.Tree.Get(e.Name).Value) })
			}
		}
		x := pixels(1, 3)
		a, insideLogits := inside.Forward(x, false)
		b, besideLogits := beside.Forward(x, false)
		if !slices.Equal(tensor.To[float32](a), tensor.To[float32](b)) {
			t.Error("the embeddings differ")
		}
		features, embedding := beside.Encode(x, false)
		for name, c := range map[string]struct{ got, input, weight, bias tensor.Tensor }{
			"inside": {insideLogits, a, inside.Tree.Get("fc.weight").Value, inside.Tree.Get("fc.bias").Value},
			"beside": {besideLogits, features, beside.Tree.Get("fc.weight").Value, beside.Tree.Get("fc.bias").Value},
		} {
			want := tensor.To[float32](c.input.Linear(c.weight, c.bias))
			if !slices.Equal(tensor.To[float32](c.got), want) {
				t.Errorf("%s: the logits are %v, want %v", name, tensor.To[float32](c.got), want)
			}
		}
		if features.Dim(1) != 16 || embedding.Dim(1) != 6 || beside.Dim() != 6 {
			t.Errorf("F is %d, D is %d and %d", features.Dim(1), embedding.Dim(1), beside.Dim())
		}
	})
}

// TestFreeze: frozen parameters get no gradient, are not listed, and their
// norms neither use nor move with the batch; the others do.
func TestFreeze(t *testing.T) {
	for _, c := range []struct {
		freeze []string
		frozen func(name string) bool
	}{
		{nil, func(string) bool { return false }},
		{[]string{"net"}, func(name string) bool { return strings.HasPrefix(name, "net.") }},
		{[]string{"net.layer1", "head"}, func(name string) bool {
			return strings.HasPrefix(name, "net.layer1.") || strings.HasPrefix(name, "head.")
		}},
		{[]string{"fc"}, func(name string) bool { return strings.HasPrefix(name, "fc.") }},
	} {
		run(t, func() {
			e := encoder(t, small("inside", c.freeze...), 5)
			defer e.Free()
			listed := map[string]bool{}
			for _, p := range e.Tree.Parameters() {
				listed[p.Name] = true
			}
			before := map[string][]float32{}
			for _, entry := range e.Tree.Entries() {
				if entry.Buffer && entry.Value.DType() == tensor.Float32 {
					before[entry.Name] = tensor.To[float32](entry.Value)
				}
			}
			_, logits := e.Forward(pixels(2, 6), true)
			logits.Mul(logits).Sum().Backward()
			for _, entry := range e.Tree.Entries() {
				frozen := c.frozen(entry.Name)
				switch {
				case !entry.Buffer:
					if listed[entry.Name] == frozen || entry.Value.Grad().Defined() == frozen {
						t.Errorf("freeze %v: %s is listed %v, has a gradient %v", c.freeze, entry.Name, listed[entry.Name], entry.Value.Grad().Defined())
					}
				case before[entry.Name] != nil:
					if same := slices.Equal(before[entry.Name], tensor.To[float32](entry.Value)); same != frozen {
						t.Errorf("freeze %v: %s stayed: %v", c.freeze, entry.Name, same)
					}
				}
			}
			// A frozen backbone gives the same features in training and evaluation.
			trained, _ := e.Encode(pixels(3, 6), true)
			evaluated, _ := e.Encode(pixels(3, 6), false)
			if same := slices.Equal(tensor.To[float32](trained.Detach()), tensor.To[float32](evaluated.Detach())); same != c.frozen("net.conv1.weight") {
				t.Errorf("freeze %v: the features in training and evaluation are the same: %v", c.freeze, same)
			}
		})
	}
	for _, freeze := range [][]string{{"net.layer9"}, {"ne"}, {"net", "head", "fc"}} {
		if _, err := NewEncoder(small("inside", freeze...), 5, 3, tensor.Float32, tensor.CPU); err == nil || !strings.Contains(fmt.Sprint(err), "model.freeze") {
			t.Errorf("freeze %v: %v", freeze, err)
		}
	}
}
