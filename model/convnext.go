package model

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// convNeXt is "A ConvNet for the 2020s" (Liu et al. 2022,
// https://arxiv.org/abs/2201.03545) as torchvision builds it. The norm before
// its classifier is part of the backbone, under torchvision's name.
type convNeXt struct {
	layers []layer
	norm   *nn.LayerNorm
	width  int
}

var convNeXts = []network{{
	name: "convnext_tiny", paper: "A ConvNet for the 2020s", source: "https://arxiv.org/abs/2201.03545",
	naming: "torchvision", classifier: "classifier.2", side: 224, classes: 1000, last: nn.Normal(0.02),
	build: func(p nn.Path, r recipe.Model, channels int) Backbone {
		return newConvNeXt(p, []int{3, 3, 9, 3}, 96, channels, r.DropPath)
	},
	fits: func(r recipe.Model, height, width int) error {
		if min(height, width) < 32 {
			return tooSmall(r, height, width, 32)
		}
		return nil
	},
}}

const (
	convNeXtEps = 1e-6
	// layerScale is what a fresh branch counts.
	layerScale = 1e-6
)

// newConvNeXt has so many blocks per stage; the width doubles per stage.
func newConvNeXt(p nn.Path, blocks []int, width, channels int, dropPath float64) *convNeXt {
	features := p.Sub("features")
	stem := features.Index(0)
	c := &convNeXt{width: width, layers: []layer{convNeXtStem{
		transformerConv(stem.Index(0), channels, width, 4, 4, 0), nn.NewLayerNorm(stem.Index(1), width, convNeXtEps),
	}}}
	total, done := 0, 0
	for _, count := range blocks {
		total += count
	}
	drop := nn.DropPathRates(dropPath, total)
	for stage, count := range blocks {
		if stage > 0 {
			at := features.Index(2 * stage)
			c.layers = append(c.layers, convNeXtDown{
				nn.NewLayerNorm(at.Index(0), c.width, convNeXtEps), transformerConv(at.Index(1), c.width, 2*c.width, 2, 2, 0),
			})
			c.width *= 2
		}
		for i := range count {
			c.layers = append(c.layers, newConvNeXtBlock(features.Index(2*stage+1).Index(i), c.width, drop[done]))
			done++
		}
	}
	c.norm = nn.NewLayerNorm(p.Sub("classifier").Index(0), c.width, convNeXtEps)
	return c
}

// transformerConv is a convolution with bias that starts as the linear layers
// of transformers do.
func transformerConv(p nn.Path, in, out, size, stride, padding int, opts ...nn.Option) *nn.Conv2d {
	return nn.NewConv2d(p, in, out, size, stride, padding, append(opts, nn.Bias(true), nn.Start(nn.Normal(0.02)))...)
}

// Width is F: 768 for ConvNeXt-T.
func (c *convNeXt) Width() int { return c.width }

// Forward maps N×C×H×W to N×F.
func (c *convNeXt) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	return c.norm.Forward(inTurn(c.layers, x, training).GlobalAveragePool())
}

type convNeXtStem struct {
	conv *nn.Conv2d
	norm *nn.LayerNorm
}

func (s convNeXtStem) forward(x tensor.Tensor, _ bool) tensor.Tensor {
	return s.norm.ForwardImages(s.conv.Forward(x))
}

type convNeXtDown struct {
	norm *nn.LayerNorm
	conv *nn.Conv2d
}

func (d convNeXtDown) forward(x tensor.Tensor, _ bool) tensor.Tensor {
	return d.conv.Forward(d.norm.ForwardImages(x))
}

// convNeXtBlock: 7×7 on each channel by itself, norm, and a perceptron of
// four times the width on each pixel by itself.
type convNeXtBlock struct {
	scale    *nn.Entry // C×1×1
	conv     *nn.Conv2d
	norm     *nn.LayerNorm
	up, down *nn.Linear
	drop     float64
}

func newConvNeXtBlock(p nn.Path, width int, drop float64) *convNeXtBlock {
	at, start := p.Sub("block"), nn.Start(nn.Normal(0.02))
	return &convNeXtBlock{
		scale: p.Parameter("layer_scale", func() tensor.Tensor { return p.Empty(width, 1, 1).Fill(layerScale) }),
		conv:  transformerConv(at.Index(0), width, width, 7, 1, 3, nn.Groups(width)),
		norm:  nn.NewLayerNorm(at.Index(2), width, convNeXtEps),
		up:    nn.NewLinear(at.Index(3), width, 4*width, start),
		down:  nn.NewLinear(at.Index(5), 4*width, width, start),
		drop:  drop,
	}
}

func (b *convNeXtBlock) forward(x tensor.Tensor, training bool) tensor.Tensor {
	y := b.norm.Forward(b.conv.Forward(x).Permute(0, 2, 3, 1))
	y = b.down.Forward(b.up.Forward(y).GELU()).Permute(0, 3, 1, 2)
	return nn.DropPath(y.Mul(b.scale.Value), b.drop, training).Add(x)
}
