package model

import (
	"fmt"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// ResNet is "Deep Residual Learning for Image Recognition" (He et al. 2015,
// https://arxiv.org/abs/1512.03385) as torchvision builds it: bottlenecks
// keep their stride on the 3×3 convolution ("v1.5"). The blocks are in
// residual.go.
type ResNet struct {
	stem   layer
	blocks []layer
	width  int
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
	// Groups of the 3×3 convolution of bottlenecks, and GroupWidth, its
	// channels per group in the first stage; 0 means 1 group of Width channels.
	Groups, GroupWidth int
	// D is the variant of timm's names that end in d: three 3×3 convolutions
	// as stem, and shortcuts that average 2×2 pixels before their convolution.
	D bool
	// SmallStem starts with 3×3 stride 1 and no pooling instead of 7×7
	// stride 2 and 3×3 max pooling.
	SmallStem bool
	// Channels of the images.
	Channels int
	// DropPath is the last block's probability of dropping its branch.
	DropPath float64
	// ZeroInit starts the last norm of each branch at 0.
	ZeroInit bool
}

// NarrowResNet is the name of the ResNet for small images: three stages of
// Depth basic blocks, as ResNet-20 (Depth 3, Width 16) of the paper's §4.2.
const NarrowResNet = "resnet-narrow"

// The papers of ResNet's variants.
const (
	resNetPaper, resNetURL     = "Deep Residual Learning for Image Recognition", "https://arxiv.org/abs/1512.03385"
	identityPaper, identityURL = "Identity Mappings in Deep Residual Networks", "https://arxiv.org/abs/1603.05027"
	tricksPaper, tricksURL     = "Bag of Tricks for Image Classification with Convolutional Neural Networks", "https://arxiv.org/abs/1812.01187"
	nextPaper, nextURL         = "Aggregated Residual Transformations for Deep Neural Networks", "https://arxiv.org/abs/1611.05431"
	widePaper, wideURL         = "Wide Residual Networks", "https://arxiv.org/abs/1605.07146"
)

// resNets are torchvision's shapes, and timm's where torchvision has none.
var resNets = []network{
	resNet("resnet18", resNetPaper, resNetURL, "torchvision", ResNetShape{Blocks: []int{2, 2, 2, 2}}),
	resNet("resnet34", resNetPaper, resNetURL, "torchvision", ResNetShape{Blocks: []int{3, 4, 6, 3}}),
	resNet("resnet50", resNetPaper, resNetURL, "torchvision", ResNetShape{Blocks: []int{3, 4, 6, 3}, Bottleneck: true}),
	resNet("resnet101", resNetPaper, resNetURL, "torchvision", ResNetShape{Blocks: []int{3, 4, 23, 3}, Bottleneck: true}),
	resNet("resnet152", resNetPaper, resNetURL, "torchvision", ResNetShape{Blocks: []int{3, 8, 36, 3}, Bottleneck: true}),
	resNet("resnet200", identityPaper, identityURL, "timm", ResNetShape{Blocks: []int{3, 24, 36, 3}, Bottleneck: true}),
	resNet("resnet18d", tricksPaper, tricksURL, "timm", ResNetShape{Blocks: []int{2, 2, 2, 2}, D: true}),
	resNet("resnet34d", tricksPaper, tricksURL, "timm", ResNetShape{Blocks: []int{3, 4, 6, 3}, D: true}),
	resNet("resnet50d", tricksPaper, tricksURL, "timm", ResNetShape{Blocks: []int{3, 4, 6, 3}, Bottleneck: true, D: true}),
	resNet("resnet101d", tricksPaper, tricksURL, "timm", ResNetShape{Blocks: []int{3, 4, 23, 3}, Bottleneck: true, D: true}),
	resNet("resnet152d", tricksPaper, tricksURL, "timm", ResNetShape{Blocks: []int{3, 8, 36, 3}, Bottleneck: true, D: true}),
	resNet("resnet200d", tricksPaper, tricksURL, "timm", ResNetShape{Blocks: []int{3, 24, 36, 3}, Bottleneck: true, D: true}),
	resNet("resnext50_32x4d", nextPaper, nextURL, "torchvision",
		ResNetShape{Blocks: []int{3, 4, 6, 3}, Bottleneck: true, Groups: 32, GroupWidth: 4}),
	resNet("resnext101_32x8d", nextPaper, nextURL, "torchvision",
		ResNetShape{Blocks: []int{3, 4, 23, 3}, Bottleneck: true, Groups: 32, GroupWidth: 8}),
	resNet("wide_resnet50_2", widePaper, wideURL, "torchvision",
		ResNetShape{Blocks: []int{3, 4, 6, 3}, Bottleneck: true, Groups: 1, GroupWidth: 128}),
	{
		name: NarrowResNet, paper: resNetPaper, source: resNetURL, naming: "torchvision's, three stages",
		side: 32, classes: 10, last: nn.UniformFanIn,
		build: func(p nn.Path, r recipe.Model, channels int) Backbone {
			s := ResNetShape{Blocks: []int{r.Depth, r.Depth, r.Depth}, Width: r.Width}
			return NewResNet(p, s.with(r, channels))
		},
	},
}

// resNet declares a ResNet for ImageNet.
func resNet(name, paper, source, naming string, s ResNetShape) network {
	s.Width = 64
	return network{
		name: name, paper: paper, source: source, naming: naming, side: 224, classes: 1000, last: nn.UniformFanIn,
		build: func(p nn.Path, r recipe.Model, channels int) Backbone { return NewResNet(p, s.with(r, channels)) },
	}
}

// with takes over a recipe's settings.
func (s ResNetShape) with(r recipe.Model, channels int) ResNetShape {
	s.Channels, s.SmallStem, s.DropPath, s.ZeroInit = channels, r.Stem == "small", r.DropPath, r.ZeroInitResidual
	return s
}

// NewResNet builds a ResNet at the path.
func NewResNet(p nn.Path, s ResNetShape) *ResNet {
	if s.Groups == 0 {
		s.Groups, s.GroupWidth = 1, s.Width
	}
	r := &ResNet{stem: newResNetStem(p, s), width: s.Width}
	total := 0
	for _, count := range s.Blocks {
		total += count
	}
	drop := nn.DropPathRates(s.DropPath, total)
	for stage, count := range s.Blocks {
		for i := range count {
			b := blockShape{ResNetShape: s, in: r.width, width: s.Width << stage, stride: 1, drop: drop[len(r.blocks)]}
			if i == 0 && stage > 0 {
				b.stride = 2
			}
			at := p.Sub(fmt.Sprintf("layer%d", stage+1)).Index(i)
			if s.Bottleneck {
				r.blocks = append(r.blocks, newBottleneck(at, b))
				r.width = 4 * b.width
			} else {
				r.blocks = append(r.blocks, newBasic(at, b))
				r.width = b.width
			}
		}
	}
	return r
}

// Width is F: 512 for ResNet-18 and 34, 2048 from 50 on.
func (r *ResNet) Width() int { return r.width }

// Forward maps N×C×H×W to N×F.
func (r *ResNet) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	return inTurn(append([]layer{r.stem}, r.blocks...), x, training).GlobalAveragePool()
}

