package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"cone/internal/golden"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
)

// settings are the usual ones of a backbone, for pictures of a height.
func settings(t *testing.T, backbone string, height int) recipe.Model {
	t.Helper()
	m, _, _, err := Usual(backbone)
	if err != nil {
		t.Fatal(err)
	}
	if backbone == visionTransformer {
		m.ImageSize = height
	}
	return m
}

// TestNetworksEqualOthers runs every backbone with the weights and pictures
// that testdata/make_networks.py gave to torchvision's and timm's, in
// evaluation and training, and compares each parameter's gradient too.
func TestNetworksEqualOthers(t *testing.T) {
	for _, program := range []string{"torchvision", "timm"} {
		file, err := weights.Open(filepath.Join("testdata", program+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for _, n := range networks {
			if file.Metadata()[n.name+"/shape"] == "" {
				continue
			}
			t.Run(n.name, func(t *testing.T) { run(t, func() { compare(t, file, n.name) }) })
		}
	}
}

// TestEveryNetworkIsCompared: resnet-narrow is in known_test.go.
func TestEveryNetworkIsCompared(t *testing.T) {
	known := map[string]bool{NarrowResNet: true}
	for _, program := range []string{"torchvision", "timm"} {
		file, err := weights.Open(filepath.Join("testdata", program+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		for key := range file.Metadata() {
			name, _, _ := strings.Cut(key, "/")
			known[name] = true
		}
		file.Close()
	}
	for _, name := range Names() {
		if !known[name] {
			t.Errorf("no other program's answers for %s", name)
		}
	}
}

func compare(t *testing.T, file *weights.File, name string) {
	var shape []int
	var labels []int64
	metadata(t, file, name+"/shape", &shape)
	metadata(t, file, name+"/labels", &labels)
	e, err := NewEncoder(settings(t, name, shape[2]), 10, shape[1], tensor.Float64, golden.Device())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Free()
	if digest := stateDigest(t, e.Tree); digest != file.Metadata()[name+"/state"] {
		t.Errorf("names or shapes differ from the other program's: compare with what make_networks.py names %s prints", name)
	}
	fillAll(e.Tree)
	x := tensor.From(golden.Uniform(name+"/x", shape[0]*shape[1]*shape[2]*shape[3], -2, 2), shape...).
		ToDType(tensor.Float64).ToDevice(golden.Device()).ChannelsLast()
	tensor.NoGrad(func() {
		_, logits := e.Forward(x, false)
		near(t, "evaluation", logits, read(t, file, name+"/eval"), 1e-6)
	})
	_, logits := e.Forward(x, true)
	near(t, "training", logits, read(t, file, name+"/training"), 1e-6)
	crossEntropy(logits, labels).Backward()
	want := read(t, file, name+"/gradients")
	total := 0.0
	for _, w := range want {
		total = math.Hypot(total, w)
	}
	for i, p := range e.Tree.Parameters() {
		if got := p.Value.Grad().Norm().Item(); math.Abs(got-want[i]) > 1e-6*want[i]+1e-9*total {
			t.Errorf("the gradient of %s has the norm %v, want %v", p.Name, got, want[i])
		}
	}

	f, err := NewEncoder(settings(t, name, shape[2]), 10, shape[1], tensor.Float32, golden.Device())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Free()
	fillAll(f.Tree)
	tensor.NoGrad(func() {
		_, logits := f.Forward(x.ToDType(tensor.Float32), false)
		near(t, "float32", logits, read(t, file, name+"/eval"), 1e-4)
	})
}

func crossEntropy(logits tensor.Tensor, labels []int64) tensor.Tensor {
	index := tensor.From(labels, len(labels), 1).ToDevice(golden.Device())
	return logits.LogSoftmax(1).Gather(1, index).Mean().Neg()
}

// stateDigest is that of the script: names and shapes as JSON.
func stateDigest(t *testing.T, tree *nn.Tree) string {
	t.Helper()
	var listing [][2]any
	for _, e := range tree.Entries() {
		shape := e.Value.Shape()
		if shape == nil {
			shape = []int{}
		}
		listing = append(listing, [2]any{e.Name, shape})
	}
	text, err := json.Marshal(listing)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// fillAll gives every entry numbers by its name, as the script's fill.
func fillAll(tree *nn.Tree) {
	golden.Fill(tree)
	tensor.NoGrad(func() {
		for _, e := range tree.Entries() {
			shape := e.Value.Shape()
			if len(shape) != 1 || e.Value.DType() == tensor.Int64 {
				continue
			}
			low, high := 0.5, 0.9
			switch e.Name[strings.LastIndex(e.Name, ".")+1:] {
			case "bias", "running_mean":
				low, high = -0.1, 0.1
			case "running_var":
				low, high = 0.5, 1.5
			}
			e.Value.CopyFrom(tensor.From(golden.Uniform(e.Name, shape[0], low, high), shape[0]))
		}
	})
}
