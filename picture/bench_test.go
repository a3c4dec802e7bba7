package picture

import (
	"fmt"
	"testing"

	"cone/picture/internal/kernel"
)

// photo is a picture with detail at all sizes.
func photo(height, width int) *Image { return synthetic(Size{height, width, 3}) }

func BenchmarkResize(b *testing.B) {
	for _, c := range []struct {
		height, width, outHeight, outWidth int
		filter                             Filter
	}{
		{300, 400, 224, 224, Bilinear},
		{300, 400, 224, 224, Bicubic},
		{375, 500, 256, 341, Bilinear},
		{100, 150, 224, 224, Bilinear},
		{375, 500, 32, 32, Bilinear},
		{1500, 2000, 224, 224, Bilinear},
	} {
		src, dst := photo(c.height, c.width), &Image{}
		for level := kernel.Best; level >= kernel.Portable; level-- {
			b.Run(fmt.Sprintf("%dx%d-%dx%d-%v/%v", c.height, c.width, c.outHeight, c.outWidth, c.filter, level), func(b *testing.B) {
				kernel.Active = level
				defer func() { kernel.Active = kernel.Best }()
				var s Scratch
				for i := 0; b.Loop(); i++ {
					// Boxes differ from picture to picture, and with them the weights.
					box := Box{0, float64(i%2) / 8, float64(c.height), float64(c.width) - 1}
					Resize(dst, src, box, c.outHeight, c.outWidth, c.filter, &s)
				}
			})
		}
	}
}

func BenchmarkOperations(b *testing.B) {
	src := photo(224, 224)
	grey := [3]uint8{124, 116, 104}
	var s Scratch
	dst := &Image{}
	for _, c := range []struct {
		name  string
		apply func(im *Image)
	}{
		{"Flip", Flip},
		{"Crop", func(im *Image) { Crop(dst, im, Rect{10, 10, 200, 200}) }},
		{"Orient6", func(im *Image) { Orient(dst, im, 6) }},
		{"Brightness", func(im *Image) { Brightness(im, 1.1) }},
		{"Contrast", func(im *Image) { Contrast(im, 1.1) }},
		{"Color", func(im *Image) { Color(im, 1.1) }},
		{"Hue", func(im *Image) { Hue(im, 0.05) }},
		{"Grey", Grey},
		{"Sharpness", func(im *Image) { Sharpness(im, 1.1, &s) }},
		{"Solarize", func(im *Image) { Solarize(im, 200) }},
		{"Posterize", func(im *Image) { Posterize(im, 8) }},
		{"AutoContrast", AutoContrast},
		{"Equalize", Equalize},
		{"GaussianBlur23", func(im *Image) { GaussianBlur(im, 23, 1, &s) }},
		{"GaussianBlurBoxes", func(im *Image) { GaussianBlurBoxes(im, 1, &s) }},
		{"RotateNearest", func(im *Image) { Rotate(dst, im, 20, Nearest, grey) }},
		{"RotateBilinear", func(im *Image) { Rotate(dst, im, 20, Bilinear, grey) }},
		{"RotateBicubic", func(im *Image) { Rotate(dst, im, 20, Bicubic, grey) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			im := src.clone()
			for b.Loop() {
				c.apply(im)
			}
		})
	}
}
