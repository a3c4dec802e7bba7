package picture

import (
	"math"
	"testing"
)

// TestMix mixes all pairs of values, and a few more so that the last do not
// fill a vector.
func TestMix(t *testing.T) {
	size := Size{1, 1<<16 + 7, 1}
	im, other, want := &Image{}, &Image{}, &Image{}
	levels(t, func(t *testing.T) {
		for _, share := range []float64{0, 0.1, 0.25, 1.0 / 3, 0.5, 0.7310585786300049, 0.999, 1} {
			im.Reset(size)
			other.Reset(size)
			want.Reset(size)
			own, rest := float32(share), float32(1-share)
			for i := range im.Pixels {
				a, b := uint8(i>>8), uint8(i)
				im.Pixels[i], other.Pixels[i] = a, b
				sum := float32(float32(a)*own) + float32(float32(b)*rest)
				want.Pixels[i] = uint8(math.RoundToEven(float64(sum)))
			}
			Mix(im, other, share)
			same(t, im, want)
		}
	})
}

func TestMixRefuses(t *testing.T) {
	for name, mix := range map[string]func(){
		"sizes": func() { Mix(synthetic(Size{2, 3, 3}), synthetic(Size{3, 2, 3}), 0.5) },
		"share": func() { Mix(synthetic(Size{2, 3, 3}), synthetic(Size{2, 3, 3}), 1.5) },
		"NaN":   func() { Mix(synthetic(Size{2, 3, 3}), synthetic(Size{2, 3, 3}), math.NaN()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			mix()
		}()
	}
}
