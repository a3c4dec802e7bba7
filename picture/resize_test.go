package picture

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"cone/picture/internal/kernel"
)

// noise fills im with random values, extremes among them: they drive bicubic
// sums out of a byte's range.
func noise(im *Image, random *rand.Rand) {
	for i := range im.Pixels {
		switch v := random.IntN(320); {
		case v < 256:
			im.Pixels[i] = uint8(v)
		case v < 288:
			im.Pixels[i] = 255
		default:
			im.Pixels[i] = 0
		}
	}
}

// TestVariantsAgree resizes random parts of random pictures with every variant.
// Pictures and results end where memory ends, or begin where it begins, so that
// an access outside of them is a crash.
func TestVariantsAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	side := func() int {
		if random.IntN(10) == 0 {
			return 1 + random.IntN(1500)
		}
		return 1 + random.IntN(70)
	}
	rounds := 1500
	if testing.Short() {
		rounds = 100
	}
	defer func() { kernel.Active = kernel.Best }()
	for round := range rounds {
		size := Size{side(), side(), []int{3, 3, 1, 2, 4, 5}[random.IntN(6)]}
		height, width, filter := side(), side(), Filter(random.IntN(3))
		src := &Image{size, guarded(t, size.Bytes(), round%2 == 0)}
		noise(src, random)
		top, left := random.Float64()*float64(size.Height), random.Float64()*float64(size.Width)
		box := Box{top, left, random.Float64() * (float64(size.Height) - top), random.Float64() * (float64(size.Width) - left)}
		switch random.IntN(4) {
		case 0:
			box = whole(src)
		case 1:
			box = Box{0, box.Left, float64(size.Height), box.Width}
		}
		if float32(box.Left+box.Width) == float32(box.Left) || float32(box.Top+box.Height) == float32(box.Top) {
			continue
		}
		crop, flip := random.IntN(2) == 0, random.IntN(2) == 0
		var want *Image
		for level := kernel.Portable; level <= kernel.Best; level++ {
			kernel.Active = level
			got := &Image{Pixels: guarded(t, height*width*size.Channels, round%2 == 0)}
			apply := Resize
			switch {
			case crop && flip:
				apply = ResizedCropFlipped
			case crop:
				apply = ResizedCrop
			}
			s := &Scratch{}
			apply(got, src, box, height, width, filter, s)
			if n := len(s.memory); n > 0 { // again, with no more memory than that
				s.memory = guarded(t, n, round%2 == 0)
				apply(got, src, box, height, width, filter, s)
				release(s.memory)
			}
			if want == nil {
				want = got.clone()
			}
			t.Run(fmt.Sprintf("%v %+v to %dx%d %v %v", size, box, height, width, filter, level), func(t *testing.T) {
				same(t, got, want)
			})
			release(got.Pixels)
		}
		release(src.Pixels)
		if t.Failed() {
			return
		}
	}
}

// TestWeightsAreSmall checks what the vector kernels rely on: a weight fits three
// signed base-256 digits.
func TestWeightsAreSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var a axis
	largest := int32(0)
	for range 20000 {
		in, out := 1+random.IntN(12), 1+random.IntN(40)
		begin := random.Float32() * float32(in)
		end := begin + random.Float32()*(float32(in)-begin)
		if end <= begin {
			continue
		}
		a.fill(line{in: in, begin: begin, end: end, out: out, n: out, filter: Bicubic})
		for i := range out {
			sum := int32(0)
			for _, w := range a.Weight[i*a.Taps : (i+1)*a.Taps] {
				largest = max(largest, w, -w)
				sum += w
			}
			if off := sum - 1<<22; off > a.Count[i] || -off > a.Count[i] {
				t.Fatalf("%d of [%v, %v) of %d: the weights add up to %d, not about 2^22", out, begin, end, in, sum)
			}
		}
	}
	if limit := int32(1 << 22 * 12 / 10); largest > limit {
		t.Errorf("the largest weight is %d, above %d", largest, limit)
	}
}

