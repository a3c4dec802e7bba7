package optim

import (
	"math"

	"cone/recipe"
)

// Schedule is the learning rate of every step of a run.
type Schedule struct {
	full, start, end float64 // rates after warm-up, of the first step and at the end
	kind             string
	epochs           int
	stepsPerEpoch    int
	warmup           float64 // epochs
	milestones       []float64
	gamma            float64
}

// NewSchedule follows the recipe: base rate × batch / reference batch, a
// rise per step, then the fall.
func NewSchedule(r recipe.Optim, batch, epochs, stepsPerEpoch int) Schedule {
	full := FullRate(r, batch)
	return Schedule{
		full: full, start: full * r.WarmupStart, end: full * r.MinLRRatio, kind: r.Schedule,
		epochs: epochs, stepsPerEpoch: stepsPerEpoch, warmup: r.WarmupEpochs,
		milestones: r.Milestones, gamma: r.Gamma,
	}
}

// FullRate is the rate that the recipe's base rate means for the batch.
func FullRate(r recipe.Optim, batch int) float64 {
	if r.ReferenceBatch == 0 {
		return r.LR
	}
	return r.LR * (float64(batch) / float64(r.ReferenceBatch))
}

// Rate of step t, counted from 0 over the whole run.
func (s Schedule) Rate(t int) float64 {
	if s.kind == "one-cycle" {
		return s.oneCycle(t)
	}
	if warm := s.warmup * float64(s.stepsPerEpoch); float64(t) < warm {
		return s.start + (s.full-s.start)*float64(t)/warm
	}
	var epoch float64
	switch s.kind {
	case "cosine-epoch":
		epoch = float64(t / s.stepsPerEpoch)
	case "cosine-step":
		epoch = float64(t) / float64(s.stepsPerEpoch)
	case "step":
		return s.step(t)
	default:
		return s.full
	}
	// Within the epoch that a fractional warm-up ends in, epoch is the smaller.
	share := max(0, epoch-s.warmup) / (float64(s.epochs) - s.warmup)
	return halfWave(s.full, s.end, share)
}

// halfWave goes from one rate to another along half a cosine wave
// (Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983, Eq. 5).
func halfWave(from, to, share float64) float64 {
	return 0.5*(1+math.Cos(math.Pi*share))*(from-to) + to
}

// step multiplies by gamma at every milestone that is behind.
func (s Schedule) step(t int) float64 {
	rate := s.full
	for _, m := range s.milestones {
		if float64(t) >= m*float64(s.stepsPerEpoch) {
			rate *= s.gamma
		}
	}
	return rate
}

// oneCycle rises and falls along half waves that meet at the last step of the
// warm-up (Smith and Topin 2018, "Super-Convergence",
// https://arxiv.org/abs/1708.07120), as torch.optim.lr_scheduler.OneCycleLR.
func (s Schedule) oneCycle(t int) float64 {
	top := max(0, s.warmup*float64(s.stepsPerEpoch)-1)
	if float64(t) < top {
		return halfWave(s.start, s.full, float64(t)/top)
	}
	last := float64(s.epochs*s.stepsPerEpoch - 1)
	if last <= top {
		return s.full
	}
	return halfWave(s.full, s.end, (float64(t)-top)/(last-top))
}
