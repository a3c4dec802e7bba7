// Package kernel holds the loops over pixels, in C++ for their vector
// instructions. Every variant of a kernel computes the same bytes.
//
// The functions check nothing: lengths are the caller's, package picture's,
// business.
package kernel

// -O3 vectorises the plain loops. Nothing may loosen floating point: results
// are compared with Pillow's to the bit.

// #cgo CXXFLAGS: -O3 -std=c++17
// #include "kernel.h"
import "C"

// Level is a variant of the kernels.
type Level int

// Levels that a processor may have; each includes those before it.
const (
	Portable Level = iota
	AVX2
	AVX512 // with VNNI and VBMI
)

// Best is the fastest level that this processor has.
var Best = Level(C.cone_level())

// Active is the level that the functions run at. Tests set others.
var Active = Best

func (l Level) String() string {
	return [...]string{"portable", "AVX2", "AVX-512"}[l]
}

// Axis says how the pixels along one direction are mixed: output i is the sum
// over t < Count[i] of Weight[i·Taps+t] times input Start[i]+t, weights being
// fixed point with 22 fractional bits. Taps is a multiple of 4, and weights
// from Count[i] on are 0. Starts ascend, or all descend.
type Axis struct {
	Start, Count, Weight []int32
	Taps                 int
}

// Memory is how many bytes Resize needs to apply x, with rows source rows of
// width pixels kept.
func Memory(x *Axis, rows, width, channels int) int {
	const slack = 64
	out, row := len(x.Start), width*channels
	middle := (rows + 4) * (out*channels + 2*slack)
	copies := (row + slack) * (slack/row + 1)
	// A block has at least one output pixel or 16/C of them, a step at least
	// 4 taps of a whole block or a quarter of a vector's worth of one pixel.
	perBlock := max(1, 16/channels)
	steps := max((out/perBlock+1)*(x.Taps/4), out*(x.Taps/(4*perBlock)+1))
	return middle + copies + steps*256 + out*8 + 8*slack
}

// Resize writes to dst the image src of height×width×channels, the rows of which
// begin stride bytes apart, mixed along both directions, or along one when the
// other axis is nil.
func Resize(dst []uint8, outHeight, outWidth int, src []uint8, stride, height, width, channels int, x, y *Axis, memory []uint8) {
	var none Axis
	if x == nil {
		x = &none
	}
	if y == nil {
		y = &none
	}
	C.cone_resize(C.int(Active), bytes(dst), C.int(outHeight), C.int(outWidth),
		bytes(src), C.size_t(len(src)), C.size_t(stride), C.int(height), C.int(width), C.int(channels),
		ints(x.Start), ints(x.Count), ints(x.Weight), C.int(x.Taps),
		ints(y.Start), ints(y.Count), ints(y.Weight), C.int(y.Taps), bytes(memory))
}
