package codec

import (
	"bytes"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"cone/internal/samples"
	"cone/picture"
)

// mean is the average of a channel of an image over a box that lies within it.
func mean(im *picture.Image, b picture.Box, channel int) float64 {
	var sum, weight float64
	for y := int(b.Top); float64(y) < b.Top+b.Height && y < im.Height; y++ {
		tall := min(b.Top+b.Height, float64(y+1)) - max(b.Top, float64(y))
		for x := int(b.Left); float64(x) < b.Left+b.Width && x < im.Width; x++ {
			wide := min(b.Left+b.Width, float64(x+1)) - max(b.Left, float64(x))
			sum += tall * wide * float64(im.Pixels[(y*im.Width+x)*3+channel])
			weight += tall * wide
		}
	}
	return sum / weight
}

// difference is the mean absolute difference of two parts' averages over a grid
// of cells of about 4×4 pixels of the larger one.
func difference(a *picture.Image, boxA picture.Box, b *picture.Image, boxB picture.Box) float64 {
	rows, columns := math.Ceil(boxA.Height/4), math.Ceil(boxA.Width/4)
	cell := func(box picture.Box, y, x float64) picture.Box {
		h, w := box.Height/rows, box.Width/columns
		return picture.Box{Top: box.Top + y*h, Left: box.Left + x*w, Height: h, Width: w}
	}
	var sum float64
	for y := range int(rows) {
		for x := range int(columns) {
			for c := range 3 {
				sum += math.Abs(mean(a, cell(boxA, float64(y), float64(x)), c) - mean(b, cell(boxB, float64(y), float64(x)), c))
			}
		}
	}
	return sum / (rows * columns * 3)
}

// A scaled part keeps the size that was asked for, lies where its box says,
// and shows what the exact part shows, in every orientation.
func TestScaledRegion(t *testing.T) {
	d := NewDecoder(Options{Exif: true})
	defer d.Close()
	r := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"ycc-444.jpg", "ycc-422.jpg", "ycc-420.jpg", "ycc-411.jpg", "grey.jpg", "ycck-420.jpg",
		"progressive-420.jpg", "turned-2.jpg", "turned-3.jpg", "turned-4.jpg", "turned-5.jpg", "turned-6.jpg", "turned-7.jpg",
		"turned-8.jpg"} {
		t.Run(name, func(t *testing.T) {
			content := read(t, name)
			whole := decoded(t, d, content)
			f, err := d.Open(content)
			if err != nil {
				t.Fatal(err)
			}
			im, scales := new(picture.Image), map[float64]int{}
			for range 60 {
				p := randomPart(r, f.Shape())
				p.Height, p.Width = max(p.Height, 48), max(p.Width, 48)
				p.Top, p.Left = min(p.Top, whole.Height-p.Height), min(p.Left, whole.Width-p.Width)
				divisor := 1 << r.IntN(4)
				height, width := max(1, p.Height/divisor), max(1, p.Width/divisor)
				box, err := f.Region(im, p, height, width)
				if err != nil {
					t.Fatal(err)
				}
				scale := box.Height / float64(p.Height)
				scales[scale]++
				if box.Height < float64(height) || box.Width < float64(width) || box.Width/float64(p.Width) != scale {
					t.Fatalf("%+v for %d×%d pixels came out as %+v", p, height, width, box)
				}
				if scale > 1.0/8 && box.Height >= float64(2*height) && box.Width >= float64(2*width) {
					t.Fatalf("%+v for %d×%d pixels came out larger than need be: %+v", p, height, width, box)
				}
				if box.Top < 0 || box.Left < 0 || box.Top+box.Height > float64(im.Height) || box.Left+box.Width > float64(im.Width) {
					t.Fatalf("%+v lies outside of %v", box, im.Size)
				}
				// The exact part next to the right one fits less well.
				best := difference(whole, p.Box(), im, box)
				step := max(1, int(0.75/scale))
				for _, by := range [][2]int{{step, 0}, {-step, 0}, {0, step}, {0, -step}} {
					q := p
					q.Top, q.Left = q.Top+by[0], q.Left+by[1]
					if q.Top < 0 || q.Left < 0 || q.Top+q.Height > whole.Height || q.Left+q.Width > whole.Width {
						continue
					}
					if other := difference(whole, q.Box(), im, box); other < 1.2*best {
						t.Errorf("%+v at scale %v differs by %.2f, %+v by %.2f", p, scale, best, q, other)
					}
				}
			}
			if len(scales) != 4 {
				t.Errorf("only the scales %v came up", scales)
			}
		})
	}
}

