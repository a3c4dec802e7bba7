// Package index keeps the embeddings of a training set in one memory-mapped
// file and finds the nearest of them: by comparing with all, exactly, or through
// a graph, approximately.
//
// Similarity is the cosine: vectors are brought to length 1 when they are added,
// queries when they are asked. Legend: N entries, D dimensions, Q queries, k
// neighbours.
package index

import (
	"fmt"
	"math"
)

// Precision is the type in which a file holds its vectors.
type Precision string

const (
	FP32 Precision = "fp32"
	FP16 Precision = "fp16" // IEEE 754 binary16
	INT8 Precision = "int8" // −127 … 127, times a scale of each vector's own
)

// size is the bytes of a value.
func (p Precision) size() int {
	return map[Precision]int{FP32: 4, FP16: 2, INT8: 1}[p]
}

// Meta is what a file says about all its entries.
type Meta struct {
	// Model says what made the vectors, by a digest of its weights: a query of
	// another model has no meaning here.
	Model string `json:"model"`
	// Dim is D.
	Dim       int       `json:"dim"`
	Precision Precision `json:"precision"`
	// Classes are the names that labels count, from 0.
	Classes []string `json:"classes"`
	// Transform says what was done to the pictures before the model saw them.
	Transform string `json:"transform,omitempty"`
	// Created is a time, RFC 3339.
	Created string `json:"created,omitempty"`
	// Extra is the caller's. Numbers come back as float64, as JSON has them.
	Extra map[string]any `json:"extra,omitempty"`
}

// maxDim bounds D: a row must stay far below the smallest file's length in int.
const maxDim = 1 << 20

func (m *Meta) check() error {
	switch {
	case m.Precision.size() == 0:
		return fmt.Errorf("its precision is %.40q, and fp32, fp16 and int8 are known", string(m.Precision))
	case m.Dim < 1 || m.Dim > maxDim:
		return fmt.Errorf("its vectors would have %d dimensions, and 1 to %d are allowed", m.Dim, maxDim)
	case len(m.Classes) > math.MaxInt32:
		return fmt.Errorf("it has %d classes", len(m.Classes))
	}
	return nil
}

// stride is the bytes from one vector to the next: a multiple of 64, so that
// each begins a cache line. What lies behind D values is zero.
func (m *Meta) stride() int { return (m.Dim*m.Precision.size() + 63) &^ 63 }

// width is the values in a stride.
func (m *Meta) width() int { return m.stride() / m.Precision.size() }

// Entry is what a file says about one vector.
type Entry struct {
	// Name is the picture's, unique or not: a path mostly.
	Name string
	// Label counts Meta.Classes.
	Label int32
	// Thumbnail is a small JPEG or PNG, or empty.
	Thumbnail []byte
	// Added is true of entries that came after training.
	Added bool
}
