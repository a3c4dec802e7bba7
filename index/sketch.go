package index

import (
	"encoding/binary"
	"math"

	"cone/index/internal/kernel"
)

// With fp32 and fp16, a file also has a sketch of every vector: the vector as int8
// would hold it, and by how much a similarity to a sketch may differ from that to
// its vector. An exact search reads the sketches, a quarter or half of the bytes,
// and of the vectors only those that may be among the nearest: what the processor
// waits for is memory.

// sketched says whether there are sketches.
func (m *Meta) sketched() bool { return m.Precision != INT8 }

// sketchStride is the bytes from one sketch to the next, as stride is of vectors.
func (m *Meta) sketchStride() int { return (m.Dim + alignment - 1) &^ (alignment - 1) }

// sketch appends the sketch of a vector of length 1, as the file holds the vector.
// For every query q of length 1, the product with the vector is at most bound above
// that of q and scale times the sketch, as the kernels compute it, but for margin: by
// the inequality of Cauchy and Schwarz it differs by no more than the length of what
// is rounded off.
func sketch(to []byte, unit []float32, m *Meta) (sketched []byte, scale, bound float32) {
	start := len(to)
	to, scale = quantize(to, unit)
	var squares float64
	for d, x := range unit {
		off := float64(x) - float64(scale)*float64(int8(to[start+d]))
		squares += off * off
	}
	off := math.Sqrt(squares)
	// The sketch may be longer than the vector, and so may what float32 loses;
	// the rest is for lengths that are not quite 1, and for rounding off itself.
	off += off*(margin(m.Dim)+1e-6) + 1e-7
	return append(to, make([]byte, start+m.sketchStride()-len(to))...), scale, float32(off)
}

// quantize appends a vector as int8, which scale times that stands for.
func quantize(to []byte, unit []float32) (quantized []byte, scale float32) {
	var largest float32
	for _, x := range unit {
		largest = max(largest, x, -x)
	}
	scale = largest / 127
	for _, x := range unit {
		var q float64
		if scale > 0 {
			q = math.RoundToEven(float64(x) / float64(scale))
		}
		to = append(to, byte(int8(max(-127, min(127, q)))))
	}
	return to, scale
}

// widened gives each of the queries, Q×from, the width to, by zeros.
func widened(queries []float32, from, to int) []float32 {
	if from == to {
		return queries
	}
	wide := make([]float32, len(queries)/from*to)
	for q := range len(queries) / from {
		copy(wide[q*to:], queries[q*from:][:min(from, to)])
	}
	return wide
}

// siftedAtMost is the share of a block, one in so many, that is compared vector by
// vector. Where sketches leave more than that, the whole block is compared as if
// there were none.
const siftedAtMost = 8

// sift offers the entries from…end to the selectors, by their sketches first.
func (x *Index) sift(selectors []selector, queries []float32, from, end int, scores []float32) {
	stride, thin, width := x.meta.stride(), x.meta.sketchStride(), x.meta.width()
	coarse := widened(queries, width, thin)
	vectors, sketches := x.section(vectorSection), x.section(sketchSection)
	scales, errors := x.section(scaleSection), x.section(errorSection)
	all := make([]float32, blockRows)
	for at := from; at < end; at += blockRows {
		rows := min(blockRows, end-at)
		kernel.Scores(kernel.Int8, kernel.Block{Rows: sketches[at*thin:][:rows*thin], Stride: thin, Count: rows, Scales: scales[4*at:][:4*rows]}, coarse, scores)
		for q := range selectors {
			if selectors[q].sift(at, scores[q*rows:][:rows], errors[4*at:][:4*rows]) {
				continue
			}
			block := kernel.Block{Rows: vectors[at*stride:][:rows*stride], Stride: stride, Count: rows}
			kernel.Scores(kernel.Type(x.meta.Precision.size()), block, queries[q*width:][:width], all)
			selectors[q].offer(at, all[:rows])
		}
	}
}

// sift offers the entries from at on whose similarity to their sketch does not
// rule them out, unless they are many: then it offers none and says so. What is
// not a number, from a damaged file, rules nothing out.
func (s *selector) sift(at int, scores []float32, errors []byte) bool {
	s.maybe = s.maybe[:0]
	for i, score := range scores {
		if score+math.Float32frombits(binary.LittleEndian.Uint32(errors[4*i:])) < s.cut {
			continue
		}
		if len(s.maybe)*siftedAtMost >= len(scores) {
			return false
		}
		s.maybe = append(s.maybe, at+i)
	}
	for _, entry := range s.maybe {
		s.wait(entry)
	}
	return true
}
