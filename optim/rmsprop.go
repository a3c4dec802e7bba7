package optim

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// RMSprop divides the gradient by the root of its mean square (Hinton, Neural
// Networks for Machine Learning, lecture 6,
// https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf;
// centred: Graves 2013, "Generating Sequences With Recurrent Neural Networks",
// https://arxiv.org/abs/1308.0850, Eq. 38–45), as torch.optim.RMSprop.
//
// "rmsprop-tf" is TensorFlow's, which published EfficientNet recipes mean, as
// timm's RMSpropTF: ε lies under the root, the mean square starts from 1, and
// the momentum gathers steps that are multiplied by their rates already.
type RMSprop struct {
	parameters
	alpha, epsilon, momentum float64
	centered, tensorFlow     bool
}

// NewRMSprop takes the parameters of the tree that require a gradient.
func NewRMSprop(tree *nn.Tree, r recipe.Optim) *RMSprop {
	tensorFlow := r.Name == "rmsprop-tf"
	kinds := []memory{{"square_avg", tensorFlow}}
	if r.Centered {
		kinds = append(kinds, memory{name: "grad_avg"})
	}
	if r.Momentum > 0 {
		kinds = append(kinds, memory{name: "momentum"})
	}
	return &RMSprop{newParameters(tree, r, kinds...), r.Alpha, r.Epsilon, r.Momentum, r.Centered, tensorFlow}
}

// Step is d = g + decay·p; q = α·q + (1−α)·d²; b = momentum·b + d/(√q + ε);
// p −= rate·b. Centred, q gives way to q − a² with a = α·a + (1−α)·d.
func (r *RMSprop) Step(rate float64) (norm float64) {
	return r.step(func(g group, scale float64) {
		kinds := g.memory[1:]
		var means, momenta []tensor.Tensor
		if r.centered {
			means, kinds = kinds[0], kinds[1:]
		}
		if r.momentum > 0 {
			momenta = kinds[0]
		}
		tensor.RMSpropInto(g.parameters, g.gradient, g.memory[0], means, momenta, tensor.RMSpropSettings{
			Rate: rate * g.share, Alpha: r.alpha, Epsilon: r.epsilon, Momentum: r.momentum,
			WeightDecay: g.decay, TensorFlow: r.tensorFlow, GradientScale: scale,
		})
	})
}
