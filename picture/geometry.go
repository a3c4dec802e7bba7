package picture

import (
	"fmt"
	"math"
	"strconv"

	"cone/picture/internal/kernel"
)

// Affine makes dst a picture of src's size whose pixel with the middle (x, y)
// is that of src at (m[0]·x + m[1]·y + m[2], m[3]·x + m[4]·y + m[5]), and fill
// where src has none: to the bit PIL.Image.transform(size, AFFINE, m, filter,
// fillcolor=fill)
// (https://github.com/python-pillow/Pillow/blob/9.4.0/src/libImaging/Geometry.c).
// Pictures have 3 channels, or 1, which is filled with fill[0]. dst and src are
// distinct.
func Affine(dst, src *Image, m [6]float64, f Filter, fill [3]uint8) {
	if f < Nearest || f > Bicubic || len(src.Pixels) < src.Bytes() || src.Channels != 3 && src.Channels != 1 {
		panic(fmt.Sprintf("picture: cannot transform %v (%d bytes) by %v", src.Size, len(src.Pixels), f))
	}
	dst.Reset(src.Size)
	kernel.Affine(dst.Pixels, src.Pixels, src.Height, src.Width, src.Channels,
		kernel.Matrix{A: m[0], B: m[1], C: m[2], D: m[3], E: m[4], F: m[5]}, int(f), fill)
}

// The following are timm's operations of the same names
// (https://github.com/huggingface/pytorch-image-models/blob/v0.9.16/timm/data/auto_augment.py),
// which PyTorch's and the papers' AutoAugment share.

// ShearX moves every row to the left by factor times its distance from the top.
func ShearX(dst, src *Image, factor float64, f Filter, fill [3]uint8) {
	Affine(dst, src, [6]float64{1, factor, 0, 0, 1, 0}, f, fill)
}

// ShearY moves every column up by factor times its distance from the left.
func ShearY(dst, src *Image, factor float64, f Filter, fill [3]uint8) {
	Affine(dst, src, [6]float64{1, 0, 0, factor, 1, 0}, f, fill)
}

// TranslateX moves the picture to the left. timm's TranslateXRel gives a share
// of the width, in pixels.
func TranslateX(dst, src *Image, pixels float64, f Filter, fill [3]uint8) {
	Affine(dst, src, [6]float64{1, 0, pixels, 0, 1, 0}, f, fill)
}

// TranslateY moves the picture up. timm's TranslateYRel gives a share of the
// height, in pixels.
func TranslateY(dst, src *Image, pixels float64, f Filter, fill [3]uint8) {
	Affine(dst, src, [6]float64{1, 0, 0, 0, 1, pixels}, f, fill)
}

// Rotate turns the picture counter-clockwise about its middle
// (PIL.Image.rotate, https://github.com/python-pillow/Pillow/blob/9.4.0/src/PIL/Image.py).
func Rotate(dst, src *Image, degrees float64, f Filter, fill [3]uint8) {
	// Python's remainder has the sign of the divisor.
	angle := math.Mod(degrees, 360)
	if angle < 0 {
		angle += 360
	}
	square := src.Height == src.Width
	switch {
	case angle == 0:
		Orient(dst, src, 1)
		return
	case angle == 180:
		Orient(dst, src, 3)
		return
	case angle == 90 && square:
		Orient(dst, src, 8)
		return
	case angle == 270 && square:
		Orient(dst, src, 6)
		return
	}
	radians := -float64(angle * (math.Pi / 180))
	cos, sin := fifteenPlaces(kernel.Cos(radians)), fifteenPlaces(kernel.Sin(radians))
	x, y := float64(src.Width)/2, float64(src.Height)/2
	Affine(dst, src, [6]float64{
		cos, sin, float64(cos*-x) + float64(sin*-y) + x,
		-sin, cos, float64(-sin*-x) + float64(cos*-y) + y,
	}, f, fill)
}

// fifteenPlaces is Python's round(v, 15): the number nearest to the decimal one.
func fifteenPlaces(v float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', 15, 64), 64)
	return rounded
}