// A part that is decoded at a scale has the pixels of the whole picture at that
// scale, for every subsampling.
func TestScaledRegionIsThatOfTheWhole(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	r := rand.New(rand.NewPCG(5, 6))
	for _, g := range goldens(t) {
		if !strings.HasSuffix(g.name, ".jpg") || g.height < 64 || g.width < 64 {
			continue
		}
		f, err := d.Open(read(t, g.name))
		if err != nil {
			t.Fatal(err)
		}
		s := f.Shape()
		whole, im := new(picture.Image), new(picture.Image)
		for scale := 2; scale <= 8; scale *= 2 {
			if _, err := f.Region(whole, picture.Rect{Height: s.Height, Width: s.Width}, s.Height/scale, s.Width/scale); err != nil {
				t.Fatal(err)
			}
			small := picture.Size{Height: s.Height / scale, Width: s.Width / scale}
			for range 50 {
				p := randomPart(r, small)
				b, err := f.Region(im, picture.Rect{Top: p.Top * scale, Left: p.Left * scale, Height: p.Height * scale,
					Width: p.Width * scale}, p.Height, p.Width)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(cut(im, int(b.Top), int(b.Left), p.Height, p.Width), cut(whole, p.Top, p.Left, p.Height, p.Width)) {
					t.Fatalf("%s: %+v at scale 1/%d has other pixels than the whole picture at that scale", g.name, p, scale)
				}
			}
		}
	}
}

// What scaling changes on a photo-like picture, as the mean absolute difference
// from averaging the exact pixels.
func TestScaledPixelsAreClose(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	f, err := d.Open(photo(1, 800, 1024))
	if err != nil {
		t.Fatal(err)
	}
	s := f.Shape()
	whole, im := new(picture.Image), new(picture.Image)
	if err := f.Decode(whole); err != nil {
		t.Fatal(err)
	}
	for scale := 2; scale <= 8; scale *= 2 {
		if _, err := f.Region(im, picture.Rect{Height: s.Height, Width: s.Width}, s.Height/scale, s.Width/scale); err != nil {
			t.Fatal(err)
		}
		var sum float64
		for y := range im.Height {
			for x := range im.Width {
				b := picture.Rect{Top: y * scale, Left: x * scale, Height: scale, Width: scale}.Box()
				for c := range 3 {
					sum += math.Abs(mean(whole, b, c) - float64(im.Pixels[(y*im.Width+x)*3+c]))
				}
			}
		}
		d := sum / float64(len(im.Pixels))
		t.Logf("scale 1/%d: %.2f of 255", scale, d)
		if d > 2 {
			t.Errorf("scale 1/%d differs by %.2f on average", scale, d)
		}
	}
}

// Long and thin pictures.
func TestThinPictures(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	for _, s := range []image.Point{{20000, 1}, {1, 20000}} {
		im := image.NewGray(image.Rectangle{Max: s})
		for i := range im.Pix {
			im.Pix[i] = uint8(i / 100)
		}
		content, err := samples.JPEG(im, 50)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.Open(content)
		if err != nil {
			t.Fatal(err)
		}
		var out picture.Image
		p := picture.Rect{Top: s.Y / 2, Left: s.X / 2, Height: 1 + s.Y/4, Width: 1 + s.X/4}
		for _, size := range []int{0, 1, 224} {
			box, err := f.Region(&out, p, size, size)
			if err != nil {
				t.Fatal(err)
			}
			if v := out.Pixels[(int(box.Top)*out.Width+int(box.Left))*3]; v < 98 || v > 102 {
				t.Errorf("%v: the value at 10000 is %d, want about 100", s, v)
			}
		}
	}
}
