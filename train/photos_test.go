package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cone/data"
	"cone/internal/samples"
	"cone/recipe"
)

func writePhotos(t testing.TB, training, test int) string {
	t.Helper()
	dir := t.TempDir()
	if err := samples.Photos(dir, classCount, training, test); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tinyPhotos trains on a folder of pictures.
func tinyPhotos(dataFolder string) recipe.Recipe {
	r := tiny(dataFolder)
	r.Data.Format = "auto"
	r.Data.Mean, r.Data.Std = []float64{0.4}, []float64{0.3}
	r.Augment = []recipe.Step{
		{RandomResizedCrop: &recipe.RandomResizedCrop{Size: 12, Scale: []float64{0.3, 1}, Ratio: []float64{0.75, 1.33}, Interpolation: "bilinear"}},
		{HorizontalFlip: &recipe.HorizontalFlip{Probability: 0.5}},
	}
	r.Evaluate.Transform = []recipe.Step{
		{Resize: &recipe.Resize{Size: 14, Interpolation: "bilinear"}},
		{CenterCrop: &recipe.CenterCrop{Size: 12}},
	}
	return r
}

// spoil cuts a picture short.
func spoil(t testing.TB, path string) {
	t.Helper()
	content := mustRead(t, path)
	write(t, path, content[:len(content)/3])
}

// A run on photographs that was stopped in the middle of an epoch, and resumed
// with another number of workers, ends as if it had not been.
func TestResumedRunsOnPhotosEndTheSame(t *testing.T) {
	photos := writePhotos(t, trainCount, testCount)
	spoil(t, filepath.Join(photos, "train", "class-1", "0033.jpg"))
	for _, c := range []struct {
		name   string
		change func(*recipe.Recipe)
	}{
		{"cached", func(*recipe.Recipe) {}},
		{"from files", func(r *recipe.Recipe) { r.Data.CacheMB = 0 }},
		{"per class", func(r *recipe.Recipe) {
			r.Data.CacheMB = 0
			r.Data.Sampling.Order, r.Data.Sampling.PerClass = "per-class", 5
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := tinyPhotos(photos)
			c.change(&r)
			whole, want := start(t, r)
			path := startUntil(t, r, perEpoch+perEpoch/2)
			again, err := Resume(context.Background(), path, func(r recipe.Recipe) (recipe.Recipe, error) {
				r.Data.Workers = 3
				return r, nil
			}, testEngine(t))
			if err != nil {
				t.Fatal(err)
			}
			// All but the recipe, which has another number of workers.
			sameTensors(t, open(t, checkpointFile(path, "last")), open(t, checkpointFile(whole, "last")))
			sameRecords(t, path, whole)
			if mustJSON(t, again.Last) != mustJSON(t, want.Last) {
				t.Errorf("the outcome is %+v, not %+v", again.Last, want.Last)
			}
			if want.Last.Top1 < 0.5 {
				t.Errorf("top-1 is %v: colours are not hard to tell apart", want.Last.Top1)
			}
		})
	}
}

// Pictures that cannot be decoded are left out of the count, and listed.
func TestUndecodablePicturesAreListed(t *testing.T) {
	photos := writePhotos(t, trainCount, 104)
	spoil(t, filepath.Join(photos, "train", "class-1", "0033.jpg"))
	spoil(t, filepath.Join(photos, "val", "class-2", "0006.jpg"))
	r := tinyPhotos(photos)
	r.Epochs = 2
	path, outcome := start(t, r)
	if outcome.Last.N != 103 {
		t.Errorf("%d of 104 test images were counted", outcome.Last.N)
	}
	lines := strings.Split(strings.TrimSpace(string(mustRead(t, filepath.Join(path, lostFile)))), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "training\t") || !strings.Contains(lines[0], filepath.Join("class-1", "0033.jpg")) ||
		!strings.HasPrefix(lines[1], "test\t") || !strings.Contains(lines[1], filepath.Join("class-2", "0006.jpg")) {
		t.Errorf("%s holds %q", lostFile, lines)
	}
	r.Data.OnError = "fail"
	_, err := Start(context.Background(), r, filepath.Join(t.TempDir(), "run"), testEngine(t))
	oneSentence(t, err, filepath.Join("class-1", "0033.jpg"), "data.on_error")
}

func TestTooManyUndecodablePicturesStopTheRun(t *testing.T) {
	photos := writePhotos(t, trainCount, testCount)
	for _, name := range []string{"0033.jpg", "0041.jpg", "0045.jpg"} {
		spoil(t, filepath.Join(photos, "train", "class-1", name))
	}
	path := filepath.Join(t.TempDir(), "run")
	_, err := Start(context.Background(), tinyPhotos(photos), path, testEngine(t))
	var tooMany *data.TooManyLost
	if !errors.As(err, &tooMany) || len(tooMany.Lost) != 3 || tooMany.Images != trainCount {
		t.Fatalf("3 of %d pictures cut short: %v", trainCount, err)
	}
	if listed := string(mustRead(t, filepath.Join(path, lostFile))); strings.Count(listed, "\n") != 3 {
		t.Errorf("%s holds %q", lostFile, listed)
	}
}

// What a recipe leaves to the number of images is settled in the run's folder,
// and leaves resuming by the same recipe possible.
func TestBankSizeFromTheData(t *testing.T) {
	r := tinyPhotos(writePhotos(t, trainCount, testCount))
	r.Epochs, r.Method.Name = 2, "cone"
	r.Method.CoNe.BankSize, r.Method.CoNe.Neighbors = 0, 0
	path := startUntil(t, r, perEpoch+2)
	saved, err := recipe.Load(filepath.Join(path, "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if c := saved.Method.CoNe; c.BankSize != trainCount/4 || c.Neighbors != 8 {
		t.Errorf("the bank has %d entries and %d neighbours", c.BankSize, c.Neighbors)
	}
	if _, err := Resume(context.Background(), path, func(recipe.Recipe) (recipe.Recipe, error) { return r, nil }, testEngine(t)); err != nil {
		t.Errorf("resuming by the same recipe: %v", err)
	}
	for images, want := range map[int][2]int{3: {1, 1}, 100: {25, 8}, 60_000: {15_000, 117}, 1_281_167: {65_536, 512}} {
		p := plan{recipe: r, whole: r}
		err := p.resolve(images)
		if c := p.recipe.Method.CoNe; p.whole.Method.CoNe != c || err != nil || c.BankSize != want[0] || c.Neighbors != want[1] {
			t.Errorf("%d images: a bank of %d, %d neighbours, error %v", images, c.BankSize, c.Neighbors, err)
		}
	}
}

// What an earlier part of a run could not decode stays in the list, and a run
// that ends for its pictures' sake can be continued from where it ended.
func TestLostPicturesOutliveAResume(t *testing.T) {
	photos := writePhotos(t, trainCount, testCount)
	spoil(t, filepath.Join(photos, "train", "class-1", "0033.jpg"))
	spoil(t, filepath.Join(photos, "val", "class-2", "0006.jpg")) // one of 53: too many
	path := filepath.Join(t.TempDir(), "run")
	_, err := Start(context.Background(), tinyPhotos(photos), path, testEngine(t))
	var tooMany *data.TooManyLost
	if !errors.As(err, &tooMany) || tooMany.Images != testCount {
		t.Fatalf("a test picture cut short: %v", err)
	}
	if at := savedAt(t, path, "last"); at.Step != perEpoch {
		t.Errorf("the run was kept at step %d", at.Step)
	}
	// The test picture is mended; the training picture is not met again.
	if err := os.Remove(filepath.Join(photos, "val", "class-2", "0006.jpg")); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(context.Background(), path, nil, testEngine(t)); err != nil {
		t.Fatal(err)
	}
	if list := string(mustRead(t, filepath.Join(path, lostFile))); !strings.Contains(list, filepath.Join("class-1", "0033.jpg")) {
		t.Errorf("%s holds %q", lostFile, list)
	}
}
