package picture

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// operation applies what a key of augment_ops.safetensors names, such as
// "ShearX/0.3/bicubic" or "PosterizeIncreasing/level7".
func operation(t *testing.T, src *Image, key string) *Image {
	t.Helper()
	parts := strings.Split(key, "/")
	im, dst := src.clone(), &Image{}
	var s Scratch
	number := func(text, prefix string) float64 {
		v, err := strconv.ParseFloat(strings.TrimPrefix(text, prefix), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if len(parts) == 3 {
		value := number(parts[1], "")
		filter := map[string]Filter{"bilinear": Bilinear, "bicubic": Bicubic}[parts[2]]
		fill := [3]uint8{124, 116, 104} // 255 times ImageNet's mean: timm's create_transform
		switch parts[0] {
		case "ShearX":
			ShearX(dst, src, value, filter, fill)
		case "ShearY":
			ShearY(dst, src, value, filter, fill)
		case "TranslateXRel":
			TranslateX(dst, src, value*float64(src.Width), filter, fill)
		case "TranslateYRel":
			TranslateY(dst, src, value*float64(src.Height), filter, fill)
		case "Rotate":
			Rotate(dst, src, value, filter, fill)
		}
		return dst
	}
	// timm turns a level from 0 to 10 into an operation's argument like this.
	level := func() float64 { return number(parts[1], "level") / 10 }
	factor := func() float64 { return number(parts[1], "factor") }
	switch parts[0] {
	case "image":
	case "AutoContrast":
		AutoContrast(im)
	case "Equalize":
		Equalize(im)
	case "Invert":
		Invert(im)
	case "PosterizeIncreasing":
		Posterize(im, 4-int(level()*4))
	case "SolarizeIncreasing":
		Solarize(im, 256-int(level()*256))
	case "SolarizeAdd":
		SolarizeAdd(im, int(math.Min(128, level()*110)), 128)
	case "Color":
		Color(im, factor())
	case "Contrast":
		Contrast(im, factor())
	case "Brightness":
		Brightness(im, factor())
	case "Sharpness":
		Sharpness(im, factor(), &s)
	case "grey":
		Grey(im)
	case "jitter":
		for _, step := range strings.Split(parts[1], "_") {
			name := strings.TrimRight(step, "0123456789.-")
			value := number(step, name)
			switch name {
			case "brightness":
				Brightness(im, value)
			case "contrast":
				Contrast(im, value)
			case "saturation":
				Color(im, value)
			case "hue":
				Hue(im, value)
			default:
				t.Fatalf("unknown step %q", step)
			}
		}
	default:
		t.Fatalf("unknown key %q", key)
	}
	return im
}

func TestAugmentOps(t *testing.T) {
	levels(t, func(t *testing.T) {
		images := golden(t, "augment_ops.safetensors")
		for key, want := range images {
			t.Run(key, func(t *testing.T) { same(t, operation(t, images["image"], key), want) })
		}
	})
}
