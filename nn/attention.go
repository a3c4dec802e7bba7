package nn

import "cone/tensor"

// Attention is multi-head self-attention ("Attention Is All You Need", Vaswani
// et al. 2017, §3.2, https://arxiv.org/abs/1706.03762), with queries, keys and
// values from one linear layer.
type Attention struct {
	qkv, proj *Linear
	heads     int
	cost      *Cost
}

// NewAttention has the layers qkv and proj at the path.
func NewAttention(p Path, dim, heads int, opts ...Option) *Attention {
	return &Attention{
		qkv:   NewLinear(p.Sub("qkv"), dim, 3*dim, opts...),
		proj:  NewLinear(p.Sub("proj"), dim, dim, opts...),
		heads: heads,
		cost:  p.cost(),
	}
}

// Forward maps N×…×T×D to the same shape; each of the T positions looks at
// all T. The bias, which may be undefined, is added to the attention's logits
// N×…×heads×T×T with broadcasting.
func (a *Attention) Forward(x, bias tensor.Tensor) tensor.Tensor {
	shape := x.Shape()
	lead := len(shape) - 2 // N and what else comes before T
	positions, dim := shape[lead], shape[lead+1]
	y := a.qkv.Forward(x).View(append(shape[:lead:lead], positions, 3, a.heads, dim/a.heads)...)
	// …×T×3×heads×d to 3×…×heads×T×d
	order := []int{lead + 1}
	for i := range lead {
		order = append(order, i)
	}
	y = y.Permute(append(order, lead+2, lead, lead+3)...)
	y = tensor.Attention(y.Select(0, 0), y.Select(0, 1), y.Select(0, 2), bias)
	a.count(y, positions)
	return a.proj.Forward(y.Transpose(lead, lead+1).Reshape(shape...))
}

// count adds the two matrix products that gave N×…×heads×T×d.
func (a *Attention) count(y tensor.Tensor, positions int) {
	if a.cost == nil {
		return
	}
	perHead := y.Dim(-1)
	a.cost.add(y, positions)
	// The logits have T instead of d columns.
	logits := y.Narrow(-1, 0, 1).Expand(append(y.Shape()[:len(y.Shape())-1], positions)...)
	a.cost.add(logits, perHead)
}
