package train

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/recipe"
	"cone/report"
	"cone/weights"
)

// TestMain is also the program that the kill test kills.
func TestMain(m *testing.M) {
	if os.Getenv("OMP_NUM_THREADS") == "" {
		// Networks this small gain nothing from more, and lose much on a busy machine.
		os.Setenv("OMP_NUM_THREADS", "1")
	}
	if folder := os.Getenv(childFolder); folder != "" {
		os.Exit(child(folder, os.Getenv(childRecipe)))
	}
	os.Exit(m.Run())
}

const (
	side       = 12 // pixels
	classCount = 4
	trainCount = 250
	testCount  = 53 // no multiple of any batch here
	batchSize  = 20
	perEpoch   = trainCount / batchSize
)

// writeData writes images whose class is the place of a bright band, in
// MNIST's format, and returns their folder.
func writeData(t testing.TB, side, training, test int) string {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for part, n := range map[string]int{"train": training, "t10k": test} {
		images := idxHeader(0x803, n, side, side)
		labels := idxHeader(0x801, n)
		for i := range n {
			class := i % classCount
			labels = append(labels, byte(class))
			for row := range side {
				for range side {
					pixel := random.IntN(100)
					if row*classCount/side == class {
						pixel += 120
					}
					images = append(images, byte(pixel))
				}
			}
		}
		write(t, filepath.Join(dir, part+"-images-idx3-ubyte"), images)
		write(t, filepath.Join(dir, part+"-labels-idx1-ubyte"), labels)
	}
	return dir
}

func idxHeader(magic uint32, dims ...int) []byte {
	header := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		header = binary.BigEndian.AppendUint32(header, uint32(d))
	}
	return header
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// tiny is a recipe of 3 epochs with 12 steps each; its bank is no multiple of
// the batch.
func tiny(dataFolder string) recipe.Recipe {
	r := recipe.Default()
	r.Name, r.Seed, r.Epochs, r.Batch, r.Precision = "tiny", 7, 3, batchSize, "float32"
	r.Data.Format, r.Data.Path, r.Data.Workers = "mnist-idx", dataFolder, 2
	r.Data.Mean, r.Data.Std = []float64{0.3}, []float64{0.3}
	r.Augment = []recipe.Step{
		{RandomCrop: &recipe.RandomCrop{Padding: 1, Border: "black"}},
		{HorizontalFlip: &recipe.HorizontalFlip{Probability: 0.5}},
	}
	r.Model = recipe.Model{Backbone: "resnet-narrow", Stem: "small", Width: 4, Depth: 1,
		Head: recipe.Head{Layers: 1, Hidden: 16, Dim: 8, Placement: "inside", BatchNorm: true}}
	r.Method.CoNe.BankSize, r.Method.CoNe.Neighbors = 48, 8
	r.Optim.LR, r.Optim.ReferenceBatch, r.Optim.WarmupEpochs, r.Optim.Schedule = 0.1, 0, 0.5, "cosine-step"
	return r
}

