package recipe

import "slices"

// Linear is a second stage: a linear classifier on frozen features, after the
// first stage has trained them (SupCon, arXiv 2004.11362). Images are sampled
// as in the first stage, but shuffled where that takes so many per class.
type Linear struct {
	// Epochs of the second stage; 0 has none.
	Epochs int `yaml:"epochs"`
	// Batch is the images of one step.
	Batch int `yaml:"batch"`
	// Augment is what happens to every training image; empty: as in the first
	// stage.
	Augment []Step `yaml:"augment"`
	// Optim is the optimizer and its schedule.
	Optim Optim `yaml:"optim"`
}

// HasStages says whether the recipe has a second stage.
func (r Recipe) HasStages() bool { return r.Linear.Epochs > 0 }

// FirstStage is the recipe of the stage that trains the features.
func (r Recipe) FirstStage() Recipe {
	first := r.Clone()
	first.Linear.Epochs = 0
	if first.Evaluate.Classifier == "linear" && !first.Method.TrainsClassifier() {
		first.Evaluate.Classifier = "auto"
	}
	return first
}

// FinalStage is the recipe whose model is evaluated: that of the second stage,
// where there is one, else r itself.
func (r Recipe) FinalStage() Recipe {
	if !r.HasStages() {
		return r
	}
	second := r.Clone()
	second.Epochs, second.Batch, second.Optim = r.Linear.Epochs, r.Linear.Batch, r.Linear.Optim
	if len(r.Linear.Augment) > 0 {
		second.Augment = second.Linear.Augment
	}
	if second.Data.Sampling.Order == "per-class" {
		second.Data.Sampling.Order = "shuffle"
	}
	second.Evaluate.Classifier = "linear"
	second.Method.Name = "cross-entropy"
	second.Model.Init = ""
	for _, part := range []string{"net", "head"} {
		if (part == "net" || r.Model.Head.Layers > 0) && !slices.Contains(second.Model.Freeze, part) {
			second.Model.Freeze = append(second.Model.Freeze, part)
		}
	}
	second.Linear.Epochs = 0
	return second
}
