package train

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/recipe"
)

// A run that was stopped and resumed ends with the same bits as one that was
// not.
func TestResumedRunsEndTheSame(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	total := 3 * perEpoch
	anywhere := func() int { return 1 + rand.IntN(total-2) }
	for _, c := range []struct {
		name   string
		change func(*testing.T, *recipe.Recipe)
		stops  []int
	}{
		{"float32", func(t *testing.T, r *recipe.Recipe) {}, []int{anywhere()}},
		{"bfloat16", func(t *testing.T, r *recipe.Recipe) { r.Precision = "bfloat16" }, []int{anywhere()}},
		{"epoch ends", func(t *testing.T, r *recipe.Recipe) { r.Seed++ }, []int{perEpoch, 2 * perEpoch, total}},
		{"two threads", func(t *testing.T, r *recipe.Recipe) {
			t.Setenv("OMP_NUM_THREADS", "2")
			r.Model.Width = 16 // enough work to be shared out
			// Few steps: on a busy machine threads wait long for each other.
			r.Epochs, r.Data.Limit = 2, 3*batchSize
		}, []int{4}},
		{"adamw with an average", func(t *testing.T, r *recipe.Recipe) {
			adaptive("adamw", r)
			r.EMA = recipe.EMA{Decay: 0.9, EverySteps: 2, AfterEpochs: 0.5, Warmup: true}
		}, []int{anywhere(), total}},
		{"lamb", func(t *testing.T, r *recipe.Recipe) {
			adaptive("lamb", r)
			r.Optim.ClipNorm, r.Optim.Accumulate, r.Precision = 1, 2, "bfloat16"
		}, []int{anywhere()}},
		{"lars", func(t *testing.T, r *recipe.Recipe) {
			adaptive("lars", r)
			r.Optim.Nesterov, r.Optim.Schedule, r.Optim.Milestones = true, "step", []float64{1, 1.5}
		}, []int{anywhere()}},
		{"rmsprop", func(t *testing.T, r *recipe.Recipe) {
			adaptive("rmsprop", r)
			r.Optim.Centered, r.Optim.ClipNorm, r.Optim.Schedule = true, 0.5, "one-cycle"
		}, []int{anywhere()}},
		{"rmsprop-tf", func(t *testing.T, r *recipe.Recipe) {
			adaptive("rmsprop-tf", r)
			r.Optim.Momentum, r.Optim.Accumulate = 0, 2
		}, []int{anywhere()}},
		{"two parts", func(t *testing.T, r *recipe.Recipe) { r.Optim.Accumulate = 2 }, []int{anywhere()}},
		{"random masks", func(t *testing.T, r *recipe.Recipe) { r.Model.DropPath, r.Model.Dropout = 0.3, 0.3 }, []int{anywhere()}},
		{"each step", func(t *testing.T, r *recipe.Recipe) { r.Epochs = 2 }, steps(perEpoch-2, perEpoch+3)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Logf("stops after %v", c.stops)
			r := tiny(data)
			c.change(t, &r)
			whole, want := start(t, r)
			path := startUntil(t, r, c.stops[0])
			for _, stop := range c.stops[1:] {
				resumeUntil(t, path, stop)
			}
			got := resume(t, path)
			sameEnd(t, path, whole)
			if mustJSON(t, got.Last) != mustJSON(t, want.Last) || got.Best != want.Best || got.BestEpoch != want.BestEpoch {
				t.Errorf("the outcome is %+v, not %+v", got, want)
			}
		})
	}
}

// adaptive trains the recipe by another optimizer, with layer-wise rates and
// norms spared from decay.
func adaptive(name string, r *recipe.Recipe) {
	r.Optim.Name, r.Optim.LR, r.Optim.LayerDecay, r.Optim.DecayNormAndBias = name, 0.003, 0.9, false
	r.Epochs = 3
}

func steps(from, to int) (all []int) {
	for s := from; s <= to; s++ {
		all = append(all, s)
	}
	return all
}

// asked is a context that ends at the n-th question.
type asked struct {
	context.Context
	left *int
}

