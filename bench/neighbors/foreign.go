package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"math/rand/v2"
	"slices"

	"cone/data"
	"cone/recipe"
)

// first is the first n images, in memory. Fashion-MNIST's are in no order.
func first(s data.Source, n int) (*data.Dataset, error) {
	size := s.Size()
	if !size.Known() || size.Channels != 1 {
		return nil, fmt.Errorf("the measurement needs grey images of one size, such as Fashion-MNIST's")
	}
	d := &data.Dataset{Height: size.Height, Width: size.Width, Channels: 1, ClassNames: s.Classes(), Origin: "test images"}
	var buffer []byte
	for i := range min(n, s.Len()) {
		pixels, err := s.Read(i, &buffer)
		if err != nil {
			return nil, err
		}
		d.Pixels = append(d.Pixels, pixels...)
		d.Labels = append(d.Labels, int64(s.Label(i)))
	}
	return d, nil
}

// foreign are as many pictures of other kinds, of the same size.
func foreign(test *data.Dataset, glyphs string) ([]*data.Dataset, error) {
	random := rand.New(rand.NewPCG(1, 2))
	h, w := test.Height, test.Width
	remade := func(name string, pixel func(i, y, x int) float64) *data.Dataset {
		d := *test
		d.Origin, d.Pixels = name, slices.Clone(test.Pixels)
		for at := range d.Pixels {
			d.Pixels[at] = byte(min(max(math.Round(pixel(at/(h*w), at/w%h, at%w)), 0), 255))
		}
		return &d
	}
	at := func(i, y, x int) float64 { return float64(test.Pixels[(i*h+y)*w+x]) }
	scenes := scenes(test.Len(), random)
	all := []*data.Dataset{
		remade("uniform noise", func(int, int, int) float64 { return 256 * random.Float64() }),
		remade("Gaussian noise", func(int, int, int) float64 { return 73 + 90*random.NormFloat64() }),
		remade("test images, inverted", func(i, y, x int) float64 { return 255 - at(i, y, x) }),
		remade("test images, a quarter turn", func(i, y, x int) float64 { return at(i, x, w-1-y) }),
		remade("test images, upside down", func(i, y, x int) float64 { return at(i, h-1-y, x) }),
		remade("made scenes", func(i, y, x int) float64 { return scenes[i].pixel(float64(y)/float64(h), float64(x)/float64(w)) }),
	}
	if glyphs == "" {
		return all, nil
	}
	letters, err := letters(test, glyphs)
	return append(all, letters), err
}

// scene is a made picture with the smooth shades and edges of small photographs:
// a sky, a ground and discs.
type scene struct {
	horizon, sky, ground, slope float64
	discs                       [4][4]float64 // y, x, radius, shade
}

func scenes(n int, random *rand.Rand) []scene {
	all := make([]scene, n)
	for i := range all {
		s := &all[i]
		s.horizon, s.slope = random.Float64(), random.Float64()-0.5
		s.sky, s.ground = 255*random.Float64(), 255*random.Float64()
		for d := range s.discs {
			s.discs[d] = [4]float64{random.Float64(), random.Float64(), 0.05 + 0.25*random.Float64(), 255 * random.Float64()}
		}
	}
	return all
}

func (s scene) pixel(y, x float64) float64 {
	for _, d := range s.discs {
		if math.Hypot(y-d[0], x-d[1]) < d[2] {
			return d[3] * (0.7 + 0.6*(x-d[1]+d[2])/(2*d[2])) // lit from a side
		}
	}
	if y < s.horizon+s.slope*(x-0.5) {
		return s.sky * (0.8 + 0.4*y)
	}
	return s.ground * (1.2 - 0.4*y)
}

// letters are glyphs at the test images' size, grey: light on dark, as
// Fashion-MNIST's pictures are.
func letters(test *data.Dataset, path string) (*data.Dataset, error) {
	d := recipe.Default().Data
	d.Path = path
	c, err := data.Open(d)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	out := *test
	out.Origin, out.Pixels = "letters", slices.Clone(test.Pixels)
	var buffer []byte
	every := c.Train.Len() / test.Len()
	for i := range test.Len() {
		content, err := c.Train.Read((i*every)%c.Train.Len(), &buffer)
		if err != nil {
			return nil, err
		}
		im, _, err := image.Decode(bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		shrink(out.Image(i), im, test.Height, test.Width)
	}
	return &out, nil
}

// shrink averages the picture's pixels that fall into each of h×w, inverted when
// its corner is light.
func shrink(out []byte, im image.Image, h, w int) {
	b := im.Bounds()
	grey := func(y, x int) float64 { return float64(color.GrayModel.Convert(im.At(x, y)).(color.Gray).Y) }
	light := grey(b.Min.Y, b.Min.X) > 127
	for y := range h {
		for x := range w {
			sum, n := 0.0, 0
			for sy := b.Min.Y + y*b.Dy()/h; sy < max(b.Min.Y+(y+1)*b.Dy()/h, b.Min.Y+y*b.Dy()/h+1); sy++ {
				for sx := b.Min.X + x*b.Dx()/w; sx < max(b.Min.X+(x+1)*b.Dx()/w, b.Min.X+x*b.Dx()/w+1); sx++ {
					sum, n = sum+grey(sy, sx), n+1
				}
			}
			v := sum / float64(n)
			if light {
				v = 255 - v
			}
			out[y*w+x] = byte(math.Round(v))
		}
	}
}
