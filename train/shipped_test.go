package train

import (
	"path/filepath"
	"testing"

	"cone/recipe"
)

// TestEveryShippedRecipeRuns: two steps and an evaluation of each, on made-up
// pictures with as many channels, so that none can rot. Only sizes are made
// small; whatever a recipe says otherwise is what runs.
func TestEveryShippedRecipeRuns(t *testing.T) {
	const images, batch, tests = 16, 8, 8
	grey, colour := writeData(t, side, images, tests), writePhotos(t, images, tests)
	for _, name := range recipe.Shipped() {
		t.Run(name, func(t *testing.T) {
			r, err := recipe.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			r.Data.Path, r.Data.Format = colour, "auto"
			if len(r.Data.Mean) == 1 {
				r.Data.Path = grey
			}
			r.Data.Train, r.Data.Test, r.Data.Limit, r.Data.Workers = "", "", 0, 1
			r.Epochs, r.Batch = 1, batch
			if r.Data.Sampling.Order == "per-class" {
				r.Data.Sampling.PerClass = 2
			}
			for _, steps := range [][]recipe.Step{r.Augment, r.Evaluate.Transform, r.Linear.Augment} {
				shrink(steps)
			}
			if r.Model.Backbone == "resnet-narrow" {
				r.Model.Width, r.Model.Depth = 4, 1
			}
			r.Model.Head.Hidden, r.Model.Head.Dim = 16, 8
			m := &r.Method
			m.CoNe.BankSize, m.CoNe.Neighbors, m.CoNe.WarmupEpochs = 12, 4, 0 // all losses at once
			m.SupCon.BankSize = min(m.SupCon.BankSize, 12)
			m.PaCo.BankSize = 12
			r.Evaluate.KNN.K = min(r.Evaluate.KNN.K, images)
			r.Linear.Epochs, r.Linear.Batch = min(r.Linear.Epochs, 1), batch

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
