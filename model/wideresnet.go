package model

import (
	"fmt"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// wideResNet is "Wide Residual Networks" (Zagoruyko and Komodakis 2016,
// https://arxiv.org/abs/1605.07146) for pictures of 32×32: norm and ReLU come
// before each convolution, and dropout between a block's two. Neither
// torchvision nor timm has it; the parameters have the names of its most
// used program, https://github.com/xternalz/WideResNet-pytorch.
type wideResNet struct {
	layers []layer
	width  int
}

const wideResNet28 = "wrn-28-10"

// wideResNets: 28 layers, 4 blocks in each of the three stages, 10 times wide.
var wideResNets = []network{{
	name: wideResNet28, paper: widePaper, source: wideURL, naming: "xternalz/WideResNet-pytorch",
	side: 32, classes: 10, last: nn.UniformFanIn, ownDropout: true,
	build: func(p nn.Path, r recipe.Model, channels int) Backbone {
		return newWideResNet(p, 28, 10, channels, r.Dropout, r.DropPath)
	},
}}

func newWideResNet(p nn.Path, depth, widen, channels int, dropout, dropPath float64) *wideResNet {
	count := (depth - 4) / 6
	drop := nn.DropPathRates(dropPath, 3*count)
	w := &wideResNet{
		layers: []layer{plainConv{nn.NewConv2d(p.Sub("conv1"), channels, 16, 3, 1, 1)}},
		width:  16,
	}
	for stage := range 3 {
		out := 16 * widen << stage
		at := p.Sub(fmt.Sprintf("block%d", stage+1)).Sub("layer")
		for i := range count {
			stride := 1
			if i == 0 && stage > 0 {
				stride = 2
			}
			b := newWideBlock(at.Index(i), w.width, out, stride)
			b.dropout, b.drop = dropout, drop[len(w.layers)-1]
			w.layers = append(w.layers, b)
			w.width = out
		}
	}
	w.layers = append(w.layers, normReLU{nn.NewBatchNorm(p.Sub("bn1"), w.width)})
	return w
}

// Width is F: 640 for WRN-28-10.
func (w *wideResNet) Width() int { return w.width }

// Forward maps N×C×H×W to N×F.
func (w *wideResNet) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	return inTurn(w.layers, x, training).GlobalAveragePool()
}

type plainConv struct{ conv *nn.Conv2d }

func (c plainConv) forward(x tensor.Tensor, _ bool) tensor.Tensor { return c.conv.Forward(x) }

type normReLU struct{ bn *nn.BatchNorm }

func (n normReLU) forward(x tensor.Tensor, training bool) tensor.Tensor {
	return n.bn.ForwardReLU(x, training)
}

// wideBlock is the paper's B(3,3).
type wideBlock struct {
	bn1, bn2      *nn.BatchNorm
	conv1, conv2  *nn.Conv2d
	shortcut      *nn.Conv2d // nil where the shape stays
	dropout, drop float64
}

func newWideBlock(p nn.Path, in, out, stride int) *wideBlock {
	b := &wideBlock{
		bn1:   nn.NewBatchNorm(p.Sub("bn1"), in),
		conv1: nn.NewConv2d(p.Sub("conv1"), in, out, 3, stride, 1),
		bn2:   nn.NewBatchNorm(p.Sub("bn2"), out),
		conv2: nn.NewConv2d(p.Sub("conv2"), out, out, 3, 1, 1),
	}
	if in != out {
		b.shortcut = nn.NewConv2d(p.Sub("convShortcut"), in, out, 1, stride, 0)
	}
	return b
}

// forward: where the shape changes, the shortcut begins after the first norm.
func (b *wideBlock) forward(x tensor.Tensor, training bool) tensor.Tensor {
	active := b.bn1.ForwardReLU(x, training)
	y := b.bn2.ForwardReLU(b.conv1.Forward(active), training)
	y = b.conv2.Forward(nn.Dropout(y, b.dropout, training))
	if b.shortcut != nil {
		x = b.shortcut.Forward(active)
	}
	return nn.DropPath(y, b.drop, training).Add(x)
}
