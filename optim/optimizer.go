// Package optim moves weights: optimizers, learning-rate schedules, moving
// averages.
package optim

import (
	"fmt"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Optimizer moves the parameters of a tree by their gradients.
type Optimizer interface {
	// Step moves every parameter at the given rate and drops the gradients.
	// With clipping it returns the norm of all gradients before it, else 0.
	Step(rate float64) (norm float64)
	// GradientNorm is the L2 norm over all gradients together.
	GradientNorm() float64
	// State is what a checkpoint must carry.
	State() []*nn.Entry
	// Free ends the life of the state.
	Free()
}

// New makes the recipe's optimizer for those parameters of the tree that
// require a gradient. The recipe must be resolved (recipe.Optim.Resolved).
func New(tree *nn.Tree, r recipe.Optim) (Optimizer, error) {
	switch r.Name {
	case "sgd":
		return NewSGD(tree, r), nil
	case "adamw":
		return NewAdamW(tree, r), nil
	case "lamb":
		return NewLAMB(tree, r), nil
	case "lars":
		return NewLARS(tree, r), nil
	case "rmsprop", "rmsprop-tf":
		return NewRMSprop(tree, r), nil
	}
	return nil, fmt.Errorf("optim.name %q is unknown: choose sgd, adamw, lamb, lars, rmsprop or rmsprop-tf", r.Name)
}

// parameters are what an optimizer moves and remembers: the common part of
// all of them.
type parameters struct {
	groups []group
	clip   float64 // bound of the gradients' norm; 0 is none
	// clipEpsilon keeps torch's clipping from dividing by zero.
	clipEpsilon float64
	state       []*nn.Entry
}

// group are parameters with one weight decay and one share of the rate.
type group struct {
	decay, share         float64
	parameters, gradient []tensor.Tensor
	memory               [][]tensor.Tensor // a list like parameters per kind
}

// memory is a kind of tensor that an optimizer keeps per parameter.
type memory struct {
	name string
	ones bool // it starts from ones, not zeros
}

// newParameters groups the parameters by the recipe's weight decay and
// layer-wise rates. What requires no gradient is left out.
func newParameters(tree *nn.Tree, r recipe.Optim, kinds ...memory) parameters {
	out := parameters{clip: r.ClipNorm, clipEpsilon: 1e-6}
	shares := layerShares(tree, r.LayerDecay)
	var plain []group // without decay: they come last
	tensor.Scope(func() {
		state := make([][]*nn.Entry, len(kinds))
		for _, p := range tree.Parameters() {
			if !p.Value.RequiresGrad() {
				continue
			}
			groups, decay := &out.groups, r.WeightDecay
			if !r.DecayNormAndBias && isNormOrBias(p.Name, len(p.Value.Shape())) {
				groups, decay = &plain, 0
			}
			g := find(groups, decay, shares[p.Name], len(kinds))
			g.parameters = append(g.parameters, p.Value)
			for i, kind := range kinds {
				m := p.Value.Detach().ZerosLike().Keep()
				if kind.ones {
					m.Fill(1)
				}
				g.memory[i] = append(g.memory[i], m)
				state[i] = append(state[i], &nn.Entry{Name: "optimizer." + kind.name + "." + p.Name, Value: m, Buffer: true})
			}
		}
		for _, s := range state {
			out.state = append(out.state, s...)
		}
	})
	out.groups = append(out.groups, plain...)
	for i := range out.groups {
		out.groups[i].gradient = make([]tensor.Tensor, len(out.groups[i].parameters))
	}
	return out
}

// find is the group of that share among those of one decay.
func find(groups *[]group, decay, share float64, kinds int) *group {
	for i := range *groups {
		if (*groups)[i].share == share {
			return &(*groups)[i]
		}
	}
	*groups = append(*groups, group{decay: decay, share: share, memory: make([][]tensor.Tensor, kinds)})
	return &(*groups)[len(*groups)-1]
}

// step collects the gradients, lets move use them group by group and drops
// them. Move multiplies them by the scale first.
func (p *parameters) step(move func(g group, scale float64)) (norm float64) {
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			p.collect()
			scale := 1.0
			if p.clip > 0 {
				norm = p.GradientNorm()
				// As torch.nn.utils.clip_grad_norm_, epsilon included.
				scale = min(1, p.clip/(norm+p.clipEpsilon))
			}
			for _, g := range p.groups {
				move(g, scale)
			}
			for _, g := range p.groups {
				for _, w := range g.parameters {
					w.ClearGrad()
				}
			}
		})
	})
	return norm
}

// collect looks up the gradients; a parameter that got none counts as zero.
func (p *parameters) collect() {
	for _, g := range p.groups {
		for i, w := range g.parameters {
			g.gradient[i] = w.Grad()
			if !g.gradient[i].Defined() {
				g.gradient[i] = w.ZerosLike()
			}
		}
	}
}

// GradientNorm is the L2 norm over all gradients together.
func (p *parameters) GradientNorm() (norm float64) {
	tensor.Scope(func() {
		p.collect()
		var all []tensor.Tensor
		for _, g := range p.groups {
			all = append(all, g.gradient...)
		}
		norm = tensor.L2Norm(all)
	})
	return norm
}

// State is what a checkpoint must carry.
func (p *parameters) State() []*nn.Entry { return p.state }

// Free ends the life of the state.
func (p *parameters) Free() {
	for _, e := range p.state {
		e.Value.Free()
	}
}