func TestResizeKeepsConstant(t *testing.T) {
	levels(t, func(t *testing.T) {
		var s Scratch
		src, dst := &Image{}, &Image{}
		for _, value := range []uint8{0, 1, 127, 254, 255} {
			src.Reset(Size{43, 58, 3})
			for i := range src.Pixels {
				src.Pixels[i] = value
			}
			for filter := Nearest; filter <= Bicubic; filter++ {
				for _, to := range []int{1, 2, 7, 43, 100, 333} {
					Resize(dst, src, Box{0.3, 1.7, 42, 55}, to, 2*to, filter, &s)
					for _, v := range dst.Pixels {
						if v != value {
							t.Fatalf("%v to %d makes %d of %d", filter, to, v, value)
						}
					}
				}
			}
		}
	})
}

func TestResizeToItself(t *testing.T) {
	levels(t, func(t *testing.T) {
		var s Scratch
		src, dst := synthetic(Size{31, 47, 3}), &Image{}
		for filter := Nearest; filter <= Bicubic; filter++ {
			Resize(dst, src, whole(src), src.Height, src.Width, filter, &s)
			same(t, dst, src)
		}
	})
}

// TestResizedCrop compares with what it stands for: cutting, then resizing.
func TestResizedCrop(t *testing.T) {
	levels(t, func(t *testing.T) {
		var s Scratch
		src := synthetic(Size{61, 97, 3})
		cut, want, got := &Image{}, &Image{}, &Image{}
		for filter := Nearest; filter <= Bicubic; filter++ {
			for _, box := range []Box{{7, 11, 37, 53}, {7.5, 11.25, 37, 53.5}, {0, 0, 61, 97}, {60, 96, 1, 1}, {10, 10, 32, 32}} {
				part := inside(src, box)
				Crop(cut, src, part)
				moved := Box{box.Top - float64(part.Top), box.Left - float64(part.Left), box.Height, box.Width}
				Resize(want, cut, moved, 32, 32, filter, &s)
				ResizedCrop(got, src, box, 32, 32, filter, &s)
				same(t, got, want)
				Flip(want)
				ResizedCropFlipped(got, src, box, 32, 32, filter, &s)
				same(t, got, want)
			}
		}
	})
}

func TestResizeCutsBoxToPicture(t *testing.T) {
	var s Scratch
	src, got, want := synthetic(Size{20, 30, 3}), &Image{}, &Image{}
	Resize(want, src, whole(src), 9, 9, Bilinear, &s)
	Resize(got, src, Box{-1e-9, -3, 20 + 1e-8, 40}, 9, 9, Bilinear, &s)
	same(t, got, want)
	ResizedCrop(got, src, Box{-1e-9, -3, 20 + 1e-8, 40}, 9, 9, Bilinear, &s)
	same(t, got, want)
}

func TestResizeRefuses(t *testing.T) {
	src := synthetic(Size{20, 30, 3})
	for _, c := range []struct {
		name          string
		src           *Image
		box           Box
		height, width int
		filter        Filter
	}{
		{"empty box", src, Box{3, 3, 0, 5}, 4, 4, Bilinear},
		{"box outside", src, Box{25, 3, 5, 5}, 4, 4, Bilinear},
		{"negative box", src, Box{3, 3, 5, -5}, 4, 4, Bilinear},
		{"no number", src, Box{3, 3, 5, math.NaN()}, 4, 4, Bilinear},
		{"no place", src, Box{math.NaN(), 3, 5, 5}, 4, 4, Nearest},
		{"no height", src, whole(src), 0, 4, Bilinear},
		{"no width", src, whole(src), 4, 0, Bilinear},
		{"short pixels", &Image{src.Size, src.Pixels[:100]}, whole(src), 4, 4, Bilinear},
		{"empty picture", &Image{}, Box{0, 0, 1, 1}, 4, 4, Bilinear},
		{"filter", src, whole(src), 4, 4, Bicubic + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, resize := range []func(dst, src *Image, box Box, height, width int, f Filter, s *Scratch){Resize, ResizedCrop} {
				func() {
					defer func() {
						if recover() == nil {
							t.Error("no panic")
						}
					}()
					resize(&Image{}, c.src, c.box, c.height, c.width, c.filter, &Scratch{})
				}()
			}
		})
	}
}

func TestResizeAllocatesNothing(t *testing.T) {
	var s Scratch
	src, dst := synthetic(Size{60, 80, 3}), &Image{}
	left := 0.0
	allocations := testing.AllocsPerRun(100, func() {
		left += 0.01
		ResizedCrop(dst, src, Box{1, left, 50, 60}, 32, 32, Bicubic, &s)
	})
	if allocations > 0 {
		t.Errorf("%v allocations for each picture", allocations)
	}
}
