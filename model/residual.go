package model

import (
	"cone/nn"
	"cone/tensor"
)

// convNorm is a convolution and its norm.
type convNorm struct {
	conv *nn.Conv2d
	bn   *nn.BatchNorm
}

// blockShape is what a ResNet's block needs to know.
type blockShape struct {
	ResNetShape
	in, width, stride int
	// drop is the probability of dropping the branch.
	drop float64
}

// residualEnd ends a block: norm of the branch, shortcut added, ReLU.
type residualEnd struct {
	bn   *nn.BatchNorm
	down *shortcut
	drop float64
}

func newResidualEnd(bn *nn.BatchNorm, down *shortcut, s blockShape) residualEnd {
	if s.ZeroInit {
		bn.ZeroWeight()
	}
	return residualEnd{bn, down, s.drop}
}

// forward takes the branch before its last norm, and the block's input.
func (e residualEnd) forward(branch, x tensor.Tensor, training bool) tensor.Tensor {
	if training && e.drop > 0 {
		branch = nn.DropPath(e.bn.Forward(branch, training), e.drop, training)
		return branch.Add(e.down.forward(x, training)).ReLUInto()
	}
	return e.bn.ForwardAddReLU(branch, e.down.forward(x, training), training)
}

// shortcut matches the shape of a block's input to its output.
type shortcut struct {
	convNorm
	// average takes the mean of 2×2 pixels instead of leaving out three of
	// four (the D variant).
	average bool
}

func newShortcut(p nn.Path, s blockShape, out int) *shortcut {
	switch {
	case s.in == out && s.stride == 1:
		return nil
	case s.D: // timm counts the pooling as a layer
		return &shortcut{convNorm{nn.NewConv2d(p.Index(1), s.in, out, 1, 1, 0), nn.NewBatchNorm(p.Index(2), out)}, s.stride > 1}
	}
	return &shortcut{convNorm{nn.NewConv2d(p.Index(0), s.in, out, 1, s.stride, 0), nn.NewBatchNorm(p.Index(1), out)}, false}
}

func (s *shortcut) forward(x tensor.Tensor, training bool) tensor.Tensor {
	if s == nil {
		return x
	}
	if s.average {
		x = x.AveragePool2d(2, 2)
	}
	return s.bn.Forward(s.conv.Forward(x), training)
}

// basic is the block of ResNet-18 and 34: two 3×3 convolutions.
type basic struct {
	conv1, conv2 *nn.Conv2d
	bn1          *nn.BatchNorm
	end          residualEnd
}

func newBasic(p nn.Path, s blockShape) *basic {
	b := &basic{
		conv1: nn.NewConv2d(p.Sub("conv1"), s.in, s.width, 3, s.stride, 1),
		bn1:   nn.NewBatchNorm(p.Sub("bn1"), s.width),
		conv2: nn.NewConv2d(p.Sub("conv2"), s.width, s.width, 3, 1, 1),
	}
	bn2 := nn.NewBatchNorm(p.Sub("bn2"), s.width)
	b.end = newResidualEnd(bn2, newShortcut(p.Sub("downsample"), s, s.width), s)
	return b
}

func (b *basic) forward(x tensor.Tensor, training bool) tensor.Tensor {
	y := b.bn1.ForwardReLU(b.conv1.Forward(x), training)
	return b.end.forward(b.conv2.Forward(y), x, training)
}

// bottleneck is the block of ResNet-50 and deeper, of ResNeXt (whose 3×3
// convolution has groups) and of Wide-ResNet-50-2 (where it is twice as wide).
type bottleneck struct {
	conv1, conv2, conv3 *nn.Conv2d
	bn1, bn2            *nn.BatchNorm
	end                 residualEnd
}

func newBottleneck(p nn.Path, s blockShape) *bottleneck {
	inner, out := s.Groups*s.GroupWidth*s.width/s.Width, 4*s.width
	b := &bottleneck{
		conv1: nn.NewConv2d(p.Sub("conv1"), s.in, inner, 1, 1, 0),
		bn1:   nn.NewBatchNorm(p.Sub("bn1"), inner),
		conv2: nn.NewConv2d(p.Sub("conv2"), inner, inner, 3, s.stride, 1, nn.Groups(s.Groups)),
		bn2:   nn.NewBatchNorm(p.Sub("bn2"), inner),
		conv3: nn.NewConv2d(p.Sub("conv3"), inner, out, 1, 1, 0),
	}
	bn3 := nn.NewBatchNorm(p.Sub("bn3"), out)
	b.end = newResidualEnd(bn3, newShortcut(p.Sub("downsample"), s, out), s)
	return b
}

func (b *bottleneck) forward(x tensor.Tensor, training bool) tensor.Tensor {
	y := b.bn1.ForwardReLU(b.conv1.Forward(x), training)
	y = b.bn2.ForwardReLU(b.conv2.Forward(y), training)
	return b.end.forward(b.conv3.Forward(y), x, training)
}
