package export

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cone/internal/samples"
	"cone/recipe"
	"cone/train"
	"cone/weights"
)

// TestMain keeps networks this small on one thread.
func TestMain(m *testing.M) {
	if os.Getenv("OMP_NUM_THREADS") == "" {
		os.Setenv("OMP_NUM_THREADS", "1")
	}
	os.Exit(m.Run())
}

// python runs testdata/check.py, or skips the test where it cannot. CONE_PYTHON
// names the Python to use; Debian's python3-torch belongs to Debian's Python.
func python(t *testing.T, args ...string) {
	t.Helper()
	name := os.Getenv("CONE_PYTHON")
	if name == "" {
		name = "/usr/bin/python3"
	}
	text, err := exec.Command(name, append([]string{filepath.Join("testdata", "check.py")}, args...)...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound), errors.As(err, &exit) && exit.ExitCode() == 77:
		t.Skipf("%s has not what this test needs: %v %s", name, err, text)
	case err != nil:
		t.Fatalf("%v\n%s", err, text)
	}
}

func tiny(t *testing.T, change func(*recipe.Recipe)) recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	if err := samples.Photos(dir, 4, 60, 12); err != nil {
		t.Fatal(err)
	}
	r := recipe.Default()
	r.Name, r.Epochs, r.Batch, r.Precision = "tiny", 3, 20, "float32"
	r.Data.Path, r.Data.Mean, r.Data.Std = dir, []float64{0.4}, []float64{0.3}
	r.Augment = []recipe.Step{{RandomResizedCrop: &recipe.RandomResizedCrop{Size: 12, Scale: []float64{0.5, 1}, Ratio: []float64{1, 1}, Interpolation: "bilinear"}}}
	r.Evaluate.Transform = []recipe.Step{{Resize: &recipe.Resize{Size: 16, Interpolation: "bicubic"}}, {CenterCrop: &recipe.CenterCrop{Size: 12}}}
	r.Model = recipe.Model{Backbone: "resnet-narrow", Stem: "small", Width: 4, Depth: 1,
		Head: recipe.Head{Layers: 1, Hidden: 16, Dim: 8, Placement: "inside", BatchNorm: true}}
	r.Method.CoNe.BankSize, r.Method.CoNe.Neighbors = 48, 8
	r.Optim.LR, r.Optim.ReferenceBatch, r.Checkpoint.EveryEpochs = 0.1, 0, 1
	if change != nil {
		change(&r)
	}
	return r
}

