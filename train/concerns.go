package train

import (
	"fmt"
	"math"

	"cone/recipe"
)

// concerns are what the means of an epoch's losses and figures give reason to
// doubt, a sentence each: a run that has blown up, or CoNe's guards at work on
// most images, end with a number like any other.
func concerns(m recipe.Method, losses, figures map[string]float64, classes int) (out []string) {
	guessing := math.Log(float64(classes))
	// Large scales make a margin softmax' loss higher than that from the start.
	if ce := losses["cross_entropy"]; m.Name != "margin" && ce > 1.5*guessing {
		out = append(out, fmt.Sprintf("a cross-entropy of %.3g is worse than guessing (%.3g): the run has probably blown up; lower optim.lr, set optim.clip_norm=1, or lengthen optim.warmup_epochs",
			ce, guessing))
	}
	if share := figures["guarded_images"]; share > 0.5 {
		out = append(out, fmt.Sprintf("CoNe's guards left %.0f %% of the images out of its cross-entropy and consistency terms, for it is very sure of them: if top-1 stays behind, set method.cone.guards=false",
			100*share))
	}
	return out
}
