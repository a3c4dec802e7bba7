package model

import (
	"cone/nn"
	"cone/tensor"
)

// classifier is the last layer. Without a bias it is angular.
type classifier struct {
	linear *nn.Linear
	scale  float64 // of the cosine; 0: plain products
}

// newLinearClassifier has a bias.
func newLinearClassifier(p nn.Path, in, classes int, start nn.Init) *classifier {
	return &classifier{linear: nn.NewLinear(p, in, classes, nn.Start(start))}
}

// newAngularClassifier has none.
func newAngularClassifier(p nn.Path, in, classes int, start nn.Init, scale float64) *classifier {
	return &classifier{linear: nn.NewLinear(p, in, classes, nn.Start(start), nn.Bias(false)), scale: scale}
}

// forward maps N×in to N×C.
func (c *classifier) forward(x tensor.Tensor) tensor.Tensor {
	if c.scale == 0 {
		return c.linear.Forward(x)
	}
	return Cosines(x, c.linear.Weight.Value).Scale(c.scale)
}

// Cosines are those of the angles between the rows of x (N×D) and of the class
// weights (C×D): N×C. A row without length has the cosine 0 with everything.
func Cosines(x, weights tensor.Tensor) tensor.Tensor {
	unit := func(t tensor.Tensor) tensor.Tensor { return t.Div(t.NormDim(1).ClampMin(1e-12)) }
	return unit(x).Linear(unit(weights), tensor.Tensor{})
}