func (a asked) Err() error {
	if *a.left--; *a.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestEvaluationCanBeInterrupted(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Epochs = 1
	whole, _ := start(t, r)
	path := filepath.Join(t.TempDir(), "run")
	questions := perEpoch + 2 // one after each step, one before each test batch
	_, err := Start(asked{context.Background(), &questions}, r, path, testEngine(t))
	interrupted(t, path, perEpoch, err)
	if got := records(t, path); len(got) != perEpoch {
		t.Errorf("the epoch was closed: %v", got[len(got)-1])
	}
	resume(t, path)
	sameEnd(t, path, whole)
}

func TestAFinishedRunIsOnlyEvaluated(t *testing.T) {
	path, want := start(t, tiny(writeData(t, side, trainCount, testCount)))
	before, err := os.ReadFile(checkpointFile(path, "last"))
	if err != nil {
		t.Fatal(err)
	}
	got := resume(t, path)
	if mustJSON(t, got.Last) != mustJSON(t, want.Last) || got.Best != want.Best || got.Images != 0 {
		t.Errorf("the outcome is %+v, not %+v", got, want)
	}
	after, err := os.ReadFile(checkpointFile(path, "last"))
	if err != nil || string(before) != string(after) {
		t.Errorf("the checkpoint changed: %v", err)
	}
}

func TestResumeRefusesAnotherRecipe(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	path := startUntil(t, tiny(data), 3)
	ask := func(assignments ...string) error {
		_, err := Resume(until(path, 0), path, func(r recipe.Recipe) (recipe.Recipe, error) {
			for _, a := range assignments {
				if err := recipe.Set(&r, a); err != nil {
					return r, err
				}
			}
			return r, nil
		}, testEngine(t))
		return err
	}
	oneSentence(t, ask("optim.lr=0.2"), "optim.lr: 0.2 here, 0.1 in the run", "new run")
	oneSentence(t, ask("seed=8", "model.width=8", "data.workers=3"), "seed", "model.width")
	oneSentence(t, ask("optim.name=lamb", "ema.decay=0.9"), "optim.name", "ema.decay")
	if err := ask("seed=8", "data.workers=3"); strings.Contains(err.Error(), "data.workers") {
		t.Errorf("a setting that changes no number is refused: %v", err)
	}
	if err := ask("seed=x"); err == nil {
		t.Error("a value of the wrong type was taken")
	}
	if at := savedAt(t, path, "last"); at.Step != 3 {
		t.Errorf("a refusal changed the run: it stands at step %d", at.Step)
	}
	_, err := Resume(context.Background(), path, func(recipe.Recipe) (recipe.Recipe, error) {
		r := tiny(data)
		r.Name, r.Data.Workers, r.Checkpoint.EverySteps = "other", 1, 2
		return r, nil
	}, testEngine(t))
	if err != nil {
		t.Errorf("the same numbers under another name were refused: %v", err)
	}
}

func TestResumeRefusesOtherData(t *testing.T) {
	path := startUntil(t, tiny(writeData(t, side, trainCount, testCount)), 3)
	other := writeData(t, side, trainCount+batchSize, testCount)
	_, err := Resume(context.Background(), path, func(r recipe.Recipe) (recipe.Recipe, error) {
		r.Data.Path = other
		return r, nil
	}, testEngine(t))
	oneSentence(t, err, "250 training images", "270", other)
	resume(t, path)
}

func TestResumeNeedsARun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	for _, path := range []string{filepath.Join(t.TempDir(), "nowhere"), t.TempDir(), file} {
		_, err := Resume(context.Background(), path, nil, testEngine(t))
		oneSentence(t, err, "there is no run in "+path)
		if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
			t.Errorf("%s was touched: %v", path, entries)
		}
	}
}

// What the user leaves open is as the run found it.
func TestSameNumbersTakesWhatIsOpen(t *testing.T) {
	found := recipe.Default()
	found.Data.Path, found.Model.ImageSize = "images", 224
	found.Method.CoNe.BankSize, found.Method.CoNe.Neighbors = 512, 8
	asked := found.Clone()
	asked.Model.ImageSize, asked.Method.CoNe.BankSize, asked.Method.CoNe.Neighbors = 0, 0, 0
	if err := sameNumbers(asked, found, "run"); err != nil {
		t.Error(err)
	}
	asked.Model.ImageSize = 160
	if err := sameNumbers(asked, found, "run"); err == nil || !strings.Contains(err.Error(), "model.image_size") {
		t.Errorf("another image_size: %v", err)
	}
}
