package dist

import "cone/tensor"

// Rows tells how many rows (images) each rank has, in rank order. One small
// message.
func (g *Group) Rows(own int) []int {
	if g.Alone() {
		return []int{own}
	}
	out := make([]int, g.size)
	tensor.Scope(func() {
		all := g.cpu.AllGather(tensor.ForOther, tensor.From([]int64{int64(own)}, 1))
		for i, n := range tensor.To[int64](all) {
			out[i] = int(n)
		}
	})
	return out
}

// AllGather joins the ranks' tensors along dimension 0, in rank order. The
// other dimensions and the type must agree; the rows may differ in number. It
// has no gradient: see GatherRows.
func (g *Group) AllGather(t tensor.Tensor) tensor.Tensor {
	if g.Alone() {
		return t
	}
	return g.Gather(tensor.ForOther, g.Rows(t.Dim(0)), t)[0]
}

// Gather joins several tensors, each along its dimension 0, in one message:
// rows says how many rows each rank's tensors have. What it returns belongs to
// the calling scope.
func (g *Group) Gather(p tensor.Purpose, rows []int, ts ...tensor.Tensor) []tensor.Tensor {
	if g.Alone() {
		return ts
	}
	out := make([]tensor.Tensor, len(ts))
	tensor.NoGrad(func() {
		tensor.Scope(func() {
			packed, width := pack(ts)
			most := 0
			for _, n := range rows {
				most = max(most, n)
			}
			if missing := most - rows[g.rank]; missing > 0 {
				packed = packed.Pad(0, 0, 0, missing)
			}
			all := g.on(packed).AllGather(p, packed) // ranks × rows × bytes
			parts := make([]tensor.Tensor, g.size)
			for i, n := range rows {
				parts[i] = all.Select(0, i).Narrow(0, 0, n)
			}
			for i, t := range unpack(tensor.Cat(parts, 0), width, ts) {
				out[i] = t.Return()
			}
		})
	})
	return out
}

// pack lays the rows of all tensors side by side, as bytes, and tells how many
// each takes.
func pack(ts []tensor.Tensor) (tensor.Tensor, []int) {
	parts, width := make([]tensor.Tensor, len(ts)), make([]int, len(ts))
	for i, t := range ts {
		n := t.Dim(0)
		width[i] = t.Len() / max(n, 1) * t.DType().Size()
		if n == 0 {
			width[i] = t.DType().Size()
			for _, d := range t.Shape()[1:] {
				width[i] *= d
			}
		}
		parts[i] = t.Detach().Reshape(n, width[i]/t.DType().Size()).Contiguous().Bits(tensor.Uint8)
	}
	return tensor.Cat(parts, 1), width
}

// unpack is pack undone.
func unpack(all tensor.Tensor, width []int, like []tensor.Tensor) []tensor.Tensor {
	out := make([]tensor.Tensor, len(like))
	start := 0
	for i, t := range like {
		shape := t.Shape()
		shape[0] = all.Dim(0)
		out[i] = all.Narrow(1, start, width[i]).Contiguous().Bits(t.DType()).View(shape...)
		start += width[i]
	}
	return out
}
