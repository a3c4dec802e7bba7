package codec

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"cone/picture"
)

// part cuts a part out of an image, so that parts can be compared.
func cut(im *picture.Image, top, left, height, width int) []byte {
	var b []byte
	for y := top; y < top+height; y++ {
		at := (y*im.Width + left) * 3
		b = append(b, im.Pixels[at:at+3*width]...)
	}
	return b
}

// randomPart is a part of s; small ones and ones that touch edges are frequent.
func randomPart(r *rand.Rand, s picture.Size) picture.Rect {
	span := func(n int) (from, length int) {
		from = r.IntN(n)
		switch length = 1 + r.IntN(n-from); r.IntN(4) {
		case 0:
			length = 1 + r.IntN(min(8, n-from))
		case 1:
			from, length = 0, 1+r.IntN(n)
		case 2:
			length = n - from
		}
		return from, length
	}
	var p picture.Rect
	p.Top, p.Height = span(s.Height)
	p.Left, p.Width = span(s.Width)
	return p
}

// Whatever the part, its pixels are those of the whole picture.
func TestRegionIsExact(t *testing.T) {
	d := NewDecoder(Options{Exif: true})
	defer d.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			content := read(t, g.name)
			whole := decoded(t, d, content)
			f, err := d.Open(content)
			if err != nil {
				t.Fatal(err)
			}
			tries := 30
			if strings.HasSuffix(g.name, ".jpg") {
				tries = 300
			}
			im := new(picture.Image)
			for range tries {
				p := randomPart(r, f.Shape())
				box, err := f.Region(im, p, 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				if box.Height != float64(p.Height) || box.Width != float64(p.Width) {
					t.Fatalf("part %+v came out as %+v", p, box)
				}
				got := cut(im, int(box.Top), int(box.Left), p.Height, p.Width)
				if !bytes.Equal(got, cut(whole, p.Top, p.Left, p.Height, p.Width)) {
					t.Fatalf("part %+v has other pixels than the whole picture", p)
				}
			}
		})
	}
}
