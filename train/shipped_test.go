package train

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cone/recipe"
)

// TestEveryShippedRecipeRuns: two steps and an evaluation of each, on made-up
// pictures with as many channels, so that none can rot. Only sizes are made
// small; whatever a recipe says otherwise is what runs.
func TestEveryShippedRecipeRuns(t *testing.T) {
	const images, batch, tests = 16, 8, 8
	grey, colour, cifar := writeData(t, side, images, tests), writePhotos(t, images, tests), writeCIFAR(t, images, tests)
	for _, name := range recipe.Shipped() {
		t.Run(name, func(t *testing.T) {
			r, err := recipe.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case r.Data.Format == "cifar":
				r.Data.Path = filepath.Join(cifar, r.Data.Path)
			case len(r.Data.Mean) == 1:
				r.Data.Path, r.Data.Format = grey, "auto"
			default:
				r.Data.Path, r.Data.Format = colour, "auto"
			}
			r.Data.Train, r.Data.Test, r.Data.Limit, r.Data.Workers = "", "", 0, 1
			r.Epochs, r.Batch = 1, batch
			r.Data.Sampling.Repeats = min(r.Data.Sampling.Repeats, 2) // a divisor of the images
			if r.Data.Sampling.Order == "per-class" {
				r.Data.Sampling.PerClass = 2
			}
			for _, steps := range [][]recipe.Step{r.Augment, r.Evaluate.Transform, r.Linear.Augment} {
				shrink(steps)
			}
			switch r.Model.Backbone {
			case "resnet-narrow":
				r.Model.Width, r.Model.Depth = 4, 1
			case "resnet50":
				r.Model.Backbone = "resnet18" // the same settings, in a fifth of the time
			}
			r.Model.Head.Hidden, r.Model.Head.Dim = 16, 8
			m := &r.Method
			m.CoNe.BankSize, m.CoNe.Neighbors, m.CoNe.WarmupEpochs = 12, 4, 0 // all losses at once
			m.SupCon.BankSize = min(m.SupCon.BankSize, 12)
			m.PaCo.BankSize = 12
			r.Evaluate.KNN.K = min(r.Evaluate.KNN.K, images)
			r.Linear.Epochs, r.Linear.Batch = min(r.Linear.Epochs, 1), batch
			within(r.Optim.Milestones)
			within(r.Linear.Optim.Milestones)

			path, outcome := start(t, r)
			if n := outcome.Last.N; n != tests || outcome.Last.NonFinite > 0 {
				t.Errorf("%d images were evaluated, %d without a finite result", n, outcome.Last.NonFinite)
			}
			folders := []string{path}
			if r.HasStages() {
				folders = append(folders, filepath.Join(path, firstStage))
			}
			for _, folder := range folders {
				if at := savedAt(t, folder, "last"); at.Step != images/batch {
					t.Errorf("%s stands at step %d", folder, at.Step)
				}
			}
		})
	}
}

// writeCIFAR writes both collections' binary versions, of two classes, into
// the folders that their archives unpack to.
func writeCIFAR(t testing.TB, images, tests int) string {
	t.Helper()
	dir := t.TempDir()
	put := func(folder, name string, labels, n int) {
		content := make([]byte, n*(labels+3*32*32))
		for i := range content {
			content[i] = byte(i * i)
		}
		for i := range n {
			record := content[i*(labels+3*32*32):]
			record[0], record[labels-1] = 0, byte(i%2)
		}
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, folder, name), content)
	}
	for part := range 5 {
		put("cifar-10-batches-bin", fmt.Sprintf("data_batch_%d.bin", part+1), 1, (part+1)*images/5-part*images/5)
	}
	put("cifar-10-batches-bin", "test_batch.bin", 1, tests)
	put("cifar-100-binary", "train.bin", 2, images)
	put("cifar-100-binary", "test.bin", 2, tests)
	return dir
}

// within brings milestones into a run of one epoch.
func within(milestones []float64) {
	for i := range milestones {
		milestones[i] = float64(i+1) / float64(len(milestones)+1)
	}
}

// shrink makes pictures 32 pixels wide.
func shrink(steps []recipe.Step) {
	for _, s := range steps {
		switch {
		case s.RandomResizedCrop != nil:
			s.RandomResizedCrop.Size = 32
		case s.CenterCrop != nil:
			s.CenterCrop.Size = 32
		case s.Resize != nil:
			*s.Resize = recipe.Resize{Size: 36, Interpolation: s.Resize.Interpolation}
		case s.RandomCrop != nil && s.RandomCrop.Size > 0:
			s.RandomCrop.Size = 32
		}
	}
}
