package train

import (
	"fmt"
	"math"
	"slices"

	"cone/recipe"
)

// Reasons to doubt an epoch. A run that has blown up, or whose images CoNe's
// guards leave out, ends with a number like any other.
const (
	blownUp = "blown up"
	guarded = "guarded"
)

// concerns are what the means of an epoch's losses and figures give reason to
// doubt, a sentence for each reason.
func concerns(m recipe.Method, losses, figures map[string]float64, classes int) map[string]string {
	out := map[string]string{}
	guessing := math.Log(float64(classes))
	// Large scales make a margin softmax' loss higher than that from the start.
	if ce := losses["cross_entropy"]; m.Name != "margin" && ce > 1.5*guessing {
		out[blownUp] = fmt.Sprintf("a cross-entropy of %.3g is worse than guessing (%.3g): the run has probably blown up; lower optim.lr, set optim.clip_norm=1, or lengthen optim.warmup_epochs",
			ce, guessing)
	}
	if share := figures["guarded_images"]; share > 0.5 {
		out[guarded] = fmt.Sprintf("CoNe's guards left %.0f %% of the images out of its cross-entropy and consistency terms, for it is very sure of them: if top-1 stays behind, set method.cone.guards=false",
			100*share)
	}
	return out
}

// warn tells the epoch's concerns, each reason once: fifty epochs would say it
// fifty times.
func (r *run) warn(epoch int, losses, figures map[string]float64) {
	for reason, sentence := range concerns(r.recipe.Method, losses, figures, len(r.data.Train.Classes())) {
		if !slices.Contains(r.warned, reason) {
			r.warned = append(r.warned, reason)
			r.say("warning: epoch %d: %s", epoch, sentence)
		}
	}
}
