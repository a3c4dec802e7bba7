package picture

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"cone/picture/internal/kernel"
)

// synthetic is the picture of that name in testdata/pillow.py.
func synthetic(size Size) *Image {
	im := &Image{}
	im.Reset(size)
	for i := range im.Pixels {
		noise := int(uint32(i+1) * 2654435761 >> 24)
		pixel := i / size.Channels
		slope := (pixel/size.Width*3 + pixel%size.Width*2 + i%size.Channels*60) % 256
		im.Pixels[i] = uint8((noise + 3*slope) / 4)
	}
	return im
}

// pillow applies what a key of pillow.safetensors names.
func pillow(t *testing.T, key string, s *Scratch) *Image {
	t.Helper()
	parts := strings.Split(key, "/")
	var numbers []float64
	filter := Nearest
	for _, text := range append(strings.Split(parts[1], "x"), parts[2:]...) {
		if f := strings.Index("nearest bilinear bicubic", text); f >= 0 {
			filter = Filter(strings.Count("nearest bilinear bicubic"[:f], " "))
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, v)
	}
	im, dst := synthetic(Size{int(numbers[0]), int(numbers[1]), int(numbers[2])}), &Image{}
	n := numbers[3:]
	fill := [3]uint8{9, 80, 200}
	switch parts[0] {
	case "resize":
		Resize(dst, im, Box{n[3], n[2], n[5] - n[3], n[4] - n[2]}, int(n[0]), int(n[1]), filter, s)
		return dst
	case "orient":
		Orient(dst, im, int(n[0]))
		return dst
	case "rotate":
		Rotate(dst, im, n[0], filter, fill)
		return dst
	case "affine":
		Affine(dst, im, [6]float64(n), filter, fill)
		return dst
	case "sharpness":
		Sharpness(im, n[0], s)
	case "contrast":
		Contrast(im, n[0])
	case "brightness":
		Brightness(im, n[0])
	case "color":
		Color(im, n[0])
	case "hue":
		Hue(im, n[0])
	case "equalize":
		Equalize(im)
	case "autocontrast":
		AutoContrast(im)
	case "boxes":
		GaussianBlurBoxes(im, n[0], s)
	case "blur":
		GaussianBlur(im, int(n[0]), n[1], s)
	default:
		t.Fatalf("unknown key %q", key)
	}
	return im
}

func TestPillow(t *testing.T) {
	want := golden(t, "pillow.safetensors")
	levels(t, func(t *testing.T) {
		var s Scratch
		for key, image := range want {
			t.Run(key, func(t *testing.T) { same(t, pillow(t, key, &s), image) })
		}
	})
}

// TestEveryColour compares what becomes of all 2²⁴ colours by their digest.
func TestEveryColour(t *testing.T) {
	every := &Image{}
	every.Reset(Size{4096, 4096, 3})
	for i := range 1 << 24 {
		every.Pixels[3*i], every.Pixels[3*i+1], every.Pixels[3*i+2] = uint8(i>>16), uint8(i>>8), uint8(i)
	}
	im := &Image{}
	im.Reset(every.Size)
	for _, c := range []struct {
		name, digest string
		apply        func(*Image)
		plain        bool // tried without vector instructions too
	}{
		{"hue 0", "117f7237e5d272e10db1172e862e82389e9329a68811e5b66d5cb576cd276c57",
			func(im *Image) { Hue(im, 0) }, false},
		{"hue 0.1", "4d84454d50c66634d31d69a7d75ef94dc6d9b0f1463a733f45ad31ae152e1a0f",
			func(im *Image) { Hue(im, 0.1) }, true},
		{"hue -0.3", "765a9749cee1914a8f420ccb5aae37d55209cd6014db8860f8b41a43adcc0ce6",
			func(im *Image) { Hue(im, -0.3) }, false},
		{"grey", "7a9ac148696cc08e69745e510ad1a228f087fb9a7bcddb6601fa66e09b516c0b", Grey, true},
		{"color 0.37", "a15c2e907fc70022e840636dc565d796c47fab0d995a743f599fc69a9d76e1be",
			func(im *Image) { Color(im, 0.37) }, false},
		{"color 1.83", "6ce4287d649d0ac44402b0144ca5ed3e976500fe5a18121083424d95b4ed7799",
			func(im *Image) { Color(im, 1.83) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			levels(t, func(t *testing.T) {
				if kernel.Active != kernel.Best && !c.plain {
					t.Skip("the vector instructions' turn suffices")
				}
				copy(im.Pixels, every.Pixels)
				c.apply(im)
				if sum := sha256.Sum256(im.Pixels); hex.EncodeToString(sum[:]) != c.digest {
					t.Errorf("the colours' digest is %x, want %s", sum, c.digest)
				}
			})
		})
	}
}
