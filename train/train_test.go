package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/recipe"
	"cone/report"
)

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestARunLearnsAndLeavesItsFiles(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Checkpoint.EveryEpochs = 2
	path, outcome := start(t, r)

	if outcome.Last.Top1 < 0.7 || outcome.Last.N != testCount {
		t.Errorf("top-1 is %v over %d images; chance is %v over %d", outcome.Last.Top1, outcome.Last.N, 1.0/classCount, testCount)
	}
	if outcome.Best < float64(outcome.Last.Top1) || outcome.BestEpoch < 1 || outcome.BestEpoch > r.Epochs {
		t.Errorf("best is %v in epoch %d; the last is %v", outcome.Best, outcome.BestEpoch, outcome.Last.Top1)
	}
	if outcome.Folder != path || outcome.Images != int64(r.Epochs*perEpoch*batchSize) || outcome.Weights == 0 || outcome.Seconds <= 0 {
		t.Errorf("outcome %+v", outcome)
	}
	for _, name := range []string{"recipe.yaml", "metrics.jsonl", "log.txt", "curves.png", "evaluation.json", "per_class.csv", "confusion.csv"} {
		if info, err := os.Stat(filepath.Join(path, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", name, err)
		}
	}
	if saved, err := recipe.Load(filepath.Join(path, "recipe.yaml")); err != nil || len(recipe.Diff(saved, r)) > 0 {
		t.Errorf("recipe.yaml is not the run's recipe: %v %v", err, recipe.Diff(saved, r))
	}
	if picture, err := os.ReadFile(filepath.Join(path, "curves.png")); err != nil {
		t.Error(err)
	} else if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Errorf("curves.png: %v", err)
	}
	var evaluation report.Result
	raw, err := os.ReadFile(filepath.Join(path, "evaluation.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &evaluation); err != nil || evaluation.Top1 != outcome.Last.Top1 {
		t.Errorf("evaluation.json has top-1 %v, not %v: %v", evaluation.Top1, outcome.Last.Top1, err)
	}

	if last := savedAt(t, path, "last"); last.Step != r.Epochs*perEpoch || last.Epoch != r.Epochs || last.Batch != 0 || last.Count != 0 {
		t.Errorf("checkpoints/last stands at %+v", last)
	}
	if best := savedAt(t, path, "best"); best.Epoch != outcome.BestEpoch {
		t.Errorf("checkpoints/best is of epoch %d, not %d", best.Epoch, outcome.BestEpoch)
	}
	if numbered := savedAt(t, path, "epoch-0002"); numbered.Epoch != 2 {
		t.Errorf("checkpoints/epoch-0002 is of epoch %d", numbered.Epoch)
	}
	entries, err := os.ReadDir(filepath.Join(path, checkpointFolder))
	if err != nil || len(entries) != 4 {
		t.Errorf("checkpoints holds %v, not last, previous, best and epoch-0002: %v", entries, err)
	}
}

func TestMetricsHaveOneRecordPerStepAndEpoch(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Evaluate.Every = 2
	path, _ := start(t, r)
	var steps, epochs int
	for i, record := range records(t, path) {
		switch record["kind"] {
		case "step":
			steps++
			if record["step"] != float64(steps) || record["epoch"] != float64((steps-1)/perEpoch+1) {
				t.Errorf("record %d is of step %v in epoch %v, not %d", i+1, record["step"], record["epoch"], steps)
			}
			// The first epoch trains with cross-entropy alone.
			for name, wanted := range map[string]bool{
				"loss": true, "cross_entropy": true, "lr": true,
				"neighbor": steps > perEpoch, "consistency": steps > perEpoch,
			} {
				if _, ok := record[name].(float64); ok != wanted {
					t.Errorf("step %d: %s is %v", steps, name, record[name])
				}
			}
		case "epoch":
			epochs++
			if record["epoch"] != float64(epochs) || record["step"] != float64(epochs*perEpoch) {
				t.Errorf("record %d is of epoch %v at step %v, not %d", i+1, record["epoch"], record["step"], epochs)
			}
			seconds, _ := record["seconds"].(float64)
			if wait, ok := record["data_wait_seconds"].(float64); !ok || wait < 0 || wait > seconds {
				t.Errorf("epoch %d waited %v s for data in %v s", epochs, record["data_wait_seconds"], seconds)
			}
			if n, _ := record["images"].(float64); n != float64(perEpoch*r.Batch) {
				t.Errorf("epoch %d trained on %v images", epochs, record["images"])
			}
			if peak, _ := record["peak_memory_bytes"].(float64); peak < 10e6 { // libtorch alone needs more
				t.Errorf("epoch %d has a peak of %v bytes", epochs, record["peak_memory_bytes"])
			}
			// Every second epoch is evaluated, and the last one.
			if _, ok := record["top1"].(float64); ok != (epochs >= 2) {
				t.Errorf("epoch %d has top-1 %v", epochs, record["top1"])
			}
		default:
			t.Errorf("record %d is of kind %v", i+1, record["kind"])
		}
	}
	if steps != r.Epochs*perEpoch || epochs != r.Epochs {
		t.Errorf("%d steps and %d epochs were written down, not %d and %d", steps, epochs, r.Epochs*perEpoch, r.Epochs)
	}
}

func TestEpochLossesAreMeansOverItsSteps(t *testing.T) {
	path, _ := start(t, tiny(writeData(t, side, trainCount, testCount)))
	sum, n := 0.0, 0
	for _, record := range records(t, path) {
		if record["kind"] == "step" {
			sum += record["loss"].(float64)
			n++
			continue
		}
		if got, want := record["losses"].(map[string]any)["loss"].(float64), sum/float64(n); got != want {
			t.Errorf("epoch %v has loss %v, not %v", record["epoch"], got, want)
		}
		sum, n = 0, 0
	}
}

func TestStartRefusesABusyFolder(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	path := t.TempDir()
	write(t, filepath.Join(path, "precious.txt"), []byte("mine"))
	_, err := Start(context.Background(), r, path, testEngine(t))
	oneSentence(t, err, path+" is not empty", "--resume")
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 1 {
		t.Errorf("the folder was touched: %v %v", entries, err)
	}
}

func TestOneProcessPerRun(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	path := startUntil(t, r, 2)
	f, err := openRun(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Resume(context.Background(), path, nil, testEngine(t))
	oneSentence(t, err, "another process", path)
	f.close()
	resume(t, path)
}

func TestNextFolder(t *testing.T) {
	root := filepath.Join(t.TempDir(), "runs")
	for _, want := range []string{"a-001", "a-002", "a-003"} {
		got := NextFolder(root, "a")
		if got != filepath.Join(root, want) {
			t.Errorf("got %s, want %s", got, want)
		}
		if err := os.MkdirAll(got, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// A file in the folder's place must not make it look for ever.
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	if got := NextFolder(file, "a"); got != filepath.Join(file, "a-001") {
		t.Errorf("got %s", got)
	}
}

func TestABadRunIsRefusedBeforeItBegins(t *testing.T) {
	good := writeData(t, side, trainCount, testCount)
	for _, c := range []struct {
		name   string
		change func(*recipe.Recipe)
		says   []string
	}{
		{"batch larger than the data", func(r *recipe.Recipe) { r.Batch = trainCount + 1 }, []string{"251", "250", "batch"}},
		{"batch larger than the limit", func(r *recipe.Recipe) { r.Data.Limit = 10 }, []string{"data.limit", "batch"}},
		{"more neighbours than the bank has", func(r *recipe.Recipe) { r.Method.CoNe.Neighbors = 49 }, []string{"method.cone.neighbors", "48"}},
		{"unknown network", func(r *recipe.Recipe) { r.Model.Backbone = "resnet19" }, []string{"model.backbone", "resnet19", "resnet18"}},
		{"unknown method", func(r *recipe.Recipe) { r.Method.Name = "cnoe" }, []string{"method.name", "cone"}},
		{"unreadable format", func(r *recipe.Recipe) { r.Data.Format = "folder" }, []string{"has no class folders"}},
		{"parts of unequal size", func(r *recipe.Recipe) { r.Optim.Accumulate = 3 }, []string{"optim.accumulate"}},
		{"missing data", func(r *recipe.Recipe) { r.Data.Path += "-nowhere" }, []string{"-nowhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := tiny(good)
			c.change(&r)
			path := filepath.Join(t.TempDir(), "run")
			_, err := Start(context.Background(), r, path, testEngine(t))
			oneSentence(t, err, c.says...)
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Error("a run folder was made")
			}
		})
	}
}

// A bank that the warm-up does not fill works, but people should know.
func TestABankThatStaysPartlyNoise(t *testing.T) {
	folder := writeData(t, side, trainCount, testCount)
	for _, c := range []struct {
		warmup, bank int
		warns        bool
	}{{1, 240, false}, {1, 241, true}, {0, 48, true}, {2, 480, false}, {3, 1000, false}} { // 3: CoNe's losses never begin
		r := tiny(folder)
		r.Method.CoNe.WarmupEpochs, r.Method.CoNe.BankSize = c.warmup, c.bank
		path, _ := start(t, r)
		if warns := strings.Contains(string(mustRead(t, filepath.Join(path, "log.txt"))), "warning: method.cone.warmup_epochs"); warns != c.warns {
			t.Errorf("%d epochs of warm-up and a bank of %d: warned %v", c.warmup, c.bank, warns)
		}
	}
}

func TestNewEngineRefuses(t *testing.T) {
	for _, c := range []struct {
		device  string
		threads int
		says    string
	}{
		{"tpu", 0, `"tpu"`}, {"cpu", -1, "-1"}, {"cpu", 1 << 30, "1073741824"}, {"CUDA", 0, `"CUDA"`},
	} {
		_, err := NewEngine(c.device, c.threads)
		oneSentence(t, err, c.says)
	}
}
