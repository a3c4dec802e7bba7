package optim

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019,
// "Decoupled Weight Decay Regularization", https://arxiv.org/abs/1711.05101,
// Algorithm 2), as torch.optim.AdamW: the decay is multiplied by the rate.
type AdamW struct{ moments }

// NewAdamW takes the parameters of the tree that require a gradient.
func NewAdamW(tree *nn.Tree, r recipe.Optim) *AdamW { return &AdamW{newMoments(tree, r)} }

// Step is p −= rate·decay·p; m = β₁·m + (1−β₁)·g; v = β₂·v + (1−β₂)·g²;
// m̂ = m/(1−β₁ᵗ); v̂ = v/(1−β₂ᵗ); p −= rate·m̂/(√v̂ + ε).
func (a *AdamW) Step(rate float64) (norm float64) {
	t := a.count()
	return a.step(func(g group, scale float64) {
		tensor.AdamWInto(g.parameters, g.gradient, g.memory[0], g.memory[1], a.settings(g, rate, scale, t))
	})
}

// moments are what Adam and its kin remember: the moving averages of the
// gradient and of its square, and the number t of steps.
type moments struct {
	parameters
	beta1, beta2, epsilon float64
	steps                 tensor.Tensor // int64
}

func newMoments(tree *nn.Tree, r recipe.Optim) moments {
	m := moments{
		parameters: newParameters(tree, r, memory{name: "exp_avg"}, memory{name: "exp_avg_sq"}),
		beta1:      r.Beta1, beta2: r.Beta2, epsilon: r.Epsilon,
	}
	tensor.Scope(func() { m.steps = tensor.Zeros(tensor.Int64, tensor.CPU).Keep() })
	m.state = append(m.state, &nn.Entry{Name: "optimizer.step", Value: m.steps, Buffer: true})
	return m
}

// count begins a step and returns its number from 1.
func (m *moments) count() int { return int(m.steps.AddNumberInto(1).Item()) }

func (m *moments) settings(g group, rate, scale float64, t int) tensor.AdamSettings {
	return tensor.AdamSettings{
		Rate: rate * g.share, Beta1: m.beta1, Beta2: m.beta2, Epsilon: m.epsilon,
		WeightDecay: g.decay, Step: t, GradientScale: scale,
	}
}
