package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/recipe"
)

// twoStages trains features by SupCon for 2 epochs, and then a classifier for
// 2 epochs of 10 steps.
func twoStages(data string) recipe.Recipe {
	r := tiny(data)
	r.Epochs, r.Method.Name, r.Model.Head.Placement = 2, "supcon", "beside"
	r.Linear.Epochs, r.Linear.Batch, r.Linear.Optim.LR = 2, 25, 1
	return r
}

func TestTwoStages(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	path, outcome := start(t, twoStages(data))
	if outcome.Last.Top1 < 0.7 || outcome.Folder != path {
		t.Errorf("top-1 is %v in %s", outcome.Last.Top1, outcome.Folder)
	}

	// The first stage is a run of its own, judged by its neighbours.
	first := filepath.Join(path, "stage-1")
	for _, name := range []string{"recipe.yaml", "metrics.jsonl", "log.txt", "curves.png", "evaluation.json"} {
		for _, dir := range []string{path, first} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
	for dir, want := range map[string]position{path: {Epoch: 2, Step: 20}, first: {Epoch: 2, Step: 2 * perEpoch}} {
		if got := savedAt(t, dir, "last"); got.Epoch != want.Epoch || got.Step != want.Step {
			t.Errorf("%s stands at %+v", dir, got)
		}
	}
	if note := "the contrastive loss of chance is ln(39)"; !strings.Contains(string(mustRead(t, filepath.Join(first, "log.txt"))), note) {
		t.Errorf("the first stage's log does not say %q", note)
	}
	if got := evaluateLast(t, first); got.Top1 < 0.7 {
		t.Errorf("the features' neighbours give top-1 %v", got.Top1)
	}

	// What is saved is the whole recipe; the features are the first stage's.
	saved, err := recipe.Load(filepath.Join(path, "recipe.yaml"))
	if err != nil || saved.Linear.Epochs != 2 || saved.Method.Name != "supcon" || saved.Model.Init != "" {
		t.Errorf("recipe.yaml has %d epochs of linear, method %s, init %q: %v", saved.Linear.Epochs, saved.Method.Name, saved.Model.Init, err)
	}
	a, b := open(t, checkpointFile(first, "last")), open(t, checkpointFile(path, "last"))
	for _, name := range b.Names() {
		part, ok := strings.CutPrefix(name, "encoder_q.")
		if !ok {
			continue
		}
		if same, frozen := sameTensor(t, a, b, name), !strings.HasPrefix(part, "fc."); same != frozen {
			t.Errorf("%s is the first stage's: %v", name, same)
		}
	}
	if got := evaluateLast(t, path); mustJSON(t, got) != mustJSON(t, outcome.Last) {
		t.Errorf("evaluated again: %v, not %v", got.Top1, outcome.Last.Top1)
	}

	// It can be moved, and a finished run is only evaluated.
	moved := path + "-moved"
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	if got := resume(t, moved); mustJSON(t, got.Last) != mustJSON(t, outcome.Last) || got.Images != 0 {
		t.Errorf("the outcome is %+v, not %+v", got, outcome)
	}
	_, err = Resume(context.Background(), moved, func(r recipe.Recipe) (recipe.Recipe, error) {
		r.Linear.Optim.LR = 2
		return r, nil
	}, testEngine(t))
	oneSentence(t, err, "linear.optim.lr: 2 here, 1 in the run")
}

// Wherever a run of two stages is stopped, it ends the same.
func TestTwoStagesResume(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	r := twoStages(data)
	whole, want := start(t, r)
	same := func(t *testing.T, path string) {
		t.Helper()
		got := resume(t, path)
		sameBits(t, open(t, checkpointFile(path, "last")), open(t, checkpointFile(whole, "last")))
		sameRecords(t, path, whole)
		sameRecords(t, filepath.Join(path, firstStage), filepath.Join(whole, firstStage))
		if mustJSON(t, got.Last) != mustJSON(t, want.Last) {
			t.Errorf("the outcome is %+v, not %+v", got, want)
		}
	}
	stop := func(t *testing.T, path, stage string, step int) {
		t.Helper()
		ctx := until(filepath.Join(path, stage), step)
		_, err := os.Stat(path)
		if err == nil {
			_, err = Resume(ctx, path, nil, testEngine(t))
		} else {
			_, err = Start(ctx, r, path, testEngine(t))
		}
		if !errors.Is(err, ErrInterrupted) {
			t.Fatalf("the run ended with %v, not with an interruption", err)
		}
	}
	t.Run("interrupted in both", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "run")
		stop(t, path, firstStage, perEpoch+2)
		stop(t, path, firstStage, 2*perEpoch) // after its last step
		stop(t, path, "", 1)
		stop(t, path, "", 13)
		same(t, path)
	})
	recipeFile := filepath.Join(t.TempDir(), "stages.yaml")
	if err := r.Save(recipeFile); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"killed before the first stage": "recipe.yaml",
		"killed at the boundary":        "metrics.jsonl", // the second stage has saved nothing yet
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run")
			p := startChild(t, path, recipeFile)
			killed := p.killWhen(t, func() bool {
				_, err := os.Stat(filepath.Join(path, file))
				return err == nil
			})
			if !killed {
				t.Skip("the run was faster than the kill")
			}
			if file == "metrics.jsonl" {
				if _, err := os.Stat(checkpointFile(path, "last")); err == nil {
					t.Log("the second stage has saved itself before the kill")
				}
			}
			same(t, path)
		})
	}
	// The very boundary, whatever the machine's speed.
	t.Run("nothing of the second stage", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "run")
		stop(t, path, "", 3)
		for _, name := range []string{"checkpoints/last.safetensors", "metrics.jsonl", "curves.png", "evaluation.json"} {
			if err := os.Remove(filepath.Join(path, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		same(t, path)
	})
}
