package train

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/recipe"
	"cone/report"
	"cone/tensor"
)

// The weights become the same with a moving average beside them and without.
func TestAnAverageChangesNoWeights(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Epochs = 1
	plain, _ := start(t, r)
	r.EMA.Decay = 0.9
	path, _ := start(t, r)
	a, b := open(t, checkpointFile(path, "last")), open(t, checkpointFile(plain, "last"))
	for _, name := range b.Names() {
		x, err := a.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(x.Data) != string(y.Data) {
			t.Errorf("%s differs", name)
		}
	}
	averages := 0
	for _, name := range a.Names() {
		if strings.HasPrefix(name, averagePrefix) {
			averages++
		}
	}
	if averages == 0 || len(a.Names()) != len(b.Names())+averages {
		t.Errorf("%d tensors with %d averages, %d without", len(a.Names()), averages, len(b.Names()))
	}
}

// The average is what the weights after every step say: a ← keep·a + (1−keep)·w,
// the first time a copy.
func TestTheAverageFollowsEveryStep(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Precision, r.EMA.Decay = "float64", 0.75
	withRun(t, r, func(r *run) {
		average := func() (all []float64) {
			tensor.Scope(func() {
				for _, e := range r.average.encoder.Tree.Parameters() {
					all = append(all, tensor.To[float64](e.Value.Detach())...)
				}
			})
			return all
		}
		var want []float64
		for step := range 3 {
			if err := r.step(halves(batchSize)); err != nil {
				t.Fatal(err)
			}
			weights := r.parameters()
			if step == 0 {
				want = weights
			}
			for i, w := range weights {
				want[i] = 0.75*want[i] + 0.25*w
			}
			for i, got := range average() {
				if math.Abs(got-want[i]) > 1e-14 {
					t.Fatalf("step %d: average %d is %v, want %v", step, i, got, want[i])
				}
			}
		}
	})
}

func TestTheAverageIsEvaluatedBesideTheWeights(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.EMA = recipe.EMA{Decay: 0.95, EverySteps: 1}
	path, outcome := start(t, r)
	if outcome.Average == nil || outcome.Average.N != testCount || outcome.Average.NLL == outcome.Last.NLL {
		t.Fatalf("the average's result is %+v", outcome.Average)
	}
	best := 0.0
	for _, record := range records(t, path) {
		if record["kind"] != "epoch" {
			continue
		}
		for _, key := range []string{"top1", "ema_top1", "ema_top5", "ema_nll", "ema_ece"} {
			if _, ok := record[key].(float64); !ok {
				t.Errorf("epoch %v has %s %v", record["epoch"], key, record[key])
			}
		}
		best = max(best, record["ema_top1"].(float64))
	}
	if outcome.Best != best {
		t.Errorf("best is %v, the best average has %v", outcome.Best, best)
	}
	for folder, want := range map[string]report.Result{path: outcome.Last, filepath.Join(path, averageFolder): *outcome.Average} {
		var got report.Result
		if err := json.Unmarshal(mustRead(t, filepath.Join(folder, "evaluation.json")), &got); err != nil || got.NLL != want.NLL {
			t.Errorf("%s has NLL %v, not %v: %v", folder, got.NLL, want.NLL, err)
		}
	}

	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range []report.Result{outcome.Last, *outcome.Average} {
		got, err := Evaluate(context.Background(), c, testEngine(t))
		if err != nil || got.NLL != want.NLL || got.Top1 != want.Top1 {
			t.Errorf("evaluated: NLL %v, want %v: %v", got.NLL, want.NLL, err)
		}
		if err := c.UseAverage(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUseAverageNeedsOne(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Epochs = 1
	path, _ := start(t, r)
	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	oneSentence(t, c.UseAverage(), "no moving average", "ema.decay")
}

// A run whose weights hardly move stops after the epochs of patience, counts
// as complete, and goes on only when told so.
func TestEarlyStopping(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Epochs, r.EarlyStopping.Patience = 12, 2
	r.Optim.LR, r.Optim.Schedule, r.Method.Name = 1e-9, "constant", "cross-entropy"
	r.Data.Limit = 2 * batchSize
	r.Checkpoint.EveryEpochs = 1
	path, outcome := start(t, r)
	if outcome.Epochs >= r.Epochs || outcome.Epochs != outcome.BestEpoch+2 {
		t.Fatalf("%d epochs, the best was %d", outcome.Epochs, outcome.BestEpoch)
	}
	log := string(mustRead(t, filepath.Join(path, "log.txt")))
	if !strings.Contains(log, "the run ends here: top-1 has not risen since epoch") {
		t.Errorf("the log does not say why the run ended: %s", log)
	}
	again := resume(t, path)
	if again.Images != 0 || again.Epochs != outcome.Epochs || again.Last.N != testCount {
		t.Errorf("a complete run went on: %+v", again)
	}
	if log := string(mustRead(t, filepath.Join(path, "log.txt"))); !strings.Contains(log, "is complete: it ended early") {
		t.Errorf("the log does not say that the run is complete: %s", log)
	}
	went, err := Resume(context.Background(), path, func(r recipe.Recipe) (recipe.Recipe, error) {
		r.EarlyStopping.Patience = 0
		return r, nil
	}, testEngine(t))
	if err != nil || went.Epochs != r.Epochs {
		t.Errorf("without patience the run stands at epoch %d: %v", went.Epochs, err)
	}
}

// Patience counts evaluated epochs' age, and looks only when there is news.
func TestPatienceWaitsForEvaluations(t *testing.T) {
	for _, c := range []struct {
		patience, every int
		at              position
		want            bool
	}{
		{0, 1, position{Epoch: 90, BestEpoch: 1}, false},
		{3, 1, position{Epoch: 4, BestEpoch: 1}, true},
		{3, 1, position{Epoch: 3, BestEpoch: 1}, false},
		{3, 1, position{Epoch: 4, BestEpoch: 1, Batch: 1}, false}, // underway
		{3, 1, position{Epoch: 4, BestEpoch: 1, Count: 7}, false}, // not evaluated yet
		{3, 1, position{Epoch: 4}, false},
		{3, 5, position{Epoch: 9, BestEpoch: 5}, false}, // no evaluation since
		{3, 5, position{Epoch: 10, BestEpoch: 5}, true},
	} {
		r := &run{at: c.at}
		r.recipe.EarlyStopping.Patience, r.recipe.Evaluate.Every = c.patience, c.every
		if got := r.outOfPatience(); got != c.want {
			t.Errorf("%+v: out of patience is %v", c, got)
		}
	}
}

func TestAnAverageIsFreed(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Epochs, r.EMA.Decay, r.Optim.Name, r.Optim.LR = 1, 0.9, "lamb", 0.003
	before := tensor.Live()
	start(t, r)
	if after := tensor.Live(); after != before {
		t.Errorf("%d tensors live, %d did before", after, before)
	}
	if _, err := os.Stat("ema"); err == nil {
		t.Error("files were written beside the run")
	}
}

func TestTheAverageIsJudgedWhereThereIsOne(t *testing.T) {
	e := evaluation{weights: report.Result{Top1: 0.5}}
	if got := e.judged(); got != 0.5 {
		t.Errorf("without an average %v counts", got)
	}
	e.average = &report.Result{Top1: 0.25}
	if got := e.judged(); got != 0.25 {
		t.Errorf("with an average %v counts", got)
	}
}
