package model

import (
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"cone/internal/golden"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
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

// TestFeaturesEqualTorchvisions runs our backbones with the weights and
// images that testdata/make_resnet.py gave to torchvision's: as they start,
// in training, and with the running statistics that training left.
func TestFeaturesEqualTorchvisions(t *testing.T) {
	file, err := weights.Open(filepath.Join("testdata", "resnet.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	narrow := recipe.Model{Backbone: NarrowResNet, Stem: "small", Width: 16, Depth: 3}
	for name, m := range map[string]recipe.Model{
		"resnet18": {Backbone: "resnet18", Stem: "imagenet"},
		"resnet50": {Backbone: "resnet50", Stem: "imagenet"},
		"gray":     {Backbone: "resnet18", Stem: "imagenet"},
		"small":    {Backbone: "resnet18", Stem: "small"},
		"narrow":   narrow,
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func() {
				var shape []int
				metadata(t, file, name+"/shape", &shape)
				var state [][2]any
				metadata(t, file, name, &state)
				pixels := golden.Uniform(name+"/x", shape[0]*shape[1]*shape[2]*shape[3], -2, 2)
				for d, tolerance := range map[tensor.DType]float64{tensor.Float64: 1e-6, tensor.Float32: 1e-4} {
					e := build(t, m, shape[1], d)
					checkState(t, e.Tree, state)
					x := tensor.From(pixels, shape...).ToDType(d).ToDevice(golden.Device())
					tensor.NoGrad(func() {
						for _, pass := range []string{"eval", "training", "eval_after"} {
							near(t, d.String()+" "+pass, e.backbone.Forward(x, pass == "training"), read(t, file, name+"/"+pass), tolerance)
						}
					})
					e.Free()
				}
			})
		})
	}
}

// TestMemoryFormatDoesNotChangeFeatures: images may come with channels last.
func TestMemoryFormatDoesNotChangeFeatures(t *testing.T) {
	run(t, func() {
		e := build(t, recipe.Model{Backbone: NarrowResNet, Stem: "imagenet", Width: 8, Depth: 1}, 3, tensor.Float64)
		defer e.Free()
		x := tensor.From(golden.Uniform("x", 2*3*20*12, -2, 2), 2, 3, 20, 12).ToDType(tensor.Float64)
		tensor.NoGrad(func() {
			near(t, "features", e.backbone.Forward(x.ChannelsLast(), false), tensor.To[float64](e.backbone.Forward(x, false)), 1e-12)
		})
	})
}

// build makes an encoder without head whose weights follow from their names.
func build(t *testing.T, m recipe.Model, channels int, d tensor.DType) *Encoder {
	t.Helper()
	e, err := NewEncoder(m, 2, channels, d, golden.Device())
	if err != nil {
		t.Fatal(err)
	}
	golden.Fill(e.Tree)
	return e
}

// checkState compares names, shapes and order with torch's state dict.
func checkState(t *testing.T, tree *nn.Tree, want [][2]any) {
	t.Helper()
	var got [][2]any
	for _, e := range tree.Entries() {
		if e.Name == "fc.weight" || e.Name == "fc.bias" {
			continue
		}
		shape := []any{}
		for _, s := range e.Value.Shape() {
			shape = append(shape, float64(s))
		}
		got = append(got, [2]any{e.Name, shape})
	}
	for i := range want {
		want := [2]any{"net." + want[i][0].(string), want[i][1]}
		if i >= len(got) {
			t.Fatalf("entry %d is missing: %v", i, want)
		}
		if !reflect.DeepEqual(got[i], want) {
			t.Fatalf("entry %d is %v, torch has %v", i, got[i], want)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d entries, torch has %d", len(got), len(want))
	}
}

func metadata(t *testing.T, file *weights.File, key string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(file.Metadata()[key]), v); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
}

func read(t *testing.T, file *weights.File, name string) []float64 {
	t.Helper()
	a, err := file.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return tensor.To[float64](tensor.FromBytes(a.Data, tensor.Float32, len(a.Data)/4).ToDType(tensor.Float64))
}

// near wants the difference's L2 norm to be a small share of want's. Single
// features can be differences of large numbers, so their own relative error
// says little.
func near(t *testing.T, what string, got tensor.Tensor, want []float64, tolerance float64) {
	t.Helper()
	g := tensor.To[float64](got.ToDType(tensor.Float64))
	if len(g) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(g), len(want))
		return
	}
	var distance, size float64
	for i := range want {
		distance += (g[i] - want[i]) * (g[i] - want[i])
		size += want[i] * want[i]
	}
	if share := math.Sqrt(distance / size); !(share <= tolerance) {
		t.Errorf("%s is off by %.2g of its norm, more than %g", what, share, tolerance)
	}
}
