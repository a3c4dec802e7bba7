package model

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// mobileNet is "MobileNetV2: Inverted Residuals and Linear Bottlenecks"
// (Sandler et al. 2018, https://arxiv.org/abs/1801.04381) as torchvision
// builds it.
type mobileNet struct{ layers []layer }

var mobileNets = []network{{
	name: "mobilenet_v2", paper: "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
	source: "https://arxiv.org/abs/1801.04381", naming: "torchvision", classifier: "classifier.1",
	side: 224, classes: 1000, last: nn.Normal(0.01),
	build: func(p nn.Path, r recipe.Model, channels int) Backbone { return newMobileNet(p, channels, r.DropPath) },
}}

// mobileNetStages is the paper's table 2: expansion t, channels c, repeats n
// and the stride s of the first.
var mobileNetStages = []struct{ t, c, n, s int }{
	{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
}

// mobileNetWidth is F.
const mobileNetWidth = 1280

func newMobileNet(p nn.Path, channels int, dropPath float64) *mobileNet {
	features := p.Sub("features")
	m := &mobileNet{[]layer{newConvReLU6(features.Index(0), channels, 32, 3, 2, 1)}}
	blocks := 0
	for _, s := range mobileNetStages {
		blocks += s.n
	}
	drop, in := nn.DropPathRates(dropPath, blocks), 32
	for _, s := range mobileNetStages {
		for i := range s.n {
			stride := 1
			if i == 0 {
				stride = s.s
			}
			b := newInverted(features.Index(len(m.layers)).Sub("conv"), in, s.c, stride, s.t)
			b.drop = drop[len(m.layers)-1]
			m.layers = append(m.layers, b)
			in = s.c
		}
	}
	m.layers = append(m.layers, newConvReLU6(features.Index(len(m.layers)), in, mobileNetWidth, 1, 1, 1))
	return m
}

// Width is F: 1280.
func (m *mobileNet) Width() int { return mobileNetWidth }

// Forward maps N×C×H×W to N×F.
func (m *mobileNet) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	return inTurn(m.layers, x, training).GlobalAveragePool()
}

// convReLU6 is a convolution, its norm and ReLU6, padded to keep H×W at
// stride 1.
type convReLU6 convNorm

func newConvReLU6(p nn.Path, in, out, size, stride, groups int) convReLU6 {
	return convReLU6{
		nn.NewConv2d(p.Index(0), in, out, size, stride, (size-1)/2, nn.Groups(groups)),
		nn.NewBatchNorm(p.Index(1), out),
	}
}

func (c convReLU6) forward(x tensor.Tensor, training bool) tensor.Tensor {
	return c.bn.Forward(c.conv.Forward(x), training).ReLU6Into()
}

// inverted is the inverted residual: channels grow by 1×1, each is filtered
// on its own by 3×3, and they shrink again by 1×1 without an activation.
type inverted struct {
	wide     []convReLU6
	narrow   convNorm
	residual bool
	drop     float64
}

func newInverted(p nn.Path, in, out, stride, expansion int) *inverted {
	b := &inverted{residual: stride == 1 && in == out}
	width := in * expansion
	if expansion != 1 {
		b.wide = append(b.wide, newConvReLU6(p.Index(0), in, width, 1, 1, 1))
	}
	b.wide = append(b.wide, newConvReLU6(p.Index(len(b.wide)), width, width, 3, stride, width))
	b.narrow = convNorm{
		nn.NewConv2d(p.Index(len(b.wide)), width, out, 1, 1, 0),
		nn.NewBatchNorm(p.Index(len(b.wide)+1), out),
	}
	return b
}

func (b *inverted) forward(x tensor.Tensor, training bool) tensor.Tensor {
	y := x
	for _, c := range b.wide {
		y = c.forward(y, training)
	}
	y = b.narrow.bn.Forward(b.narrow.conv.Forward(y), training)
	if !b.residual {
		return y
	}
	return nn.DropPath(y, b.drop, training).Add(x)
}
