package model

import (
	"math"

	"cone/nn"
	"cone/tensor"
)

// classifier is the last layer. Without a bias it is angular.
type classifier struct {
	weight, bias *nn.Entry // C×in, C
	scale        float64   // of the cosine; 0: plain products
}

// newLinearClassifier is torch.nn.Linear.
func newLinearClassifier(p nn.Path, in, classes int) *classifier {
	l := nn.NewLinear(p, in, classes)
	return &classifier{weight: l.Weight, bias: l.Bias}
}

// newAngularClassifier initialises its weights as torch.nn.Linear.
func newAngularClassifier(p nn.Path, in, classes int, scale float64) *classifier {
	bound := 1 / math.Sqrt(float64(in))
	weight := p.Parameter("weight", func() tensor.Tensor { return p.Empty(classes, in).Uniform(-bound, bound) })
	return &classifier{weight: weight, scale: scale}
}

// forward maps N×in to N×C.
func (c *classifier) forward(x tensor.Tensor) tensor.Tensor {
	switch {
	case c.bias != nil:
		return x.Linear(c.weight.Value, c.bias.Value)
	case c.scale == 0:
		return x.Linear(c.weight.Value, tensor.Tensor{})
	}
	return Cosines(x, c.weight.Value).Scale(c.scale)
}

// Cosines are those of the angles between the rows of x (N×D) and of the class
// weights (C×D): N×C. A row without length has the cosine 0 with everything.
func Cosines(x, weights tensor.Tensor) tensor.Tensor {
	unit := func(t tensor.Tensor) tensor.Tensor { return t.Div(t.NormDim(1).ClampMin(1e-12)) }
	return unit(x).Linear(unit(weights), tensor.Tensor{})
}
