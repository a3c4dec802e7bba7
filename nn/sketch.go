package nn

import "cone/tensor"

// Cost is what a network computes for one picture.
type Cost struct {
	// MACs are the multiplications, each with its addition, of convolutions,
	// linear layers and attention's two matrix products; biases, norms,
	// activations and pooling do not count.
	MACs int64
	// Activations are the outputs of those same operators, as fvcore counts
	// them (https://github.com/facebookresearch/fvcore).
	Activations int64
}

// add counts an operator with a result N×… and this many multiplications per
// element. Ordinary trees have no cost, and nothing is counted.
func (c *Cost) add(result tensor.Tensor, perElement int) {
	if c == nil {
		return
	}
	elements := int64(1)
	for _, s := range result.Shape()[1:] {
		elements *= int64(s)
	}
	c.MACs += elements * int64(perElement)
	c.Activations += elements
}

// NewSketch makes a tree whose parameters have shapes and no contents: making
// the largest network takes neither time nor memory. Its layers count what
// they compute per picture; so that this takes no time either, feed them
// batches of no pictures (0×C×H×W), in evaluation mode.
func NewSketch() *Tree {
	t := NewTree(tensor.Float32, tensor.CPU)
	t.cost = &Cost{}
	return t
}

// Cost is what a sketch's layers have counted; 0 for ordinary trees.
func (t *Tree) Cost() Cost {
	if t.cost == nil {
		return Cost{}
	}
	return *t.cost
}

func (p Path) cost() *Cost { return p.tree.cost }

// unwritten is memory for an entry of a sketch that was made on the meta
// device. The operating system gives pages only to what is written.
func unwritten(t tensor.Tensor) tensor.Tensor {
	if t.OnCPU() {
		return t // constants, as an index
	}
	return tensor.Empty(t.DType(), tensor.CPU, t.Shape()...)
}
