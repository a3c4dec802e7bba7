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

	"cone/data"
	"cone/model"
	"cone/nn"
	"cone/picture"
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
			angular, ways := 0.0, []bool{false}
			if name == "resnet-narrow" {
				m.Head.Placement, angular, ways = "beside", 16, []bool{false, true}
			}
			for _, normalized := range ways {
				images := garments(t, side)
				dir := t.TempDir()
				logits, embedding, err := sample(m, side, angular, images, normalized, filepath.Join(dir, "model.onnx"))
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
				compareONNX(t, dir)
			}
		})
	}
}

// compareONNX lets Python compare what lies in a folder, or skips the test where it cannot.
func compareONNX(t *testing.T, dir string) {
	t.Helper()
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
}

// The statistics of Fashion-MNIST, for all three channels.
const mean, std = 0.2860, 0.3530

// garments are 4 images of Fashion-MNIST as pictures of three channels, 4×3×side×side, from 0 to 1.
func garments(t *testing.T, side int) []float32 {
	t.Helper()
	const n, folder = 4, "/usr/share/datasets/fashion-mnist"
	train, _, err := data.OpenMNIST(folder, 0)
	if err != nil {
		t.Skipf("this test needs Debian's dataset-fashion-mnist: %v", err)
	}
	var images []float32
	var scratch picture.Scratch
	for i := range n {
		small := picture.Image{Size: train.Size(), Pixels: train.Image(i)}
		var large picture.Image
		picture.Resize(&large, &small, picture.Box{Height: float64(train.Height), Width: float64(train.Width)}, side, side, picture.Bilinear, &scratch)
		for range 3 {
			for _, v := range large.Pixels {
				images = append(images, float32(v)/255)
			}
		}
	}
	return images
}

// sample writes a network with the recipe's model and random weights, for
// checks against other programs, and gives what it says of pictures, N×3×side×side.
// Normalized ones it normalises in place, for the file will not.
func sample(m recipe.Model, side int, angular float64, images []float32, normalized bool, path string) (logits, embedding []float32, err error) {
	const classes, channels = 10, 3
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
		pixels := slices.Clone(images)
		for i, v := range pixels {
			pixels[i] = (v - mean) / std
		}
		if normalized {
			copy(images, pixels)
		}
		x := tensor.From(pixels, len(images)/(channels*side*side), channels, side, side)
		settle(e, x)
		g, err := graph(e, channels, side, side, []float64{mean, mean, mean}, []float64{std, std, std}, normalized)
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
				v.Uniform(0.1, 0.5) // as after training; larger ones make deep networks double every error of float32
			default:
				v.Normal(0, 0.1)
			}
		}
	})
}
