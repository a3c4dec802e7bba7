// Package optim moves weights: optimizers, learning-rate schedules, moving
// averages.
package optim

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD.
type SGD struct {
	groups   []group
	momentum float64
	nesterov bool
	clip     float64
	state    []*nn.Entry
}

// group are parameters with one weight decay.
type group struct {
	decay                          float64
	parameters, gradients, momenta []tensor.Tensor
}

// NewSGD takes all parameters of the tree. Norms and biases (one dimension)
// form a group without decay unless the recipe decays everything.
func NewSGD(tree *nn.Tree, r recipe.Optim) *SGD {
	s := &SGD{momentum: r.Momentum, nesterov: r.Nesterov, clip: r.ClipNorm}
	decayed, plain := group{decay: r.WeightDecay}, group{}
	tensor.Scope(func() {
		for _, p := range tree.Parameters() {
			m := p.Value.Detach().ZerosLike().Keep()
			s.state = append(s.state, &nn.Entry{Name: "optimizer.momentum." + p.Name, Value: m, Buffer: true})
			g := &decayed
			if !r.DecayNormAndBias && len(p.Value.Shape()) < 2 {
				g = &plain
			}
			g.parameters = append(g.parameters, p.Value)
			g.momenta = append(g.momenta, m)
		}
	})
	for _, g := range []group{decayed, plain} {
		if len(g.parameters) > 0 {
			g.gradients = make([]tensor.Tensor, len(g.parameters))
			s.groups = append(s.groups, g)
		}
	}
	return s
}

// Step moves every parameter by its gradient at the given rate and drops the
// gradients. With clipping it returns the norm of all gradients before it,
// else 0.
func (s *SGD) Step(rate float64) (norm float64) {
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			s.collect()
			scale := 1.0
			if s.clip > 0 {
				norm = s.GradientNorm()
				// As torch.nn.utils.clip_grad_norm_, epsilon included.
				scale = min(1, s.clip/(norm+1e-6))
			}
			for _, g := range s.groups {
				tensor.SGDInto(g.parameters, g.gradients, g.momenta, tensor.SGDSettings{
					Rate: rate, Momentum: s.momentum, WeightDecay: g.decay,
					Nesterov: s.nesterov, GradientScale: scale,
				})
			}
			for _, g := range s.groups {
				for _, p := range g.parameters {
					p.ClearGrad()
				}
			}
		})
	})
	return norm
}

// collect looks up the gradients; a parameter that got none counts as zero.
func (s *SGD) collect() {
	for _, g := range s.groups {
		for i, p := range g.parameters {
			g.gradients[i] = p.Grad()
			if !g.gradients[i].Defined() {
				g.gradients[i] = p.ZerosLike()
			}
		}
	}
}

// GradientNorm is the L2 norm over all gradients together.
func (s *SGD) GradientNorm() (norm float64) {
	tensor.Scope(func() {
		s.collect()
		var all []tensor.Tensor
		for _, g := range s.groups {
			all = append(all, g.gradients...)
		}
		norm = tensor.L2Norm(all)
	})
	return norm
}

// State is what a checkpoint must carry.
func (s *SGD) State() []*nn.Entry { return s.state }

// Free ends the life of the momenta.
func (s *SGD) Free() {
	for _, e := range s.state {
		e.Value.Free()
	}
}