func engine(t *testing.T) train.Engine {
	t.Helper()
	e, err := train.NewEngine("cpu", 0)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// trained is a run of the recipe.
func trained(t *testing.T, r recipe.Recipe) string {
	t.Helper()
	run := filepath.Join(t.TempDir(), "run")
	if _, err := train.Start(context.Background(), r, run, engine(t)); err != nil {
		t.Fatal(err)
	}
	return run
}

func open(t *testing.T, run, which string) *train.Checkpoint {
	t.Helper()
	c, err := train.FindCheckpoint(run, which)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestAuthorsRoundTrip: a run that went through the authors' layout in between
// ends with the same bits as one that did not.
func TestAuthorsRoundTrip(t *testing.T) {
	r := tiny(t, nil)
	run := trained(t, r)
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint.tar")
	if err := Authors(open(t, run, "epoch-0002"), path); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(dir, "run")
	if _, _, err := train.Import(r, again, engine(t), path, train.ImportOptions{Whole: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := train.Resume(context.Background(), again, nil, engine(t)); err != nil {
		t.Fatal(err)
	}
	want, got := open(t, run, "last").Source(), open(t, again, "last").Source()
	for _, name := range want.Names() {
		a, err := want.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := got.Read(name)
		if err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	t.Run("python", func(t *testing.T) {
		python(t, "authors", path, filepath.Join(run, "checkpoints", "epoch-0002.safetensors"))
	})
}

// TestTorch: what Python reads is what the checkpoint holds.
func TestTorch(t *testing.T) {
	for name, change := range map[string]func(*recipe.Recipe){
		"with a head":    nil,
		"without a head": func(r *recipe.Recipe) { r.Model.Head = recipe.Head{Placement: "inside"} },
	} {
		t.Run(name, func(t *testing.T) {
			run := trained(t, tiny(t, func(r *recipe.Recipe) {
				r.Epochs = 1
				if change != nil {
					change(r)
				}
			}))
			path := filepath.Join(t.TempDir(), "x.pth")
			c := open(t, run, "last")
			if err := Torch(c, path, false); err != nil {
				t.Fatal(err)
			}
			// Ours reads it, too.
			s, err := weights.OpenAny(path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, n := range s.Names() {
				a, err := s.Read(n)
				if err != nil {
					t.Fatal(err)
				}
				full := "encoder_q." + n
				if _, ok := c.Source().Info(full); !ok {
					full = "encoder_q.net." + n
				}
				b, err := c.Source().Read(full)
				if err != nil || !reflect.DeepEqual(a.Data, b.Data) || !reflect.DeepEqual(a.Shape, b.Shape) {
					t.Errorf("%s differs: %v", n, err)
				}
			}
			t.Run("python", func(t *testing.T) { python(t, "pth", path, c.Path) })
		})
	}
}

// resnet18 is timm's network on pictures of 32×32 pixels in grey.
func resnet18(r *recipe.Recipe) {
	r.Model = recipe.Model{Backbone: "resnet18", Stem: "imagenet", Head: recipe.Head{Placement: "inside"}}
	r.Evaluate.Transform = []recipe.Step{{Resize: &recipe.Resize{Size: 40, Interpolation: "bicubic"}}, {CenterCrop: &recipe.CenterCrop{Size: 32}}}
}

// TestTimmConfig: what timm reads beside the weights.
func TestTimmConfig(t *testing.T) {
	r := tiny(t, resnet18)
	r.Method.Name, r.Epochs = "cross-entropy", 1
	c := open(t, trained(t, r), "last")
	for features, want := range map[bool]string{
		false: `{"architecture":"resnet18","global_pool":"avg","label_names":["class-0","class-1","class-2","class-3"],` +
			`"num_classes":4,"num_features":512,"pretrained_cfg":{"classifier":"fc","crop_mode":"center","crop_pct":0.8,"first_conv":"conv1",` +
			`"input_size":[3,32,32],"interpolation":"bicubic","mean":[0.4,0.4,0.4],"num_classes":4,"pool_size":[1,1],"std":[0.3,0.3,0.3]}}`,
		true: `{"architecture":"resnet18","global_pool":"avg","num_classes":0,"num_features":512,"pretrained_cfg":{"classifier":"fc","crop_mode":"center","crop_pct":0.8,"first_conv":"conv1",` +
			`"input_size":[3,32,32],"interpolation":"bicubic","mean":[0.4,0.4,0.4],"num_classes":0,"pool_size":[1,1],"std":[0.3,0.3,0.3]}}`,
	} {
		folder := filepath.Join(t.TempDir(), "out")
		if err := Timm(c, folder, features, 0); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(folder, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var config map[string]any
		if err := json.Unmarshal(text, &config); err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(config); string(got) != want {
			t.Errorf("config.json is\n%s\nwant\n%s", got, want)
		}
		f, err := weights.Open(filepath.Join(folder, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := f.Info("fc.weight"); ok == features {
			t.Errorf("features %v: fc.weight is there: %v", features, ok)
		}
		f.Close()
	}
}

// TestRefuses: what cannot be exported is said in one sentence.
func TestRefuses(t *testing.T) {
	r := tiny(t, func(r *recipe.Recipe) { r.Epochs = 1; r.Method.Name = "cross-entropy" })
	narrow := open(t, trained(t, r), "last")
	out := filepath.Join(t.TempDir(), "out")
	for what, err := range map[string]error{
		"network like resnet-narrow":    Timm(narrow, out, true, 0),
		"was trained by cross-entropy":  Authors(narrow, out),
		"folder " + out + " does not e": Torch(narrow, filepath.Join(out, "x.pth"), false),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	r.Model.Backbone, r.Model.Stem, r.Evaluate.Transform = "resnet18", "imagenet", nil
	c := *narrow
	c.Recipe = r
	for what, err := range map[string]error{
		"no projection head":       Timm(&c, out, false, 0),
		"give their side with --i": Timm(&c, out, true, 0),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	c.Recipe.Model.Stem = "small"
	if err := Timm(&c, out, true, 32); err == nil || !strings.Contains(err.Error(), "resnet18 with model.stem small") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused export left something behind")
	}
}

// through imports a file of another program's network into a run of ours.
func through(t *testing.T, r recipe.Recipe, made string) *train.Checkpoint {
	t.Helper()
	run := filepath.Join(t.TempDir(), "run")
	plan, _, err := train.Import(r, run, engine(t), made, train.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Fresh) > 0 {
		t.Errorf("fresh %q", plan.Fresh)
	}
	for _, name := range plan.Dropped {
		if !strings.HasSuffix(name, "relative_position_index") { // computed from the shape
			t.Errorf("dropped %q", name)
		}
	}
	return open(t, run, "last")
}

// TestTimm: a network of timm's goes through a run of ours and back, and
// answers the same.
func TestTimm(t *testing.T) {
	for ours, theirs := range map[string]string{"resnet18": "resnet18", "resnet18d": "resnet18d", "vit_small_patch16": "vit_small_patch16_224"} {
		t.Run(ours, func(t *testing.T) {
			dir := t.TempDir()
			made := filepath.Join(dir, "timm.pth")
			python(t, "timm-make", theirs, made)
			r := tiny(t, resnet18)
			r.Model.Backbone = ours
			r.Data.Format, r.Data.Path, r.Evaluate.Transform = "mnist-idx", digits(t), nil
			r.Augment = nil
			c := through(t, r, made)
			for _, features := range []bool{false, true} {
				folder := filepath.Join(dir, "folder")
				if err := Timm(c, folder, features, 32); err != nil {
					t.Fatal(err)
				}
				python(t, "timm", theirs, made, folder)
			}
		})
	}
}

// TestTorchvision: so does a network of torchvision's, under its own names.
func TestTorchvision(t *testing.T) {
	for _, name := range []string{"mobilenet_v2", "convnext_tiny", "swin_t", "resnet18"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			made, back := filepath.Join(dir, "made.pth"), filepath.Join(dir, "back.pth")
			python(t, "torchvision-make", name, made)
			r := tiny(t, resnet18)
			r.Model.Backbone, r.Method.Name = name, "cross-entropy"
			r.Augment = []recipe.Step{{RandomResizedCrop: &recipe.RandomResizedCrop{Size: 32, Scale: []float64{0.5, 1}, Ratio: []float64{1, 1}, Interpolation: "bilinear"}}}
			if err := Torch(through(t, r, made), back, false); err != nil {
				t.Fatal(err)
			}
			python(t, "torchvision", name, made, back)
		})
	}
}

// digits writes grey pictures of 32×32 pixels in MNIST's format.
func digits(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for part, n := range map[string]int{"train": 60, "t10k": 12} {
		images := []byte{0, 0, 8, 3, 0, 0, 0, byte(n), 0, 0, 0, 32, 0, 0, 0, 32}
		labels := []byte{0, 0, 8, 1, 0, 0, 0, byte(n)}
		for i := range n {
			labels = append(labels, byte(i%4))
			for p := range 32 * 32 {
				images = append(images, byte(i*p))
			}
		}
		for name, content := range map[string][]byte{"images-idx3": images, "labels-idx1": labels} {
			if err := os.WriteFile(filepath.Join(dir, part+"-"+name+"-ubyte"), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}
