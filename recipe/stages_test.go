package recipe

import (
	"slices"
	"testing"
)

// TestFinalStage: the second stage is judged by the classifier that it trains,
// on images sampled as in the first, unless that takes so many per class.
func TestFinalStage(t *testing.T) {
	r := Default()
	r.Method.Name, r.Linear.Epochs = "supcon", 3
	r.Evaluate.Classifier = "knn"
	r.Data.Sampling.Order = "weighted"
	second := r.FinalStage()
	if second.Epochs != 3 || second.Batch != r.Linear.Batch || second.Method.Name != "cross-entropy" ||
		second.Evaluate.Classifier != "linear" || second.Data.Sampling.Order != "weighted" || second.HasStages() {
		t.Errorf("the second stage is %+v", second)
	}
	if !slices.Contains(second.Model.Freeze, "net") || !slices.Contains(second.Model.Freeze, "head") {
		t.Errorf("the second stage freezes %v", second.Model.Freeze)
	}
	r.Data.Sampling.Order = "per-class"
	if order := r.FinalStage().Data.Sampling.Order; order != "shuffle" {
		t.Errorf("the second stage's order is %s", order)
	}
	if first := r.FirstStage(); first.HasStages() || first.Evaluate.Classifier != "knn" {
		t.Errorf("the first stage is %+v", first)
	}
	r.Linear.Epochs = 0
	if single := r.FinalStage(); single.Method.Name != "supcon" || single.Evaluate.Classifier != "knn" {
		t.Errorf("a recipe of one stage became %+v", single)
	}
}
