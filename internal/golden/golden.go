// Package golden rebuilds numbers from names, so that two programs can agree
// on every weight, image and label without exchanging files. Tests of known
// answers and benchmarks against peers use it.
package golden

import (
	"hash/fnv"
	"math"
	"os"

	"cone/nn"
	"cone/tensor"
)

// Device is where known answers are computed: CONE_TEST_DEVICE=cuda moves them
// to a GPU (docs/gpu.md).
func Device() tensor.Device {
	if os.Getenv("CONE_TEST_DEVICE") == "cuda" {
		return tensor.CUDA(0)
	}
	return tensor.CPU
}

// Uniform is count numbers lo + (hi−lo)·u in float32, u from the name and the place.
func Uniform(name string, count int, lo, hi float64) []float32 {
	base := hash(name)
	out := make([]float32, count)
	l, width := float32(lo), float32(hi-lo)
	for i := range out {
		u := float32(splitMix(base+uint64(i))>>40) / (1 << 24)
		out[i] = l + width*u
	}
	return out
}

// Integers is count numbers from 0 to m−1.
func Integers(name string, count, m int) []int64 {
	base := hash(name)
	out := make([]int64, count)
	for i := range out {
		out[i] = int64(splitMix(base+uint64(i)) % uint64(m))
	}
	return out
}

// Fill overwrites every parameter of the tree by its name: tensors of two or
// more dimensions uniform within ±√(3/fan-in), times √2 for four dimensions
// and ¼ for two; biases 0; other vectors 1. Buffers stay.
func Fill(tree *nn.Tree) {
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			for _, p := range tree.Parameters() {
				shape := p.Value.Shape()
				if len(shape) < 2 {
					value := 1.0
					if len(p.Name) > 5 && p.Name[len(p.Name)-5:] == ".bias" {
						value = 0
					}
					p.Value.Fill(value)
					continue
				}
				fanIn := p.Value.Len() / shape[0]
				bound := math.Sqrt(3 / float64(fanIn))
				switch len(shape) {
				case 4:
					bound *= math.Sqrt2
				case 2:
					bound /= 4
				}
				b := float64(float32(bound))
				p.Value.CopyFrom(tensor.From(Uniform(p.Name, p.Value.Len(), -b, b), shape...))
			}
		})
	})
}

func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

func splitMix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// FillBank makes the entries of a full memory bank: normalised embeddings
// K×D, class probabilities K×C and labels K, all from the tag. They live as
// long as put runs.
func FillBank(tag string, size, dim, classes int, put func(embedding, probability, label tensor.Tensor)) {
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			queue := tensor.From(Uniform(tag+"/queue", dim*size, -1, 1), dim, size)
			queue = queue.Div(queue.NormDim(0).ClampMin(1e-12))
			prob := tensor.From(Uniform(tag+"/queue_label_prob", classes*size, -1, 1), classes, size)
			put(queue.Transpose(0, 1), prob.Scale(4).Softmax(0).Transpose(0, 1),
				tensor.From(Integers(tag+"/queue_label", size, classes), size))
		})
	})
}
