package picture

import (
	"math"

	"cone/picture/internal/kernel"
)

// Sharpness mixes im with what a 3×3 filter makes of it: 0 gives a smoothed
// picture, 1 im itself, more a sharper one (PIL.ImageEnhance.Sharpness). The
// border is left as it is, and so is a picture with a side below 3.
func Sharpness(im *Image, factor float64, s *Scratch) {
	s.memory = resized(s.memory, im.Bytes())
	kernel.Sharpen(im.Pixels[:im.Bytes()], im.Height, im.Width, im.Channels, float32(factor), s.memory)
}

// GaussianBlur convolves im with a Gaussian of the given standard deviation,
// cut to size×size pixels (size is odd) and normalised, the picture being
// mirrored beyond its borders, as torchvision's GaussianBlur does
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/functional_tensor.py).
// Both compute in float32, torchvision with one two-dimensional convolution and
// this with two; values that lie within float32's error of a half may round the
// other way. Where torchvision refuses a picture of no more than size/2 pixels,
// this mirrors it again. A size below 3 and a deviation of 0 blur nothing.
func GaussianBlur(im *Image, size int, sigma float64, s *Scratch) {
	if im.Bytes() == 0 || size < 3 || !(sigma > 0) {
		return
	}
	half := size / 2
	size = 2*half + 1
	row := im.Width * im.Channels
	s.floats = resized(s.floats, size+im.Height*row+row+size*im.Channels)
	weights := s.floats[:size]
	sum := 0.0
	for i := range weights {
		x := float64(i-half) / sigma
		w := math.Exp(-0.5 * x * x)
		weights[i] = float32(w)
		sum += w
	}
	for i := range weights {
		weights[i] = float32(float64(weights[i]) / sum)
	}
	kernel.Convolve(im.Pixels[:im.Bytes()], im.Height, im.Width, im.Channels, weights, s.floats[size:])
}

// GaussianBlurBoxes blurs im with three passes of a box, which come close to a
// Gaussian with the standard deviation radius, as PIL.ImageFilter.GaussianBlur
// does to the bit; timm blurs with it
// (https://github.com/python-pillow/Pillow/blob/9.4.0/src/libImaging/BoxBlur.c).
func GaussianBlurBoxes(im *Image, radius float64, s *Scratch) {
	const passes = 3
	if im.Bytes() == 0 || !(radius > 0) {
		return
	}
	// Float32 where Pillow has it: the box's width (Gwosdek et al., "Theoretical
	// foundations of Gaussian convolution by extended box filtering", 2011).
	r := float32(radius)
	variance := float32(r*r) / passes
	length := float32(math.Sqrt(float64(12*float64(variance)) + 1))
	whole := float32(math.Floor((float64(length) - 1) / 2))
	part := float32(float32(2*whole+1) * (float32(whole*(whole+1)) - float32(3*variance)))
	part /= 6 * (variance - float32((whole+1)*(whole+1)))
	box := whole + part

	reach := int(box)
	weight := uint32((1 << 24) / (float32(box*2) + 1))
	edge := (1<<24 - uint32(reach*2+1)*weight) / 2
	row := im.Width * im.Channels
	s.memory = resized(s.memory, im.Bytes()+2*row)
	s.words = resized(s.words, row)
	kernel.BoxBlur(im.Pixels[:im.Bytes()], im.Height, im.Width, im.Channels, reach, weight, edge, passes, s.memory, s.words)
}
