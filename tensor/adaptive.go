package tensor

import "math"

// One step each of the adaptive optimizers over all weights, in place. As in
// update.go they are operators of our own on a CPU and composed elsewhere,
// where they use up the gradients.
var (
	adamwInto   = schema("cone::adamw_")
	lambInto    = schema("cone::lamb_")
	larsInto    = schema("cone::lars_")
	rmspropInto = schema("cone::rmsprop_")
)

// AdamSettings are the numbers of one step of AdamW or LAMB.
type AdamSettings struct {
	Rate, Beta1, Beta2, Epsilon, WeightDecay float64
	// Step counts from 1; the moments' bias is corrected by it.
	Step int
	// GradientScale multiplies every gradient first (clipping).
	GradientScale float64
}

// corrections are 1/(1−β₁ᵗ) and 1/√(1−β₂ᵗ).
func (s AdamSettings) corrections() (first, second float64) {
	t := float64(s.Step)
	return 1 / (1 - math.Pow(s.Beta1, t)), 1 / math.Sqrt(1-math.Pow(s.Beta2, t))
}

// TrustSettings say how LAMB and LARS scale each tensor's step by the ratio
// of norms.
type TrustSettings struct {
	// Adapt is false where the step is taken as it is.
	Adapt bool
	// Clip bounds the ratio: to 1 in LAMB, the step's rate to Rate in LARS.
	Clip bool
	// Coefficient and Epsilon are LARS's η and what keeps its ratio finite.
	Coefficient, Epsilon float64
}

// AdamWInto does p −= rate·decay·p; m = β₁·m + (1−β₁)·g; v = β₂·v + (1−β₂)·g²;
// p −= rate·m̂/(√v̂ + ε), as torch.optim.AdamW.
func AdamWInto(parameters, gradients, means, squares []Tensor, s AdamSettings) {
	switch {
	case len(parameters) == 0:
	case parameters[0].OnCPU():
		adamwInto.do(list(parameters), list(gradients), list(means), list(squares), num(s.Rate), num(s.Beta1),
			num(s.Beta2), num(s.Epsilon), num(s.WeightDecay), integer(s.Step), num(s.GradientScale))
	default:
		composedAdamW(parameters, gradients, means, squares, s)
	}
}

// LAMBInto does u = m̂/(√v̂ + ε) + decay·p; p −= rate·(‖p‖/‖u‖)·u with Adam's
// moments, the norms taken over each tensor; a ratio with a norm of 0 is 1.
// The gradients are used up.
func LAMBInto(parameters, gradients, means, squares []Tensor, s AdamSettings, t TrustSettings) {
	switch {
	case len(parameters) == 0:
	case parameters[0].OnCPU():
		lambInto.do(list(parameters), list(gradients), list(means), list(squares), num(s.Rate), num(s.Beta1),
			num(s.Beta2), num(s.Epsilon), num(s.WeightDecay), integer(s.Step), num(s.GradientScale),
			flag(t.Adapt), flag(t.Clip))
	default:
		composedLAMB(parameters, gradients, means, squares, s, t)
	}
}

// LARSInto is SGDInto with each tensor's scale·g + decay·p multiplied by its
// trust ratio η·‖p‖/(‖scale·g‖ + decay·‖p‖ + ε); with a norm of 0 it is 1.
func LARSInto(parameters, gradients, momenta []Tensor, s SGDSettings, t TrustSettings) {
	switch {
	case len(parameters) == 0:
	case parameters[0].OnCPU():
		larsInto.do(list(parameters), list(gradients), list(momenta), num(s.Rate), num(s.Momentum),
			num(s.WeightDecay), flag(s.Nesterov), num(s.GradientScale), num(t.Coefficient), num(t.Epsilon),
			flag(t.Adapt), flag(t.Clip))
	default:
		composedLARS(parameters, gradients, momenta, s, t)
	}
}

// RMSpropSettings are the numbers of one RMSprop step.
type RMSpropSettings struct {
	Rate, Alpha, Epsilon, Momentum, WeightDecay float64
	// TensorFlow puts ε under the root and the rate into the momentum.
	TensorFlow bool
	// GradientScale multiplies every gradient first (clipping).
	GradientScale float64
}

// RMSpropInto does d = scale·g + decay·p; q = α·q + (1−α)·d²; b = momentum·b +
// d/(√q + ε); p −= rate·b, as torch.optim.RMSprop. With means, a = α·a +
// (1−α)·d, the root is taken of q − a² (centred). Means and momenta may be nil.
func RMSpropInto(parameters, gradients, squares, means, momenta []Tensor, s RMSpropSettings) {
	switch {
	case len(parameters) == 0:
	case parameters[0].OnCPU():
		rmspropInto.do(list(parameters), list(gradients), list(squares), list(means), list(momenta), num(s.Rate),
			num(s.Alpha), num(s.Epsilon), num(s.Momentum), num(s.WeightDecay), num(s.GradientScale), flag(s.TensorFlow))
	default:
		composedRMSprop(parameters, gradients, squares, means, momenta, s)
	}
}
