package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
)

// TestONNX writes every network with random weights, and with Python compares
// what ONNX Runtime says with what Forward says. CONE_ONNX_ALL=1 takes the deep ones too.
func TestONNX(t *testing.T) {
	quick := map[string]bool{"resnet18": true, "resnet18d": true, "resnet-narrow": true, "resnext50_32x4d": true, "mobilenet_v2": true, "convnext_tiny": true, "vit_small_patch16": true, "swin_t": true}
	for _, name := range model.Names() {
		if !quick[name] && os.Getenv("CONE_ONNX_ALL") == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m, side, _, err := model.Usual(name)
			if err != nil {
				t.Fatal(err)
			}
			m.Head = recipe.Head{Layers: 1, Hidden: 32, Dim: 16, Placement: "inside", BatchNorm: true}
			angular := 0.0
			if name == "resnet-narrow" {
				m.Head.Placement, angular = "beside", 16
			}
			images := make([]float32, 4*3*side*side)
			for i := range images { // four pictures unlike each other in brightness, contrast and pattern
				n, at := float64(i/(3*side*side)), float64(i%(3*side*side))
				images[i] = float32((0.2 + 0.2*n) + (0.2-0.05*n)*math.Sin(at*(0.37+0.9*n)+math.Sqrt(at)))
			}
			dir := t.TempDir()
			logits, embedding, err := sample(m, 10, 3, side, angular, images, filepath.Join(dir, "model.onnx"))
			if err != nil {
				t.Fatal(err)
			}
			for file, v := range map[string][]float32{"images": images, "logits": logits, "embedding": embedding} {
				var raw []byte
				for _, f := range v {
					raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
				}
				if err := os.WriteFile(filepath.Join(dir, file), raw, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			name := os.Getenv("CONE_ONNX_PYTHON")
			if name == "" {
				name = "/usr/bin/python3"
			}
			text, err := exec.Command(name, filepath.Join("testdata", "onnx_check.py"), dir).CombinedOutput()
			var exit *exec.ExitError
			switch {
			case errors.Is(err, fs.ErrNotExist), errors.As(err, &exit) && exit.ExitCode() == 77:
				t.Skipf("%s has not what this test needs: %v %s", name, err, text)
			case err != nil:
				t.Fatalf("%v\n%s", err, text)
			}
			t.Logf("%s", text)
		})
	}
}

// sample writes a network with the recipe's model and random weights, for
// checks against other programs, and what it says of given pictures.
func sample(m recipe.Model, classes, channels, side int, angular float64, images []float32, path string) (logits, embedding []float32, err error) {
	err = tensor.Run(func() error {
		tensor.Seed(1)
		var e *model.Encoder
		if angular > 0 {
			e, err = model.NewAngularEncoder(m, classes, channels, angular, tensor.Float32, tensor.CPU)
		} else {
			e, err = model.NewEncoder(m, classes, channels, tensor.Float32, tensor.CPU)
		}
		if err != nil {
			return err
		}
		defer e.Free()
		stir(e)
		x := tensor.From(images, len(images)/(channels*side*side), channels, side, side)
		settle(e, x)
		one := make([]float64, channels)
		for i := range one {
			one[i] = 1
		}
		g, err := graph(e, channels, side, side, make([]float64, channels), one, false)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Backbone, err)
		}
		tensor.NoGrad(func() {
			y, z := e.Forward(x, false)
			embedding, logits = tensor.To[float32](y), tensor.To[float32](z)
		})
		return weights.WriteFileAtomic(path, func(w io.Writer) error { return g.Write(w) })
	})
	return logits, embedding, err
}

// settle gives batch norms the statistics of the pictures, as training does, so
// that answers depend on them however deep the network.
func settle(e *model.Encoder, x tensor.Tensor) {
	if !slices.ContainsFunc(e.Tree.Entries(), func(v *nn.Entry) bool { return strings.HasSuffix(v.Name, ".running_mean") }) {
		return
	}
	const passes = 20 // make seven eighths of them
	for range passes {
		tensor.Scope(func() { tensor.NoGrad(func() { e.Forward(x, true) }) })
	}
}

// stir gives norms weights unlike those they start with.
func stir(e *model.Encoder) {
	tensor.NoGrad(func() {
		for _, entry := range e.Tree.Entries() {
			v := entry.Value
			switch {
			case v.DType() != tensor.Float32:
			case len(v.Shape()) > 1 && entry.Name[max(0, len(entry.Name)-len("layer_scale")):] != "layer_scale":
			case entry.Buffer: // settle gives them the pictures' statistics
				v.Zero()
			case entry.Name[len(entry.Name)-1] == 't', len(v.Shape()) > 1:
				v.Uniform(0.5, 1.5)
			default:
				v.Normal(0, 0.1)
			}
		}
	})
}
