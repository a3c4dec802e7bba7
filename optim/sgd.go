package optim

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD
// (Sutskever et al. 2013, "On the importance of initialization and momentum in
// deep learning", https://proceedings.mlr.press/v28/sutskever13.html).
type SGD struct {
	parameters
	momentum float64
	nesterov bool
}

// NewSGD takes the parameters of the tree that require a gradient.
func NewSGD(tree *nn.Tree, r recipe.Optim) *SGD {
	return &SGD{newParameters(tree, r, memory{name: "momentum"}), r.Momentum, r.Nesterov}
}

// Step is d = g + decay·p; m = momentum·m + d; p −= rate·m, or with Nesterov
// rate·(d + momentum·m).
func (s *SGD) Step(rate float64) (norm float64) {
	return s.step(func(g group, scale float64) {
		tensor.SGDInto(g.parameters, g.gradient, g.memory[0], tensor.SGDSettings{
			Rate: rate * g.share, Momentum: s.momentum, WeightDecay: g.decay,
			Nesterov: s.nesterov, GradientScale: scale,
		})
	})
}
