package picture

import (
	"fmt"
	"testing"
)

// TestOperationsStayInside runs every operation in memory that ends where the
// picture and the scratch do.
func TestOperationsStayInside(t *testing.T) {
	var s Scratch
	grey := [3]uint8{124, 116, 104}
	rotate := func(f Filter) func(dst, src *Image) {
		return func(dst, src *Image) { Rotate(dst, src, 33, f, grey) }
	}
	inPlace := func(apply func(im *Image)) func(dst, src *Image) {
		return func(_, src *Image) { apply(src) }
	}
	operations := map[string]func(dst, src *Image){
		"flip":              inPlace(Flip),
		"orient":            func(dst, src *Image) { Orient(dst, src, 7) },
		"crop":              func(dst, src *Image) { Crop(dst, src, Rect{-3, 2, src.Height, src.Width}) },
		"brightness":        inPlace(func(im *Image) { Brightness(im, 1.3) }),
		"contrast":          inPlace(func(im *Image) { Contrast(im, 1.3) }),
		"color":             inPlace(func(im *Image) { Color(im, 1.3) }),
		"hue":               inPlace(func(im *Image) { Hue(im, 0.1) }),
		"grey":              inPlace(Grey),
		"sharpness":         inPlace(func(im *Image) { Sharpness(im, 1.3, &s) }),
		"gaussianBlur":      inPlace(func(im *Image) { GaussianBlur(im, 23, 1.3, &s) }),
		"gaussianBlurBoxes": inPlace(func(im *Image) { GaussianBlurBoxes(im, 1.3, &s) }),
		"nearest":           rotate(Nearest),
		"bilinear":          rotate(Bilinear),
		"bicubic":           rotate(Bicubic),
	}
	levels(t, func(t *testing.T) {
		for name, apply := range operations {
			for _, size := range []Size{{1, 1, 3}, {1, 1, 1}, {1, 100, 3}, {100, 1, 3}, {3, 3, 3}, {33, 65, 3}, {41, 64, 1}} {
				t.Run(fmt.Sprintf("%s %v", name, size), func(t *testing.T) {
					s = Scratch{}
					run := func() *Image {
						src := &Image{size, guarded(t, size.Bytes(), true)}
						copy(src.Pixels, synthetic(size).Pixels)
						dst := &Image{Pixels: guarded(t, size.Bytes(), true)}
						defer release(src.Pixels)
						defer release(dst.Pixels)
						apply(dst, src)
						if dst.Height > 0 {
							return dst.clone()
						}
						return src.clone()
					}
					first := run()
					if n := len(s.memory); n > 0 { // again, with no more memory than that
						s.memory = guarded(t, n, true)
						defer release(s.memory)
						same(t, run(), first)
					}
				})
			}
		}
	})
}

func TestOperationsOnNothing(t *testing.T) {
	var s Scratch
	for _, size := range []Size{{0, 0, 3}, {0, 5, 3}, {5, 0, 1}} {
		im, dst := &Image{Size: size}, &Image{}
		Flip(im)
		Orient(dst, im, 6)
		Crop(dst, im, Rect{1, 1, 2, 2})
		Brightness(im, 2)
		Contrast(im, 2)
		Color(im, 2)
		Hue(im, 0.1)
		Grey(im)
		Sharpness(im, 2, &s)
		Invert(im)
		SolarizeAdd(im, 10, 128)
		Posterize(im, 3)
		AutoContrast(im)
		Equalize(im)
		GaussianBlur(im, 3, 1, &s)
		GaussianBlurBoxes(im, 1, &s)
		Rotate(dst, im, 33, Bilinear, [3]uint8{})
		if len(im.Pixels) > 0 {
			t.Errorf("%v has %d bytes now", size, len(im.Pixels))
		}
	}
}
