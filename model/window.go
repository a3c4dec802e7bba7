package model

import (
	"cone/nn"
	"cone/tensor"
)

// windowAttention is attention inside windows of size×size tokens, with a
// learnt bias for each relative position and head (§3.2 of the Swin paper).
// Every other block has its windows shifted, so that they overlap the others'.
type windowAttention struct {
	table, index *nn.Entry // (2·size−1)²×heads, and size⁴ rows of it
	attention    *nn.Attention
	size, shift  int
	heads        int
	on           tensor.Device
}

func newWindowAttention(p nn.Path, dim, heads, size, shift int) *windowAttention {
	places := (2*size - 1) * (2*size - 1)
	return &windowAttention{
		table: p.Parameter("relative_position_bias_table", func() tensor.Tensor {
			return p.Empty(places, heads).Normal(0, 0.02)
		}),
		index: p.Buffer("relative_position_index", func() tensor.Tensor {
			rows := relativePositions(size)
			return tensor.From(rows, len(rows)).ToDevice(p.Device())
		}),
		attention: nn.NewAttention(p, dim, heads, nn.Start(nn.Normal(0.02))),
		size:      size, shift: shift, heads: heads, on: p.Device(),
	}
}

// relativePositions gives, for each pair of a window's tokens, the row of the
// bias table for the way from the second to the first.
func relativePositions(size int) []int64 {
	var rows []int64
	for a := range size * size {
		for b := range size * size {
			down, right := a/size-b/size+size-1, a%size-b%size+size-1
			rows = append(rows, int64(down*(2*size-1)+right))
		}
	}
	return rows
}

// forward maps N×H×W×D to the same shape. Pictures that windows do not divide
// get zeros at the right and below.
func (w *windowAttention) forward(x tensor.Tensor) tensor.Tensor {
	shape := x.Shape()
	n, height, width, dim := shape[0], w.padded(shape[1]), w.padded(shape[2]), shape[3]
	if height > shape[1] || width > shape[2] {
		x = x.Pad(0, 0, 0, width-shape[2], 0, height-shape[1])
	}
	down, right := w.shiftOf(height), w.shiftOf(width)
	bias := w.bias()
	if down+right > 0 {
		x = x.Roll([]int{-down, -right}, []int{1, 2})
		bias = bias.Add(w.mask(height, width, down, right))
	}
	rows, columns := height/w.size, width/w.size
	x = x.View(n, rows, w.size, columns, w.size, dim).Permute(0, 1, 3, 2, 4, 5)
	x = w.attention.Forward(x.Reshape(n, rows*columns, w.size*w.size, dim), bias)
	x = x.View(n, rows, columns, w.size, w.size, dim).Permute(0, 1, 3, 2, 4, 5).Reshape(n, height, width, dim)
	if down+right > 0 {
		x = x.Roll([]int{down, right}, []int{1, 2})
	}
	return x.Narrow(1, 0, shape[1]).Narrow(2, 0, shape[2])
}

// padded is the smallest multiple of the window that holds a side.
func (w *windowAttention) padded(side int) int { return (side + w.size - 1) / w.size * w.size }

// shiftOf is 0 where one window sees the whole side.
func (w *windowAttention) shiftOf(side int) int {
	if side <= w.size {
		return 0
	}
	return w.shift
}

// bias is 1×heads×size²×size².
func (w *windowAttention) bias() tensor.Tensor {
	tokens := w.size * w.size
	return w.table.Value.IndexSelect(0, w.index.Value).View(tokens, tokens, w.heads).Permute(2, 0, 1).Unsqueeze(0)
}

// mask is windows×1×size²×size²: −100 between tokens that only the shift,
// which is a circle, put side by side, else 0.
func (w *windowAttention) mask(height, width, down, right int) tensor.Tensor {
	// A side falls into what no window shares with the wrapped part, the rest
	// of the last window, and the wrapped part.
	part := func(at, side, shift int) int {
		switch {
		case at < side-w.size:
			return 0
		case at < side-shift:
			return 1
		}
		return 2
	}
	var parts []float64
	for top := 0; top < height; top += w.size {
		for left := 0; left < width; left += w.size {
			for token := range w.size * w.size {
				y, x := top+token/w.size, left+token%w.size
				parts = append(parts, float64(3*part(y, height, down)+part(x, width, right)))
			}
		}
	}
	tokens := w.size * w.size
	d := w.table.Value.DType()
	p := tensor.From(parts, len(parts)/tokens, 1, tokens).ToDType(d).ToDevice(w.on)
	same := p.Unsqueeze(2).Equal(p.Unsqueeze(3)) // windows×1×size²×size²
	return same.Where(tensor.Full(0, d, w.on), tensor.Full(-100, d, w.on))
}
