package model

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// swin is "Swin Transformer: Hierarchical Vision Transformer using Shifted
// Windows" (Liu et al. 2021, https://arxiv.org/abs/2103.14030) as torchvision
// builds it. Inside, pictures are N×H×W×D. The windows are in window.go.
type swin struct {
	layers []layer
	norm   *nn.LayerNorm
	dim    int
}

const swinEps = 1e-5

var swins = []network{{
	name: "swin_t", paper: "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
	source: "https://arxiv.org/abs/2103.14030", naming: "torchvision", classifier: "head", side: 224, classes: 1000, last: nn.Normal(0.02),
	build: func(p nn.Path, r recipe.Model, channels int) Backbone {
		return newSwin(p, []int{2, 2, 6, 2}, []int{3, 6, 12, 24}, 96, 7, channels, r.DropPath)
	},
	fits: func(r recipe.Model, height, width int) error {
		if min(height, width) < swinPatch {
			return tooSmall(r, height, width, swinPatch)
		}
		return nil
	},
}}

// newSwin has so many blocks and heads per stage; the width doubles per stage.
func newSwin(p nn.Path, blocks, heads []int, dim, window, channels int, dropPath float64) *swin {
	features := p.Sub("features")
	stem := features.Index(0)
	s := &swin{dim: dim, layers: []layer{swinStem{
		nn.NewConv2d(stem.Index(0), channels, dim, swinPatch, swinPatch, 0, nn.Bias(true), nn.Start(nn.UniformFanIn)),
		nn.NewLayerNorm(stem.Index(2), dim, swinEps),
	}}}
	total, done := 0, 0
	for _, count := range blocks {
		total += count
	}
	drop := nn.DropPathRates(dropPath, total)
	for stage, count := range blocks {
		if stage > 0 {
			s.layers = append(s.layers, newPatchMerging(features.Index(2*stage), s.dim))
			s.dim *= 2
		}
		for i := range count {
			shift := i % 2 * (window / 2)
			s.layers = append(s.layers, newSwinBlock(features.Index(2*stage+1).Index(i), s.dim, heads[stage], window, shift, drop[done]))
			done++
		}
	}
	s.norm = nn.NewLayerNorm(p.Sub("norm"), s.dim, swinEps)
	return s
}

// swinPatch is the side of the patches that the first layer makes tokens of.
const swinPatch = 4

// Width is F: 768 for Swin-T.
func (s *swin) Width() int { return s.dim }

// Forward maps N×C×H×W to N×F.
func (s *swin) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	x = s.norm.Forward(inTurn(s.layers, x, training))
	shape := x.Shape()
	return x.View(shape[0], shape[1]*shape[2], shape[3]).MeanDim(1)
}

// swinStem maps N×C×H×W to N×H/4×W/4×D.
type swinStem struct {
	conv *nn.Conv2d
	norm *nn.LayerNorm
}

func (s swinStem) forward(x tensor.Tensor, _ bool) tensor.Tensor {
	return s.norm.Forward(s.conv.Forward(x).Permute(0, 2, 3, 1))
}

// patchMerging maps N×H×W×D to N×H/2×W/2×2D: the four tokens of 2×2 become one.
type patchMerging struct {
	reduction *nn.Linear
	norm      *nn.LayerNorm
}

func newPatchMerging(p nn.Path, dim int) patchMerging {
	return patchMerging{
		nn.NewLinear(p.Sub("reduction"), 4*dim, 2*dim, nn.Bias(false), nn.Start(nn.Normal(0.02))),
		nn.NewLayerNorm(p.Sub("norm"), 4*dim, swinEps),
	}
}

func (m patchMerging) forward(x tensor.Tensor, _ bool) tensor.Tensor {
	s := x.Shape()
	n, height, width, dim := s[0], (s[1]+1)/2, (s[2]+1)/2, s[3]
	if s[1]%2+s[2]%2 > 0 {
		x = x.Pad(0, 0, 0, s[2]%2, 0, s[1]%2)
	}
	// The order of the four is down, then right: columns outside, rows inside.
	x = x.View(n, height, 2, width, 2, dim).Permute(0, 1, 3, 4, 2, 5).Reshape(n, height, width, 4*dim)
	return m.reduction.Forward(m.norm.Forward(x))
}

// swinBlock is attention inside windows, then a perceptron on each token.
type swinBlock struct {
	norm1, norm2 *nn.LayerNorm
	attn         *windowAttention
	mlp          mlp
	drop         float64
}

func newSwinBlock(p nn.Path, dim, heads, window, shift int, drop float64) *swinBlock {
	return &swinBlock{
		norm1: nn.NewLayerNorm(p.Sub("norm1"), dim, swinEps),
		attn:  newWindowAttention(p.Sub("attn"), dim, heads, window, shift),
		norm2: nn.NewLayerNorm(p.Sub("norm2"), dim, swinEps),
		mlp:   newMLP(p.Sub("mlp").Index(0), p.Sub("mlp").Index(3), dim),
		drop:  drop,
	}
}

func (b *swinBlock) forward(x tensor.Tensor, training bool) tensor.Tensor {
	x = nn.DropPath(b.attn.forward(b.norm1.Forward(x)), b.drop, training).Add(x)
	return nn.DropPath(b.mlp.forward(b.norm2.Forward(x)), b.drop, training).Add(x)
}
