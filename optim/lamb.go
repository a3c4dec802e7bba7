package optim

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// LAMB is "Large Batch Optimization for Deep Learning: Training BERT in 76
// minutes" (You et al. 2020, https://arxiv.org/abs/1904.00962, Algorithm 2),
// as timm's Lamb and NVIDIA's: with bias correction, φ(z) = z, and parameters
// without weight decay moved as by Adam unless AlwaysAdapt. With TrustClip it
// is LAMBC (https://arxiv.org/abs/2011.13584).
type LAMB struct {
	moments
	alwaysAdapt, clipTrust bool
}

// NewLAMB takes the parameters of the tree that require a gradient.
func NewLAMB(tree *nn.Tree, r recipe.Optim) *LAMB {
	l := &LAMB{newMoments(tree, r), r.AlwaysAdapt, r.TrustClip}
	l.clipEpsilon = 0 // as timm's max_grad_norm
	return l
}

// Step is, with Adam's moments, r = m̂/(√v̂ + ε); u = r + decay·p;
// p −= rate·(‖p‖/‖u‖)·u for each tensor p.
func (l *LAMB) Step(rate float64) (norm float64) {
	t := l.count()
	return l.step(func(g group, scale float64) {
		tensor.LAMBInto(g.parameters, g.gradient, g.memory[0], g.memory[1], l.settings(g, rate, scale, t),
			tensor.TrustSettings{Adapt: g.decay != 0 || l.alwaysAdapt, Clip: l.clipTrust})
	})
}
