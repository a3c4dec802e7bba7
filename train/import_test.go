package train

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
	"cone/weights/dialect"
	"cone/weights/pickle"
)

// foreign is a file that testdata/foreign/make.py wrote.
func foreign(name string) string { return filepath.Join("testdata", "foreign", name) }

// bare is tiny without a projection head, as torchvision's and timm's networks.
func bare(dataFolder string) recipe.Recipe {
	r := tiny(dataFolder)
	r.Model.Head = recipe.Head{Placement: "inside"}
	return r
}

// TestLogitsEqualPythons: an encoder with the weights of another program's
// file answers as it did there.
func TestLogitsEqualPythons(t *testing.T) {
	for _, major := range []string{"1", "2"} {
		known := open(t, foreign("known-"+major+".safetensors"))
		for _, c := range []struct {
			file, prefix, answer string
			recipe               recipe.Recipe
		}{
			{"authors-" + major + ".tar", dialect.Query, "authors", tiny("")},
			{"authors-" + major + ".tar", dialect.Key, "authors.key", tiny("")},
			{"resnet-" + major + ".pth", dialect.Query, "resnet", bare("")},
			{"resnet-" + major + "-legacy.pth", dialect.Query, "resnet", bare("")},
		} {
			for d, tolerance := range map[tensor.DType]float64{tensor.Float64: 1e-12, tensor.Float32: 1e-5} {
				want := numbers[float64](t, known, c.answer)
				got := logitsOf(t, c.file, c.prefix, c.recipe, d, numbers[float32](t, known, "images"))
				if len(got) != len(want) {
					t.Fatalf("%d logits, want %d", len(got), len(want))
				}
				for i := range want {
					if !(math.Abs(got[i]-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
						t.Errorf("%s in %s: logit %d is %v, Python has %v", c.file, d, i, got[i], want[i])
					}
				}
			}
		}
	}
}

func numbers[E tensor.Element](t *testing.T, f *weights.File, name string) (out []E) {
	t.Helper()
	a, err := f.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	onEngine(t, func() error {
		d := engineTypes[a.DType]
		out = tensor.To[E](tensor.FromBytes(a.Data, d, len(a.Data)/d.Size()))
		return nil
	})
	return out
}

func onEngine(t *testing.T, f func() error) {
	t.Helper()
	if err := tensor.Run(f); err != nil {
		t.Fatal(err)
	}
}

func logitsOf(t *testing.T, file, prefix string, r recipe.Recipe, d tensor.DType, images []float32) (out []float64) {
	t.Helper()
	source, err := weights.OpenAny(foreign(file))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	onEngine(t, func() error {
		e, err := model.NewEncoder(r.Model, classCount, 1, d, tensor.CPU)
		if err != nil {
			return err
		}
		defer e.Free()
		var entries []*nn.Entry
		for _, entry := range e.Tree.Entries() {
			entries = append(entries, &nn.Entry{Name: prefix + entry.Name, Value: entry.Value})
		}
		plan, err := fill(entries, source, file, namesOf(r.Model))
		if err != nil {
			return err
		}
		if len(plan.Fresh) > 0 || len(plan.Takes) != len(entries) {
			t.Errorf("%s: taken %d of %d, fresh %q", file, len(plan.Takes), len(entries), plan.Fresh)
		}
		tensor.NoGrad(func() {
			_, logits := e.Forward(tensor.From(images, len(images)/144, 1, side, side).ToDType(d), false)
			out = tensor.To[float64](logits.ToDType(tensor.Float64))
		})
		return nil
	})
	return out
}

// TestImportWhole: every part of the authors' state lands in its place.
func TestImportWhole(t *testing.T) {
	for _, major := range []string{"1", "2"} {
		known := open(t, foreign("known-"+major+".safetensors"))
		path := filepath.Join(t.TempDir(), "run")
		_, epoch, err := Import(tiny(writeData(t, side, trainCount, testCount)), path, testEngine(t), foreign("authors-"+major+".tar"), ImportOptions{Whole: true})
		if err != nil {
			t.Fatal(err)
		}
		if at := savedAt(t, path, "last"); epoch != 2 || at.Epoch != 2 || at.Step != 2*perEpoch || at.Batch != 0 {
			t.Errorf("epoch %d, position %+v", epoch, at)
		}
		run := open(t, checkpointFile(path, "last"))
		momenta := 0
		for _, name := range known.Names() {
			parameter, ok := strings.CutPrefix(name, "momentum.")
			if !ok {
				continue
			}
			momenta++
			if !bytes.Equal(read(t, run, "optimizer.momentum."+parameter), read(t, known, name)) {
				t.Errorf("the momentum of %s is another one's", parameter)
			}
		}
		if momenta < 20 {
			t.Errorf("only %d momenta are known", momenta)
		}
		for ours, theirs := range map[string]string{"bank.embedding": "queue", "bank.probability": "queue_label_prob"} {
			got, want := numbers[float32](t, run, ours), numbers[float32](t, known, theirs)
			const size = 48
			width := len(want) / size
			for i := range got {
				if got[i] != want[i%width*size+i/width] {
					t.Fatalf("%s: element %d is %v", ours, i, got[i])
				}
			}
		}
		if !bytes.Equal(read(t, run, "bank.label"), read(t, known, "queue_label")) || !bytes.Equal(read(t, run, "bank.position"), read(t, known, "queue_ptr")) {
			t.Error("the bank's labels or position differ")
		}
		for _, n := range numbers[int64](t, run, "bank.image") {
			if n != -1 {
				t.Fatalf("an entry of unknown origin has image %d", n)
			}
		}
		outcome := resume(t, path)
		if at := savedAt(t, path, "last"); at.Step != 3*perEpoch {
			t.Errorf("training ended at %+v", at)
		}
		if outcome.Images != batchSize*perEpoch {
			t.Errorf("%d images were trained on", outcome.Images)
		}
	}
}

func read(t *testing.T, f *weights.File, name string) []byte {
	t.Helper()
	a, err := f.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}

// TestImportEncoder: the key encoder begins as a copy, training at the start.
func TestImportEncoder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	plan, _, err := Import(tiny(writeData(t, side, trainCount, testCount)), path, testEngine(t), foreign("authors-2.tar"), ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Dialect != dialect.Authors || len(plan.Dropped) != len(plan.Takes)+4 {
		t.Errorf("%s: taken %d, dropped %q", plan.Dialect, len(plan.Takes), plan.Dropped)
	}
	run := open(t, checkpointFile(path, "last"))
	for _, name := range run.Names() {
		if local, ok := strings.CutPrefix(name, dialect.Key); ok && !bytes.Equal(read(t, run, name), read(t, run, dialect.Query+local)) {
			t.Errorf("%s is no copy", name)
		}
	}
	if at := savedAt(t, path, "last"); at.Step != 0 {
		t.Errorf("training begins at %+v", at)
	}
	if outcome := resume(t, path); outcome.Images != 3*batchSize*perEpoch {
		t.Errorf("%d images were trained on", outcome.Images)
	}
}

// TestImportClassifier: torchvision's fc looks at the features, so it fits a
// recipe without a head only, and only for the same classes.
func TestImportClassifier(t *testing.T) {
	folder := writeData(t, side, trainCount, testCount)
	path := filepath.Join(t.TempDir(), "run")
	plan, _, err := Import(bare(folder), path, testEngine(t), foreign("resnet-1.pth"), ImportOptions{})
	if err != nil || len(plan.Fresh)+len(plan.Dropped) > 0 {
		t.Errorf("without a head: %v, %+v", err, plan)
	}
	plan, _, err = Import(tiny(folder), filepath.Join(t.TempDir(), "run"), testEngine(t), foreign("resnet-1.pth"), ImportOptions{})
	if err != nil || strings.Join(plan.Dropped, " ") != "fc.weight fc.bias" || len(plan.Fresh) != 11 {
		t.Errorf("with a head: %v, dropped %q, fresh %q", err, plan.Dropped, plan.Fresh)
	}
	plan, _, err = Import(bare(folder), filepath.Join(t.TempDir(), "run"), testEngine(t), foreign("resnet-1.pth"), ImportOptions{DropClassifier: true})
	if err != nil || strings.Join(plan.Dropped, " ") != "fc.weight fc.bias" || len(plan.Fresh) != 2 {
		t.Errorf("dropped: %v, dropped %q, fresh %q", err, plan.Dropped, plan.Fresh)
	}
}

// TestEvaluateFile: the weights of a file in the place of the run's.
func TestEvaluateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	if _, _, err := Import(bare(writeData(t, side, trainCount, testCount)), path, testEngine(t), foreign("resnet-2.pth"), ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want, err := Evaluate(context.Background(), c, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := EvaluateFile(context.Background(), c, foreign("resnet-2-legacy.pth"), testEngine(t))
	if err != nil || got.NLL != want.NLL || got.N != testCount {
		t.Errorf("got %v, %v; want %v", got.NLL, err, want.NLL)
	}
	other, err := EvaluateFile(context.Background(), c, foreign("resnet-1.pth"), testEngine(t))
	if err != nil || other.NLL == want.NLL {
		t.Errorf("another file gives %v, %v", other.NLL, err)
	}
}

// TestImportRefuses: what does not fit is said in one sentence, and nothing is
// left behind.
func TestImportRefuses(t *testing.T) {
	folder := writeData(t, side, trainCount, testCount)
	own := filepath.Join(t.TempDir(), "own")
	if _, _, err := Import(tiny(folder), own, testEngine(t), foreign("authors-1.tar"), ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	whole := ImportOptions{Whole: true}
	for name, c := range map[string]struct {
		file   string
		change func(*recipe.Recipe)
		o      ImportOptions
		want   []string
	}{
		"other width":  {"authors-1.tar", func(r *recipe.Recipe) { r.Model.Width = 8 }, ImportOptions{}, []string{"encoder_q.net.conv1.weight is [4 1 3 3] there and [8 1 3 3] here", "more): choose"}},
		"other head":   {"authors-1.tar", func(r *recipe.Recipe) { r.Model.Head.Dim = 9 }, ImportOptions{}, []string{"head.head.3.weight is [8 16] there and [9 16] here"}},
		"deeper":       {"resnet-1.pth", func(r *recipe.Recipe) { r.Model.Depth = 2 }, ImportOptions{}, []string{"layer1.1.conv1.weight is missing there"}},
		"other bank":   {"authors-1.tar", func(r *recipe.Recipe) { r.Method.CoNe.BankSize = 60 }, whole, []string{"queue is [8 48] there and [8 60] here"}},
		"fewer epochs": {"authors-1.tar", func(r *recipe.Recipe) { r.Epochs = 1 }, whole, []string{"trained for 2 epochs, but epochs is 1"}},
		"other method": {"authors-1.tar", func(r *recipe.Recipe) { r.Method.Name = "cross-entropy" }, whole, []string{"method.name is cross-entropy"}},
		"no state":     {"resnet-1.pth", func(*recipe.Recipe) {}, whole, []string{"import it without --whole"}},
		"own":          {"", func(*recipe.Recipe) {}, whole, []string{"cone train --resume"}},
		"other names":  {"../../../weights/testdata/torch/beside-2.pth", func(*recipe.Recipe) {}, ImportOptions{}, []string{"names of no known network"}},
		"missing":      {"nothing.pth", func(*recipe.Recipe) {}, ImportOptions{}, []string{"there is no file"}},
		"no weights":   {"make.py", func(*recipe.Recipe) {}, ImportOptions{}, []string{"neither a safetensors file nor one of torch.save"}},
		"other file":   {"known-1.safetensors", func(*recipe.Recipe) {}, ImportOptions{}, []string{"names of no known network"}},
	} {
		r := tiny(folder)
		c.change(&r)
		file := foreign(c.file)
		if c.file == "" {
			file = checkpointFile(own, "last")
		}
		path := filepath.Join(t.TempDir(), "run")
		_, _, err := Import(r, path, testEngine(t), file, c.o)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, want := range append(c.want, filepath.Base(c.file)) {
			if !strings.Contains(err.Error(), want) && want != "." {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if entries, _ := filepath.Glob(path + "*"); len(entries) > 0 {
			t.Errorf("%s: left %q behind", name, entries)
		}
	}
}

// rewrite copies the authors' state with one tensor changed.
func rewrite(t *testing.T, name string, change func([]byte)) string {
	t.Helper()
	source, err := weights.OpenTorch(foreign("authors-1.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var w weights.TorchWriter
	var arrays []weights.Array
	for _, n := range source.Names() {
		a, err := source.Read(n)
		if err != nil {
			t.Fatal(err)
		}
		if n == name {
			change(a.Data)
		}
		arrays = append(arrays, a)
	}
	network, err := w.StateDict(arrays)
	if err != nil {
		t.Fatal(err)
	}
	dict := func(pairs ...any) *pickle.Dict {
		d := pickle.NewDict()
		for i := 0; i < len(pairs); i += 2 {
			if err := d.Set(pairs[i], pairs[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	state, params := dict(), &pickle.List{}
	for i := int64(0); ; i++ {
		a, err := source.Read(weights.OptimizerName(i, "momentum_buffer"))
		if err != nil {
			break
		}
		v, err := w.Tensor(a)
		if err != nil {
			t.Fatal(err)
		}
		state.Set(i, dict("momentum_buffer", v))
		params.Items = append(params.Items, i)
	}
	top := dict("model", network, "epoch", int64(2),
		"optimizer", dict("state", state, "param_groups", &pickle.List{Items: []any{dict("params", params)}}))
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := weights.WriteFileAtomic(path, func(out io.Writer) error { return w.Write(out, "x", top) }); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestImportLies: numbers that would index memory, or spoil the run.
func TestImportLies(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	for name, c := range map[string]struct {
		change func([]byte)
		want   string
	}{
		"nothing":                    {nil, ""},
		"queue_label":                {func(b []byte) { b[8] = classCount }, "bank.label holds 4, and only 0 to 3"},
		"queue_ptr":                  {func(b []byte) { b[7] = 0x80 }, "bank.position holds -"},
		"encoder_k.fc.bias":          {func(b []byte) { b[2], b[3] = 0xc0, 0x7f }, "encoder_k.fc.bias holds infinite or undefined"},
		"encoder_q.net.conv1.weight": {func(b []byte) { b[2], b[3] = 0x80, 0x7f }, "encoder_q.net.conv1.weight holds infinite"},
		"encoder_q.head.head.0.bias": {func(b []byte) { b[0]++ }, ""},
	} {
		path := filepath.Join(t.TempDir(), "run")
		_, _, err := Import(r, path, testEngine(t), rewrite(t, name, c.change), ImportOptions{Whole: true})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(path); c.want != "" && err == nil {
			t.Errorf("%s: a run was left behind", name)
		}
	}
}

// TestImportAverages: the moving average of an imported run starts from what
// was imported, by either way in.
func TestImportAverages(t *testing.T) {
	for _, whole := range []bool{false, true} {
		r := tiny(writeData(t, side, trainCount, testCount))
		r.EMA.Decay = 0.9
		path := filepath.Join(t.TempDir(), "run")
		if _, _, err := Import(r, path, testEngine(t), foreign("authors-2.tar"), ImportOptions{Whole: whole}); err != nil {
			t.Fatal(err)
		}
		run, averages := open(t, checkpointFile(path, "last")), 0
		for _, name := range run.Names() {
			part, ok := strings.CutPrefix(name, averagePrefix)
			if !ok {
				continue
			}
			averages++
			a, err := run.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := run.Read(weightsPrefix + part)
			if err != nil || !bytes.Equal(a.Data, b.Data) {
				t.Errorf("%s is not what was imported: %v", name, err)
			}
		}
		if averages == 0 {
			t.Error("the run has no average")
		}
	}
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Linear.Epochs = 1
	_, _, err := Import(r, filepath.Join(t.TempDir(), "run"), testEngine(t), foreign("authors-2.tar"), ImportOptions{})
	oneSentence(t, err, "linear.epochs is 1", "--init")
}