// resNetStem is what comes before the first block.
type resNetStem struct {
	before  []convNorm // of the D variant
	conv1   *nn.Conv2d
	bn1     *nn.BatchNorm
	maxPool bool
}

func newResNetStem(p nn.Path, s ResNetShape) *resNetStem {
	t := &resNetStem{maxPool: !s.SmallStem}
	switch at := p.Sub("conv1"); {
	case s.SmallStem:
		t.conv1 = nn.NewConv2d(at, s.Channels, s.Width, 3, 1, 1)
	case s.D:
		half := s.Width / 2
		t.before = []convNorm{
			{nn.NewConv2d(at.Index(0), s.Channels, half, 3, 2, 1), nn.NewBatchNorm(at.Index(1), half)},
			{nn.NewConv2d(at.Index(3), half, half, 3, 1, 1), nn.NewBatchNorm(at.Index(4), half)},
		}
		t.conv1 = nn.NewConv2d(at.Index(6), half, s.Width, 3, 1, 1)
	default:
		t.conv1 = nn.NewConv2d(at, s.Channels, s.Width, 7, 2, 3)
	}
	t.bn1 = nn.NewBatchNorm(p.Sub("bn1"), s.Width)
	return t
}

func (t *resNetStem) forward(x tensor.Tensor, training bool) tensor.Tensor {
	for _, b := range t.before {
		x = b.bn.ForwardReLU(b.conv.Forward(x), training)
	}
	x = t.bn1.ForwardReLU(t.conv1.Forward(x), training)
	if t.maxPool {
		x = x.MaxPool2d(3, 2, 1)
	}
	return x
}
