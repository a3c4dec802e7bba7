package optim

import (
	"math"

	"cone/recipe"
)

// Schedule is the learning rate of every step of a run.
type Schedule struct {
	full, end     float64 // rates after warm-up and at the end
	kind          string
	epochs        int
	stepsPerEpoch int
	warmup        float64 // epochs
}

// NewSchedule follows the recipe: base rate × batch / reference batch, a
// linear rise per step from 0, then the cosine.
func NewSchedule(r recipe.Optim, batch, epochs, stepsPerEpoch int) Schedule {
	full := r.LR
	if r.ReferenceBatch > 0 {
		full *= float64(batch) / float64(r.ReferenceBatch)
	}
	return Schedule{
		full: full, end: full * r.MinLRRatio, kind: r.Schedule,
		epochs: epochs, stepsPerEpoch: stepsPerEpoch, warmup: r.WarmupEpochs,
	}
}

// Rate of step t, counted from 0 over the whole run.
func (s Schedule) Rate(t int) float64 {
	if warm := s.warmup * float64(s.stepsPerEpoch); float64(t) < warm {
		return s.full * float64(t) / warm
	}
	var epoch float64
	switch s.kind {
	case "cosine-epoch":
		epoch = float64(t / s.stepsPerEpoch)
	case "cosine-step":
		epoch = float64(t) / float64(s.stepsPerEpoch)
	default:
		return s.full
	}
	// Within the epoch that a fractional warm-up ends in, epoch is the smaller.
	share := max(0, epoch-s.warmup) / (float64(s.epochs) - s.warmup)
	return 0.5*(1+math.Cos(math.Pi*share))*(s.full-s.end) + s.end
}
