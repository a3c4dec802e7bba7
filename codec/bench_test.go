package codec

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"cone/internal/samples"
	"cone/picture"
)

// photo is noise like a photograph as a 4:2:0 JPEG of about 4 bits a pixel.
func photo(seed uint64, height, width int) []byte {
	content, err := samples.JPEG(samples.Photograph(seed, height, width), samples.PhotographQuality)
	if err != nil {
		panic(err)
	}
	return content
}

var photos = sync.OnceValue(func() (all [][]byte) {
	for seed := range uint64(8) {
		all = append(all, photo(seed, samples.PhotographHeight, samples.PhotographWidth))
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
	files := [][]byte{photo(1, 1536, 2048)}
	benchmark(b, files, func(f *File, im *picture.Image, r *rand.Rand) error {
		_, err := f.Region(im, crop(r, f.Shape()), 224, 224)
		return err
	})
}

func BenchmarkLargeRandomResizedCropExact(b *testing.B) {
	files := [][]byte{photo(1, 1536, 2048)}
	benchmark(b, files, func(f *File, im *picture.Image, r *rand.Rand) error {
		_, err := f.Region(im, crop(r, f.Shape()), 0, 0)
		return err
	})
}
