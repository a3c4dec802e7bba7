package model

import (
	"fmt"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// vit is "An Image is Worth 16x16 Words: Transformers for Image Recognition at
// Scale" (Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929) in the
// small size of DeiT (Touvron et al. 2020, https://arxiv.org/abs/2012.12877)
// as timm builds it. Its features are the class token after the last norm.
type vit struct {
	class, position *nn.Entry // 1×1×D and 1×(1+patches)×D
	patch           *nn.Conv2d
	blocks          []layer
	norm            *nn.LayerNorm
	dim             int
}

const (
	visionTransformer = "vit_small_patch16"
	patchSize         = 16
	vitEps            = 1e-6
)

var visionTransformers = []network{{
	name: visionTransformer, paper: "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
	source: "https://arxiv.org/abs/2010.11929", naming: "timm", timm: "vit_small_patch16_224", classifier: "head", side: 224, classes: 1000, last: nn.Normal(0.02),
	build: func(p nn.Path, r recipe.Model, channels int) Backbone {
		return newViT(p, 384, 12, 6, r.ImageSize/patchSize, channels, r.DropPath)
	},
	fits: func(r recipe.Model, height, width int) error {
		switch {
		case height != width || height%patchSize != 0:
			return fmt.Errorf("model.backbone %s cuts pictures into patches of %d×%d, and %d×%d cannot be cut so: choose square pictures whose side is a multiple of %d",
				r.Backbone, patchSize, patchSize, height, width, patchSize)
		case height != r.ImageSize:
			return fmt.Errorf("model.image_size is %d but the pictures are %d×%d: give training and test pictures this size, for %s has one position for each patch",
				r.ImageSize, height, width, r.Backbone)
		}
		return nil
	},
}}

func newViT(p nn.Path, dim, depth, heads, side, channels int, dropPath float64) *vit {
	v := &vit{dim: dim}
	v.class = p.Parameter("cls_token", func() tensor.Tensor { return p.Empty(1, 1, dim).Normal(0, 1e-6) })
	v.position = p.Parameter("pos_embed", func() tensor.Tensor { return p.Empty(1, 1+side*side, dim).Normal(0, 0.02) })
	v.patch = nn.NewConv2d(p.Sub("patch_embed").Sub("proj"), channels, dim, patchSize, patchSize, 0,
		nn.Bias(true), nn.Start(nn.UniformFanIn))
	for i, drop := range nn.DropPathRates(dropPath, depth) {
		at := p.Sub("blocks").Index(i)
		v.blocks = append(v.blocks, &vitBlock{
			norm1: nn.NewLayerNorm(at.Sub("norm1"), dim, vitEps),
			attn:  nn.NewAttention(at.Sub("attn"), dim, heads, nn.Start(nn.Normal(0.02))),
			norm2: nn.NewLayerNorm(at.Sub("norm2"), dim, vitEps),
			mlp:   newMLP(at.Sub("mlp").Sub("fc1"), at.Sub("mlp").Sub("fc2"), dim),
			drop:  drop,
		})
	}
	v.norm = nn.NewLayerNorm(p.Sub("norm"), dim, vitEps)
	return v
}

// Width is F: 384 for ViT-S.
func (v *vit) Width() int { return v.dim }

// Forward maps N×C×H×W to N×F.
func (v *vit) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	x = inTurn(append([]layer{embedding{v}}, v.blocks...), x, training)
	return v.norm.Forward(x.Select(1, 0))
}

// embedding maps N×C×H×W to the tokens N×(1+patches)×D.
type embedding struct{ *vit }

func (e embedding) forward(x tensor.Tensor, _ bool) tensor.Tensor {
	patches := e.patch.Forward(x).Flatten(2).Transpose(1, 2)
	class := e.class.Value.Expand(patches.Dim(0), 1, e.dim)
	return tensor.Cat([]tensor.Tensor{class, patches}, 1).Add(e.position.Value)
}

// vitBlock is attention among the tokens, then a perceptron on each.
type vitBlock struct {
	norm1, norm2 *nn.LayerNorm
	attn         *nn.Attention
	mlp          mlp
	drop         float64
}

func (b *vitBlock) forward(x tensor.Tensor, training bool) tensor.Tensor {
	x = nn.DropPath(b.attn.Forward(b.norm1.Forward(x), tensor.Tensor{}), b.drop, training).Add(x)
	return nn.DropPath(b.mlp.forward(b.norm2.Forward(x)), b.drop, training).Add(x)
}

// mlp is a transformer's perceptron with four times the width inside.
type mlp struct{ up, down *nn.Linear }

func newMLP(up, down nn.Path, dim int) mlp {
	start := nn.Start(nn.Normal(0.02))
	return mlp{nn.NewLinear(up, dim, 4*dim, start), nn.NewLinear(down, 4*dim, dim, start)}
}

func (m mlp) forward(x tensor.Tensor) tensor.Tensor { return m.down.Forward(m.up.Forward(x).GELU()) }
