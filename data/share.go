package data

import "fmt"

// share is what this rank prepares of a batch.
type share struct {
	first, whole int // the batch's first visit, and its size over all ranks
	blocks       []block
}

// block is a run of positions in the batch.
type block struct{ from, to int }

// size is the number of images.
func (s share) size() (n int) {
	for _, b := range s.blocks {
		n += b.to - b.from
	}
	return n
}

// place is the position in the batch of the rank's i-th image.
func (s share) place(i int) int {
	for _, b := range s.blocks {
		if n := b.to - b.from; i >= n {
			i -= n
		} else {
			return b.from + i
		}
	}
	panic("data: no such image in the share")
}

// places are all positions, ascending.
func (s share) places() (all []int) {
	for _, b := range s.blocks {
		for p := b.from; p < b.to; p++ {
			all = append(all, p)
		}
	}
	return all
}

// share is this rank's part of batch number. The ranks' shares together are the
// batch, whatever the world size. Without Parts and mixing, they follow each
// other in rank order, and may differ by one image. With Parts a share has a
// piece of every part, so that part k of all ranks is part k of one process.
// Pictures are mixed with those at the mirrored position, so a rank then has
// both: its pieces of the batch's second half mirror those of the first.
func (l *Loader) share(number int) share {
	first := number * l.options.Batch
	whole := min(l.options.Batch, l.visits-first)
	rank, world, parts := l.options.Rank, l.options.World, max(l.options.Parts, 1)
	s := share{first: first, whole: whole}
	switch {
	case world == 1:
		s.blocks = []block{{0, whole}}
	case parts == 1 && l.mixer == nil:
		s.blocks = []block{{rank * whole / world, (rank + 1) * whole / world}}
	case l.mixer == nil:
		size := whole / parts
		for p := range parts {
			s.blocks = append(s.blocks, block{p*size + rank*size/world, p*size + (rank+1)*size/world})
		}
	default:
		s.blocks = mirrored(rank, world, whole, parts)
	}
	return s
}

// mirrored are a rank's pieces such that the mirror of each is a piece, too.
func mirrored(rank, world, whole, parts int) (out []block) {
	size := whole / parts
	for p := range parts {
		from, piece := p*size, size/world
		switch {
		case 2*p+1 == parts: // the part in the middle is its own mirror
			piece /= 2
			out = append(out, block{from + rank*piece, from + (rank+1)*piece})
			out = append(out, block{from + size - (rank+1)*piece, from + size - rank*piece})
		case 2*p+1 < parts:
			out = append(out, block{from + rank*piece, from + (rank+1)*piece})
		default:
			out = append(out, block{from + size - (rank+1)*piece, from + size - rank*piece})
		}
	}
	return out
}

// checkShares refuses worlds among which batches cannot be shared.
func (o *Options) checkShares(mixes bool) error {
	if o.World == 1 || o.Parts <= 1 && !mixes {
		return nil
	}
	pieces := o.World * max(o.Parts, 1)
	switch {
	case !o.DropLast:
		return fmt.Errorf("incomplete batches cannot be shared by %d processes in parts or with mixed pictures; leave the last one out", o.World)
	case mixes && o.OnError == LeaveOut:
		return fmt.Errorf("mixed pictures cannot be left out among %d processes; substitute them", o.World)
	case o.Batch%pieces != 0:
		return fmt.Errorf("a batch of %d images cannot be shared by %d processes in %d parts; use a multiple of %d", o.Batch, o.World, max(o.Parts, 1), pieces)
	case mixes && max(o.Parts, 1)%2 != 0 && o.Batch%(2*pieces) != 0:
		return fmt.Errorf("a batch of %d images, mixed in pairs, cannot be shared by %d processes; use a multiple of %d", o.Batch, o.World, 2*pieces)
	}
	return nil
}
