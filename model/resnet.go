// Package model holds the backbones, one file each, and the encoder that
// puts a projection head and a classifier on top.
package model

import (
	"fmt"
	"sort"

	"cone/nn"
	"cone/tensor"
)

// Backbone turns images into features.
type Backbone interface {
	// Forward maps N×C×H×W to N×F.
	Forward(x tensor.Tensor, training bool) tensor.Tensor
	// Width is F.
	Width() int
}

// ResNet is "Deep Residual Learning for Image Recognition" (He et al. 2015,
// https://arxiv.org/abs/1512.03385) as torchvision builds it: bottlenecks
// keep their stride on the 3×3 convolution ("v1.5").
type ResNet struct {
	conv1   *nn.Conv2d
	bn1     *nn.BatchNorm
	maxPool bool
	blocks  []residual
	width   int
}

type residual interface {
	forward(x tensor.Tensor, training bool) tensor.Tensor
}

// ResNetShape is what distinguishes one ResNet from another.
type ResNetShape struct {
	// Blocks per stage; each stage but the first halves H and W.
	Blocks []int
	// Bottleneck picks 1×1, 3×3, 1×1 blocks with four times the width at
	// their end, instead of two 3×3.
	Bottleneck bool
	// Width of the first stage; it doubles per stage.
	Width int
	// SmallStem starts with 3×3 stride 1 and no pooling instead of 7×7
	// stride 2 and 3×3 max pooling.
	SmallStem bool
	// Channels of the images.
	Channels int
}

// resNets are torchvision's shapes (200: He et al. 2016, https://arxiv.org/abs/1603.05027).
var resNets = map[string]ResNetShape{
	"resnet18":  {Blocks: []int{2, 2, 2, 2}, Width: 64},
	"resnet34":  {Blocks: []int{3, 4, 6, 3}, Width: 64},
	"resnet50":  {Blocks: []int{3, 4, 6, 3}, Width: 64, Bottleneck: true},
	"resnet101": {Blocks: []int{3, 4, 23, 3}, Width: 64, Bottleneck: true},
	"resnet152": {Blocks: []int{3, 8, 36, 3}, Width: 64, Bottleneck: true},
	"resnet200": {Blocks: []int{3, 24, 36, 3}, Width: 64, Bottleneck: true},
}

// NarrowResNet is the name of the ResNet for small images: three stages of
// Depth basic blocks, as ResNet-20 (Depth 3, Width 16) of the paper's §4.2.
const NarrowResNet = "resnet-narrow"

// Names lists the backbones.
func Names() []string {
	names := []string{NarrowResNet}
	for n := range resNets {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// NewResNet builds a ResNet at the path.
func NewResNet(p nn.Path, s ResNetShape) *ResNet {
	r := &ResNet{maxPool: !s.SmallStem}
	if s.SmallStem {
		r.conv1 = nn.NewConv2d(p.Sub("conv1"), s.Channels, s.Width, 3, 1, 1)
	} else {
		r.conv1 = nn.NewConv2d(p.Sub("conv1"), s.Channels, s.Width, 7, 2, 3)
	}
	r.bn1 = nn.NewBatchNorm(p.Sub("bn1"), s.Width)
	in := s.Width
	for stage, count := range s.Blocks {
		width := s.Width << stage
		at := p.Sub(fmt.Sprintf("layer%d", stage+1))
		for i := range count {
			stride := 1
			if i == 0 && stage > 0 {
				stride = 2
			}
			if s.Bottleneck {
				r.blocks = append(r.blocks, newBottleneck(at.Index(i), in, width, stride))
				in = 4 * width
			} else {
				r.blocks = append(r.blocks, newBasic(at.Index(i), in, width, stride))
				in = width
			}
		}
	}
	r.width = in
	return r
}

// Width is F: 512 for ResNet-18 and 34, 2048 from 50 on.
func (r *ResNet) Width() int { return r.width }

// Forward maps N×C×H×W to N×F. What one block no longer needs is freed
// before the next begins, unless autograd holds it.
func (r *ResNet) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	x = tensor.ScopeOf(func() tensor.Tensor {
		y := r.bn1.ForwardReLU(r.conv1.Forward(x), training)
		if r.maxPool {
			y = y.MaxPool2d(3, 2, 1)
		}
		return y
	})
	for _, b := range r.blocks {
		y := tensor.ScopeOf(func() tensor.Tensor { return b.forward(x, training) })
		x.Drop()
		x = y
	}
	return x.GlobalAveragePool()
}

// shortcut matches the shape of a block's input to its output.
type shortcut struct {
	conv *nn.Conv2d
	bn   *nn.BatchNorm
}

func newShortcut(p nn.Path, in, out, stride int) *shortcut {
	if in == out && stride == 1 {
		return nil
	}
	return &shortcut{nn.NewConv2d(p.Index(0), in, out, 1, stride, 0), nn.NewBatchNorm(p.Index(1), out)}
}

func (s *shortcut) forward(x tensor.Tensor, training bool) tensor.Tensor {
	if s == nil {
		return x
	}
	return s.bn.Forward(s.conv.Forward(x), training)
}

// basic is the block of ResNet-18 and 34: two 3×3 convolutions.
type basic struct {
	conv1, conv2 *nn.Conv2d
	bn1, bn2     *nn.BatchNorm
	down         *shortcut
}

func newBasic(p nn.Path, in, width, stride int) *basic {
	return &basic{
		conv1: nn.NewConv2d(p.Sub("conv1"), in, width, 3, stride, 1),
		bn1:   nn.NewBatchNorm(p.Sub("bn1"), width),
		conv2: nn.NewConv2d(p.Sub("conv2"), width, width, 3, 1, 1),
		bn2:   nn.NewBatchNorm(p.Sub("bn2"), width),
		down:  newShortcut(p.Sub("downsample"), in, width, stride),
	}
}

func (b *basic) forward(x tensor.Tensor, training bool) tensor.Tensor {
	y := b.bn1.ForwardReLU(b.conv1.Forward(x), training)
	return b.bn2.ForwardAddReLU(b.conv2.Forward(y), b.down.forward(x, training), training)
}

// bottleneck is the block of ResNet-50 and deeper.
type bottleneck struct {
	conv1, conv2, conv3 *nn.Conv2d
	bn1, bn2, bn3       *nn.BatchNorm
	down                *shortcut
}

func newBottleneck(p nn.Path, in, width, stride int) *bottleneck {
	return &bottleneck{
		conv1: nn.NewConv2d(p.Sub("conv1"), in, width, 1, 1, 0),
		bn1:   nn.NewBatchNorm(p.Sub("bn1"), width),
		conv2: nn.NewConv2d(p.Sub("conv2"), width, width, 3, stride, 1),
		bn2:   nn.NewBatchNorm(p.Sub("bn2"), width),
		conv3: nn.NewConv2d(p.Sub("conv3"), width, 4*width, 1, 1, 0),
		bn3:   nn.NewBatchNorm(p.Sub("bn3"), 4*width),
		down:  newShortcut(p.Sub("downsample"), in, 4*width, stride),
	}
}

func (b *bottleneck) forward(x tensor.Tensor, training bool) tensor.Tensor {
	y := b.bn1.ForwardReLU(b.conv1.Forward(x), training)
	y = b.bn2.ForwardReLU(b.conv2.Forward(y), training)
	return b.bn3.ForwardAddReLU(b.conv3.Forward(y), b.down.forward(x, training), training)
}
