// Package kernel holds the loops over vectors, in C++ for their vector
// instructions. Variants may differ in the last bits of float32.
//
// The functions check nothing: lengths are the caller's, package index's,
// business.
package kernel

// #cgo CXXFLAGS: -O3 -std=c++17
// #include "kernel.h"
import "C"

import "unsafe"

// Level is a variant of the kernels.
type Level int

// Levels that a processor may have; each includes those before it.
const (
	Portable Level = iota
	AVX2           // with FMA and F16C
	AVX512         // F, BW, DQ and VL
)

// Best is the fastest level that this processor has.
var Best = Level(C.cone_scores_level())

// Active is the level that the functions run at. Tests set others.
var Active = Best

func (l Level) String() string {
	return [...]string{"portable", "AVX2", "AVX-512"}[l]
}

// Type is the type of the values of vectors, by its bytes.
type Type int

const (
	Int8    Type = 1
	Half    Type = 2 // IEEE 754 binary16
	Float32 Type = 4
)

// Block is Count vectors, Stride bytes apart, a multiple of 64.
type Block struct {
	Rows          []byte
	Stride, Count int
	// Scales are float32 that products of Int8 are multiplied by.
	Scales []byte
}

// Scores writes the products of Q queries, Q×(Stride/t), with the vectors of a
// block: Q×Count.
func Scores(t Type, b Block, queries, scores []float32) {
	count := len(queries) * int(t) / b.Stride
	C.cone_scores(C.int(Active), C.int(t), unsafe.Pointer(unsafe.SliceData(b.Rows)), C.size_t(b.Stride), C.int(b.Count),
		(*C.float)(unsafe.Pointer(unsafe.SliceData(b.Scales))),
		(*C.float)(unsafe.SliceData(queries)), C.int(count), (*C.float)(unsafe.SliceData(scores)))
}
