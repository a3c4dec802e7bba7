package samples

import (
	"bytes"
	"image"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPhotographDependsOnItsArgumentsAlone(t *testing.T) {
	a, b, other := Photograph(3, 60, 100), Photograph(3, 60, 100), Photograph(4, 60, 100)
	if !bytes.Equal(a.Pix, b.Pix) {
		t.Error("equal seeds give different pictures")
	}
	if bytes.Equal(a.Pix, other.Pix) {
		t.Error("different seeds give the same picture")
	}
	if a.Rect != image.Rect(0, 0, 100, 60) {
		t.Errorf("the picture has %v, want 100×60", a.Rect)
	}
}

// In noise of amplitude 1/f every octave of a field has the same variance: the
// power 1/f² falls as fast as the area of a ring of frequencies grows.
func TestPinkOctavesAreEven(t *testing.T) {
	const size = 256
	random := rand.New(rand.NewPCG(1, 2))
	var variance, mean float64
	octaves := map[int]float64{}
	const fields = 4
	for range fields {
		field := pink(random, size, size)
		for _, v := range field {
			variance += real(v) * real(v) / (size * size * fields)
			mean += real(v) / (size * size * fields)
		}
		transform2(field, size, size)
		for y := range size {
			for x := range size {
				f := math.Hypot(float64(min(y, size-y)), float64(min(x, size-x)))
				if f >= 4 && f < 64 {
					octaves[int(math.Log2(f))] += math.Pow(cmplx.Abs(field[y*size+x]), 2)
				}
			}
		}
	}
	if math.Abs(mean) > 1e-9 {
		t.Errorf("the mean is %g, want 0", mean)
	}
	if variance < 0.5 || variance > 1.5 {
		t.Errorf("the variance is %g, want about 1", variance)
	}
	for octave, power := range octaves {
		if ratio := power / octaves[4]; ratio < 0.8 || ratio > 1.25 {
			t.Errorf("octave %d has %.2f times the power of octave 4, want about the same", octave, ratio)
		}
	}
}

func TestTransformAgainstItsDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const n = 16
	in := make([]complex128, n)
	for i := range in {
		in[i] = complex(random.NormFloat64(), random.NormFloat64())
	}
	out := append([]complex128(nil), in...)
	transform(out)
	for k, got := range out {
		var want complex128
		for i, v := range in {
			want += v * cmplx.Exp(complex(0, -2*math.Pi*float64(k*i)/n))
		}
		if cmplx.Abs(got-want) > 1e-12 {
			t.Errorf("coefficient %d is %v, want %v", k, got, want)
		}
	}
}

// The benchmarks' pictures weigh about 90 KB, are in colour and use the bytes'
// range without much clipping.
func TestPhotographsWeighNinetyKilobytes(t *testing.T) {
	const n = 6
	total := 0
	for seed := range uint64(n) {
		im := Photograph(seed, PhotographHeight, PhotographWidth)
		content, err := JPEG(im, PhotographQuality)
		if err != nil {
			t.Fatal(err)
		}
		total += len(content)
		var clipped int
		var sum, square, colour float64
		for i := 0; i < len(im.Pix); i += 4 {
			r, g, b := float64(im.Pix[i]), float64(im.Pix[i+1]), float64(im.Pix[i+2])
			if im.Pix[i+1] == 0 || im.Pix[i+1] == 255 {
				clipped++
			}
			sum += g
			square += g * g
			colour += math.Abs(r-g) + math.Abs(b-g)
		}
		pixels := float64(len(im.Pix) / 4)
		mean := sum / pixels
		deviation := math.Sqrt(square/pixels - mean*mean)
		if mean < 70 || mean > 180 || deviation < 25 || deviation > 60 {
			t.Errorf("picture %d has green of mean %.0f and deviation %.0f", seed, mean, deviation)
		}
		if share := float64(clipped) / pixels; share > 0.05 {
			t.Errorf("picture %d has %.1f %% of clipped pixels", seed, 100*share)
		}
		if colour/pixels < 8 {
			t.Errorf("picture %d is nearly grey", seed)
		}
	}
	if mean := total / n; mean < 85_000 || mean > 95_000 {
		t.Errorf("pictures have %d bytes on average, want about 90,000", mean)
	}
}

func TestPhotographsAreWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	paths, err := Photographs(dir, 3, 2, 30, 40)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"class-0/0000.jpg", "class-1/0001.jpg", "class-0/0002.jpg"}; !slices.Equal(paths, want) {
		t.Fatalf("the paths are %q, want %q", paths, want)
	}
	for i, path := range paths {
		want, err := photograph(i, 30, 40)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := os.ReadFile(filepath.Join(dir, path)); err != nil || !bytes.Equal(found, want) {
			t.Errorf("%s is not photograph %d (%v)", path, i, err)
		}
	}
	// A complete set is left alone, one without its end is written again.
	first := filepath.Join(dir, paths[0])
	if err := os.WriteFile(first, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	size := func() int64 {
		if _, err := Photographs(dir, 3, 2, 30, 40); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(first)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if size() != 0 {
		t.Error("a complete set was written again")
	}
	if err := os.Remove(filepath.Join(dir, paths[2])); err != nil {
		t.Fatal(err)
	}
	if size() == 0 {
		t.Error("a set without its last picture was left alone")
	}
}
