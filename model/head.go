package model

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// head is the projection head: L times Linear [BN] ReLU, then Linear to D.
// With L = 0 it is the identity.
type head struct {
	hidden []hidden
	last   *nn.Linear
}

type hidden struct {
	linear *nn.Linear
	bn     *nn.BatchNorm // nil without batch normalisation
}

// newHead names the layers by their place in the authors' nn.Sequential,
// where a ReLU counts too.
func newHead(p nn.Path, r recipe.Head, features int) (*head, int) {
	h := &head{}
	if r.Layers == 0 {
		return h, features
	}
	width := r.Hidden
	if width == 0 {
		width = max(2*features, 4096)
	}
	place, in := 0, features
	next := func() nn.Path {
		place++
		return p.Index(place - 1)
	}
	for range r.Layers {
		layer := hidden{linear: nn.NewLinear(next(), in, width)}
		if r.BatchNorm {
			layer.bn = nn.NewBatchNorm(next(), width)
		}
		next() // the ReLU
		h.hidden = append(h.hidden, layer)
		in = width
	}
	h.last = nn.NewLinear(next(), width, r.Dim)
	return h, r.Dim
}

// forward maps N×F to N×D.
func (h *head) forward(x tensor.Tensor, training bool) tensor.Tensor {
	for _, l := range h.hidden {
		x = l.linear.Forward(x)
		if l.bn != nil {
			x = l.bn.ForwardReLU(x, training)
		} else {
			x = x.ReLU()
		}
	}
	if h.last == nil {
		return x
	}
	return h.last.Forward(x)
}
