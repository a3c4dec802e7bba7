package method

import (
	"cone/nn"
	"cone/tensor"
)

// Bank is the memory: a ring of K entries, each a normalised embedding, its
// label, its class probabilities, and the index of the image it came from.
//
// Entries lie row by row (K×D), so that a neighbour is one run of memory and
// a write touches only its own rows; the authors' D×K layout is a matter of
// import and export.
type Bank struct {
	embedding   *nn.Entry // K×D
	label       *nn.Entry // K int64
	probability *nn.Entry // K×C, nil in a bank without
	image       *nn.Entry // K int64, −1 where nothing was written yet
	position    *nn.Entry // scalar int64: the slot to be written next

	size, next int
	tree       *nn.Tree
}

// NewBank makes a bank of K entries with normalised noise, label 0 and the
// probabilities of noise. (The published program starts with bare noise there,
// of which a consistency term before the bank is full could make no logarithm.)
// With 0 classes it keeps no probabilities.
func NewBank(size, dim, classes int, d tensor.DType, on tensor.Device) *Bank {
	tree := nn.NewTree(d, on)
	p := tree.Root()
	b := &Bank{size: size, tree: tree}
	b.embedding = p.Buffer("embedding", func() tensor.Tensor {
		return normalize(p.Empty(size, dim).Normal(0, 1))
	})
	b.label = p.Buffer("label", func() tensor.Tensor { return tensor.Zeros(tensor.Int64, on, size) })
	if classes > 0 {
		b.probability = p.Buffer("probability", func() tensor.Tensor { return p.Empty(size, classes).Normal(0, 1).Softmax(1) })
	}
	b.image = p.Buffer("image", func() tensor.Tensor { return tensor.Zeros(tensor.Int64, on, size).Fill(-1) })
	b.position = p.Buffer("position", func() tensor.Tensor { return tensor.Zeros(tensor.Int64, tensor.CPU) })
	return b
}

// Size is K.
func (b *Bank) Size() int { return b.size }

// Entries are the bank's buffers for a checkpoint.
func (b *Bank) Entries() []*nn.Entry { return b.tree.Entries() }

// Restored takes up the position that a checkpoint wrote into Entries.
func (b *Bank) Restored() { b.next = int(b.position.Value.Item()) }

// Entry is what one batch writes: embeddings N×D, probabilities N×C, labels
// N and image indices N.
type Entry struct{ embedding, probability, label, image tensor.Tensor }

// Write puts N entries into the next slots, the oldest ones. N need not
// divide K; of more than K entries the last K stay.
func (b *Bank) Write(e Entry) {
	tensor.NoGrad(func() {
		n, from := e.embedding.Dim(0), 0
		if n > b.size {
			b.next = (b.next + n - b.size) % b.size
			from = n - b.size
		}
		for from < n {
			count := min(n-from, b.size-b.next)
			pairs := [][2]tensor.Tensor{{b.embedding.Value, e.embedding}, {b.label.Value, e.label}, {b.image.Value, e.image}}
			if b.probability != nil {
				pairs = append(pairs, [2]tensor.Tensor{b.probability.Value, e.probability})
			}
			for _, pair := range pairs {
				pair[0].Narrow(0, b.next, count).CopyFrom(pair[1].Narrow(0, from, count))
			}
			from += count
			b.next = (b.next + count) % b.size
		}
		b.position.Value.Fill(float64(b.next))
	})
}

// written says of each of the K entries whether an image was written to it.
func (b *Bank) written() tensor.Tensor { return b.image.Value.Greater(-0.5) }

// Free ends the life of the bank's memory.
func (b *Bank) Free() { b.tree.Free() }

// tensors are the entry's parts; a bank without probabilities is given none.
func (e Entry) tensors() []tensor.Tensor {
	all := []tensor.Tensor{e.embedding, e.label, e.image}
	if e.probability.Defined() {
		all = append(all, e.probability)
	}
	return all
}

// normalize divides each row by its L2 norm, at least 1e-12.
func normalize(x tensor.Tensor) tensor.Tensor {
	return x.Div(x.NormDim(1).ClampMin(1e-12))
}
