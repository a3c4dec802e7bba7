package optim

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// LARS is "Large Batch Training of Convolutional Networks" (You et al. 2017,
// https://arxiv.org/abs/1708.03888, Algorithm 1), as timm's Lars: parameters
// without weight decay are moved as by SGD unless AlwaysAdapt. With TrustClip
// it is LARC, whose local rate never exceeds the global one.
type LARS struct {
	parameters
	momentum             float64
	nesterov             bool
	coefficient, epsilon float64
	alwaysAdapt, clipped bool
}

// NewLARS takes the parameters of the tree that require a gradient.
func NewLARS(tree *nn.Tree, r recipe.Optim) *LARS {
	return &LARS{
		parameters: newParameters(tree, r, memory{name: "momentum"}), momentum: r.Momentum, nesterov: r.Nesterov,
		coefficient: r.TrustCoefficient, epsilon: r.Epsilon, alwaysAdapt: r.AlwaysAdapt, clipped: r.TrustClip,
	}
}

// Step is, for each tensor p, λ = η·‖p‖/(‖g‖ + decay·‖p‖ + ε);
// m = momentum·m + λ·(g + decay·p); p −= rate·m.
func (l *LARS) Step(rate float64) (norm float64) {
	return l.step(func(g group, scale float64) {
		tensor.LARSInto(g.parameters, g.gradient, g.memory[0], tensor.SGDSettings{
			Rate: rate * g.share, Momentum: l.momentum, WeightDecay: g.decay,
			Nesterov: l.nesterov, GradientScale: scale,
		}, tensor.TrustSettings{
			Adapt: g.decay != 0 || l.alwaysAdapt, Clip: l.clipped,
			Coefficient: l.coefficient, Epsilon: l.epsilon,
		})
	})
}
