package nn

import "cone/tensor"

// LayerNorm normalises each position over its channels (Ba et al. 2016,
// https://arxiv.org/abs/1607.06450).
type LayerNorm struct {
	Weight, Bias *Entry // C

	eps float64
}

// NewLayerNorm starts with weight 1 and bias 0.
func NewLayerNorm(p Path, channels int, eps float64) *LayerNorm {
	return &LayerNorm{
		Weight: p.Parameter("weight", func() tensor.Tensor { return p.Empty(channels).Fill(1) }),
		Bias:   p.Parameter("bias", func() tensor.Tensor { return p.Empty(channels).Zero() }),
		eps:    eps,
	}
}

// Forward normalises N×…×C over C, in the weights' element type: autocast
// leaves the operator alone on a CPU, and there it mixes no types.
func (l *LayerNorm) Forward(x tensor.Tensor) tensor.Tensor {
	if d := l.Weight.Value.DType(); x.DType() != d {
		x = x.ToDType(d)
	}
	return x.LayerNorm(l.Weight.Value, l.Bias.Value, l.eps)
}

// ForwardImages normalises N×C×H×W over C; the result lies channels_last.
func (l *LayerNorm) ForwardImages(x tensor.Tensor) tensor.Tensor {
	return l.Forward(x.Permute(0, 2, 3, 1)).Permute(0, 3, 1, 2)
}