func testEngine(t testing.TB) Engine {
	t.Helper()
	e, err := NewEngine("cpu", 0)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// start trains the recipe in a new folder to its end.
func start(t testing.TB, r recipe.Recipe) (string, Outcome) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	outcome, err := Start(context.Background(), r, path, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	return path, outcome
}

// resume takes the run to its end.
func resume(t testing.TB, path string) Outcome {
	t.Helper()
	outcome, err := Resume(context.Background(), path, nil, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// startUntil trains the recipe in a new folder and stops it after a step.
func startUntil(t testing.TB, r recipe.Recipe, step int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	_, err := Start(until(path, step), r, path, testEngine(t))
	interrupted(t, path, step, err)
	return path
}

// resumeUntil continues the run and stops it after a step.
func resumeUntil(t testing.TB, path string, step int) {
	t.Helper()
	_, err := Resume(until(path, step), path, nil, testEngine(t))
	interrupted(t, path, step, err)
}

func interrupted(t testing.TB, path string, step int, err error) {
	t.Helper()
	if !errors.Is(err, ErrInterrupted) {
		t.Fatalf("the run ended with %v, not with an interruption after step %d", err, step)
	}
	if got := savedAt(t, path, "last"); got.Step != step {
		t.Fatalf("the run saved step %d, not %d", got.Step, step)
	}
}

// stopper is a context that ends once the run has done a step, however often
// it is asked.
type stopper struct {
	context.Context
	metrics string
	step    int
}

func until(path string, step int) context.Context {
	return stopper{context.Background(), filepath.Join(path, "metrics.jsonl"), step}
}

func (s stopper) Err() error {
	raw, _ := os.ReadFile(s.metrics)
	if bytes.Count(raw, []byte(`"kind":"step"`)) >= s.step {
		return context.Canceled
	}
	return nil
}

func checkpointFile(path, name string) string { return folder{path: path}.checkpoint(name) }

// savedAt is where the run stood in a checkpoint, which must be sound.
func savedAt(t testing.TB, path, name string) position {
	t.Helper()
	c, err := OpenCheckpoint(checkpointFile(path, name))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.at
}

// sameEnd checks that two runs ended with the same bits: weights, bank,
// optimizer, random state, position.
func sameEnd(t *testing.T, got, want string) {
	t.Helper()
	a, b := open(t, checkpointFile(got, "last")), open(t, checkpointFile(want, "last"))
	sameTensors(t, a, b)
	for key, value := range b.Metadata() {
		if a.Metadata()[key] != value {
			t.Errorf("%s is\n%s\nnot\n%s", key, a.Metadata()[key], value)
		}
	}
	sameRecords(t, got, want)
}

// sameTensors checks that two checkpoints of CoNe hold the same, bit by bit.
func sameTensors(t *testing.T, a, b *weights.File) {
	t.Helper()
	kinds := sameBits(t, a, b)
	for _, kind := range []string{"encoder_q", "encoder_k", "bank", "optimizer", "random"} {
		if kinds[kind] == 0 {
			t.Errorf("the checkpoint has no %s", kind)
		}
	}
}

// sameBits checks that two checkpoints hold the same, bit by bit, and counts
// their tensors by the first part of the name.
func sameBits(t *testing.T, a, b *weights.File) map[string]int {
	t.Helper()
	kinds := map[string]int{}
	for _, name := range b.Names() {
		x, err := a.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if x.DType != y.DType || !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s differs", name)
		}
		kind, _, _ := strings.Cut(name, ".")
		kinds[kind]++
	}
	if len(a.Names()) != len(b.Names()) {
		t.Errorf("the checkpoints have %d and %d tensors", len(a.Names()), len(b.Names()))
	}
	return kinds
}

// evaluateLast is what cone eval tells of a run.
func evaluateLast(t testing.TB, path string) report.Result {
	t.Helper()
	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	result, err := Evaluate(context.Background(), c, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// sameRecords checks that two runs wrote the same records, save for the time.
func sameRecords(t *testing.T, got, want string) {
	t.Helper()
	a, b := records(t, got), records(t, want)
	if len(a) != len(b) {
		t.Errorf("there are %d records in metrics.jsonl, not %d", len(a), len(b))
		return
	}
	for i := range a {
		for _, time := range []string{"seconds", "data_wait_seconds", "images", "peak_memory_bytes"} {
			delete(a[i], time)
			delete(b[i], time)
		}
		if x, y := mustJSON(t, a[i]), mustJSON(t, b[i]); x != y {
			t.Errorf("record %d of metrics.jsonl is\n%s\nnot\n%s", i+1, x, y)
			return
		}
	}
}

func records(t testing.TB, path string) []map[string]any {
	t.Helper()
	all, err := report.ReadMetrics[map[string]any](filepath.Join(path, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func open(t testing.TB, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// oneSentence checks an error for people: one line with the given parts.
func oneSentence(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Error("there was no error")
		return
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}
