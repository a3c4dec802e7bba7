package codec

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"cone/picture"
)

// photo is noise whose amplitude halves with every octave of frequency, as in
// photographs.
func photo(seed uint64, height, width int) *image.NRGBA {
	r := rand.New(rand.NewPCG(seed, 0))
	plane := func(amplitude float64) []float64 {
		sum := make([]float64, height*width)
		for cell := 128; cell >= 1; cell /= 2 {
			columns := width/cell + 2
			grid := make([]float64, columns*(height/cell+2))
			for i := range grid {
				grid[i] = r.NormFloat64() * amplitude * math.Pow(float64(cell)/128, 0.6)
			}
			for y := range height {
				for x := range width {
					g := grid[y/cell*columns+x/cell:]
					fy, fx := float64(y%cell)/float64(cell), float64(x%cell)/float64(cell)
					sum[y*width+x] += (1-fy)*((1-fx)*g[0]+fx*g[1]) + fy*((1-fx)*g[columns]+fx*g[columns+1])
				}
			}
		}
		return sum
	}
	luma, red, blue := plane(50), plane(15), plane(15)
	im := image.NewNRGBA(image.Rect(0, 0, width, height))
	clip := func(v float64) uint8 { return uint8(min(max(v, 0), 255)) }
	for i, v := range luma {
		v += 120
		im.SetNRGBA(i%width, i/width, color.NRGBA{clip(v + red[i]), clip(v - (red[i]+blue[i])/3), clip(v + blue[i]), 255})
	}
	return im
}

// encoded is the picture as a 4:2:0 JPEG of at least that many bytes.
func encoded(im image.Image, size int) []byte {
	var b bytes.Buffer
	for quality := 50; quality <= 100; quality++ {
		b.Reset()
		if jpeg.Encode(&b, im, &jpeg.Options{Quality: quality}); b.Len() >= size {
			break
		}
	}
	return b.Bytes()
}

var photos = sync.OnceValue(func() (all [][]byte) {
	for seed := range uint64(8) {
		all = append(all, encoded(photo(seed, 375, 500), 90_000))
	}
	return all
})

// crop draws the part of a random resized crop, 8 to 100 % of the area with
// aspects of 3:4 to 4:3.
func crop(r *rand.Rand, s picture.Size) picture.Rect {
	for {
		area := float64(s.Height*s.Width) * (0.08 + 0.92*r.Float64())
		aspect := math.Exp((2*r.Float64() - 1) * math.Log(4.0/3))
		w, h := int(math.Round(math.Sqrt(area*aspect))), int(math.Round(math.Sqrt(area/aspect)))
		if w <= s.Width && h <= s.Height {
			return picture.Rect{Top: r.IntN(s.Height - h + 1), Left: r.IntN(s.Width - w + 1), Height: h, Width: w}
		}
	}
}

func benchmark(b *testing.B, files [][]byte, decode func(*File, *picture.Image, *rand.Rand) error) {
	d := NewDecoder(Options{Exif: true})
	defer d.Close()
	im := new(picture.Image)
	r := rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f, err := d.Open(files[i%len(files)])
		if err == nil {
			err = decode(f, im, r)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// 500×375, 90 KB, 4:2:0: the pictures of ImageNet on average.
func BenchmarkWhole(b *testing.B) {
	benchmark(b, photos(), func(f *File, im *picture.Image, _ *rand.Rand) error { return f.Decode(im) })
}

func BenchmarkRandomResizedCropExact(b *testing.B) {
	benchmark(b, photos(), func(f *File, im *picture.Image, r *rand.Rand) error {
		_, err := f.Region(im, crop(r, f.Shape()), 0, 0)
		return err
	})
}

func BenchmarkRandomResizedCropScaled(b *testing.B) {
	benchmark(b, photos(), func(f *File, im *picture.Image, r *rand.Rand) error {
		_, err := f.Region(im, crop(r, f.Shape()), 224, 224)
		return err
	})
}

// A photograph of 3 megapixels, where scales below 1 pay.
func BenchmarkLargeRandomResizedCropScaled(b *testing.B) {
	files := [][]byte{encoded(photo(1, 1536, 2048), 900_000)}
	benchmark(b, files, func(f *File, im *picture.Image, r *rand.Rand) error {
		_, err := f.Region(im, crop(r, f.Shape()), 224, 224)
		return err
	})
}

func BenchmarkLargeRandomResizedCropExact(b *testing.B) {
	files := [][]byte{encoded(photo(1, 1536, 2048), 900_000)}
	benchmark(b, files, func(f *File, im *picture.Image, r *rand.Rand) error {
		_, err := f.Region(im, crop(r, f.Shape()), 0, 0)
		return err
	})
}
