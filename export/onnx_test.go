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
	"testing"

	"cone/model"
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
			for i := range images {
				images[i] = float32(0.5 + 0.5*math.Sin(float64(i)*0.37+math.Sqrt(float64(i))))
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
		one := make([]float64, channels)
		for i := range one {
			one[i] = 1
		}
		g, err := graph(e, channels, side, side, make([]float64, channels), one, false)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Backbone, err)
		}
		tensor.NoGrad(func() {
			x := tensor.From(images, len(images)/(channels*side*side), channels, side, side)
			y, z := e.Forward(x, false)
			embedding, logits = tensor.To[float32](y), tensor.To[float32](z)
		})
		return weights.WriteFileAtomic(path, func(w io.Writer) error { return g.Write(w) })
	})
	return logits, embedding, err
}

// stir gives norms weights and statistics unlike those they start with.
func stir(e *model.Encoder) {
	tensor.NoGrad(func() {
		for _, entry := range e.Tree.Entries() {
			v := entry.Value
			switch {
			case v.DType() != tensor.Float32:
			case len(v.Shape()) > 1 && entry.Name[max(0, len(entry.Name)-len("layer_scale")):] != "layer_scale":
			case entry.Buffer && entry.Name[len(entry.Name)-1] == 'n': // running_mean
				v.Normal(0, 0.1)
			case entry.Buffer, entry.Name[len(entry.Name)-1] == 't', len(v.Shape()) > 1:
				v.Uniform(0.5, 1.5)
			default:
				v.Normal(0, 0.1)
			}
		}
	})
}
