package recipe

import (
	"slices"
	"strings"
)

// linear checks the second stage as the recipe that it is.
func (c *checker) linear(r Recipe) {
	c.atLeast("linear.epochs", r.Linear.Epochs, 0)
	if !r.HasStages() {
		return
	}
	c.atLeast("linear.batch", r.Linear.Batch, 1)
	c.steps("linear.augment", r.Linear.Augment)
	second := r.FinalStage()
	if r.Data.Limit > 0 && r.Data.Limit < second.Batch {
		c.failf("data.limit is %d but linear.batch is %d: choose limit ≥ batch, or an epoch has no full batch", r.Data.Limit, second.Batch)
	}
	if slices.Contains(r.Model.Freeze, "fc") {
		c.failf("model.freeze holds fc, but linear.epochs is %d, which trains the classifier alone: leave fc out", r.Linear.Epochs)
	}
	var optim checker
	optim.optim(second)
	for _, problem := range optim.problems {
		// The settings have the names that they have in the first stage.
		c.failf("%s", strings.NewReplacer("optim.", "linear.optim.", "batch is", "linear.batch is").Replace(problem.Error()))
	}
}
