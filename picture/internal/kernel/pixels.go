package kernel

// #include "kernel.h"
import "C"

import "unsafe"

// Matrix maps the middle (x, y) of an output pixel to the place
// (A·x+B·y+C, D·x+E·y+F) of the input.
type Matrix struct{ A, B, C, D, E, F float64 }

// Affine writes to dst, of src's size, what src has at the places that m names,
// and fill where it has nothing. Filter is 0 nearest, 1 bilinear, 2 bicubic.
func Affine(dst, src []uint8, height, width, channels int, m Matrix, filter int, fill [3]uint8) {
	colour := uint32(fill[0]) | uint32(fill[1])<<8 | uint32(fill[2])<<16
	C.cone_affine(C.int(Active), bytes(dst), bytes(src), C.int(height), C.int(width), C.int(channels),
		C.double(m.A), C.double(m.B), C.double(m.C), C.double(m.D), C.double(m.E), C.double(m.F),
		C.int(filter), C.uint32_t(colour))
}

// Cos and Sin are the C library's, which Python's are too: Go's own may differ
// in the last bit.
func Cos(radians float64) float64 { return float64(C.cone_cos(C.double(radians))) }

// Sin: see Cos.
func Sin(radians float64) float64 { return float64(C.cone_sin(C.double(radians))) }

// Grey makes the channels of RGB pixels equal their luma.
func Grey(rgb []uint8) {
	C.cone_grey(C.int(Active), bytes(rgb), C.size_t(len(rgb)/3))
}

// LumaSum is the sum of the luma of RGB pixels.
func LumaSum(rgb []uint8) int {
	return int(C.cone_luma_sum(C.int(Active), bytes(rgb), C.size_t(len(rgb)/3)))
}

// Saturate makes RGB pixels luma + factor·(pixel − luma).
func Saturate(rgb []uint8, factor float32) {
	C.cone_saturate(C.int(Active), bytes(rgb), C.size_t(len(rgb)/3), C.float(factor))
}

// Mix makes the image own·image + rest·other, rounded, halves to even. They have
// the same length, and own and rest add up to 1.
func Mix(image, other []uint8, own, rest float32) {
	C.cone_mix(C.int(Active), bytes(image), bytes(other), C.size_t(len(image)), C.float(own), C.float(rest))
}

// Hue adds shift, modulo 256, to the hue of RGB pixels.
func Hue(rgb []uint8, shift uint8) {
	C.cone_hue(C.int(Active), bytes(rgb), C.size_t(len(rgb)/3), C.uint8_t(shift))
}

// Sharpen makes the image smooth + factor·(image − smooth). memory has the
// image's length.
func Sharpen(image []uint8, height, width, channels int, factor float32, memory []uint8) {
	C.cone_sharpen(C.int(Active), bytes(image), C.int(height), C.int(width), C.int(channels),
		C.float(factor), bytes(memory))
}

// Convolve applies weights, an odd number, along both directions of the image.
// memory has height·width·channels + (width + len(weights))·channels entries.
func Convolve(image []uint8, height, width, channels int, weights, memory []float32) {
	C.cone_convolve(C.int(Active), bytes(image), C.int(height), C.int(width), C.int(channels),
		(*C.float)(unsafe.SliceData(weights)), C.int(len(weights)), (*C.float)(unsafe.SliceData(memory)))
}

// BoxBlur applies a box of 2·radius+1 pixels that weigh whole/2²⁴, and one more
// on either side that weighs edge/2²⁴, along both directions, passes times each.
// memory has (height+2)·width·channels entries, sums width·channels.
func BoxBlur(image []uint8, height, width, channels, radius int, whole, edge uint32, passes int, memory []uint8, sums []uint32) {
	C.cone_box_blur(C.int(Active), bytes(image), C.int(height), C.int(width), C.int(channels), C.int(radius),
		C.uint32_t(whole), C.uint32_t(edge), C.int(passes), bytes(memory), (*C.uint32_t)(unsafe.SliceData(sums)))
}

func bytes(b []uint8) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }
func ints(b []int32) *C.int32_t  { return (*C.int32_t)(unsafe.SliceData(b)) }
