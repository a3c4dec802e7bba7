package corrupt

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cone/picture"
	"cone/weights"
)

// counted are the draws of testdata/answers.py.
type counted struct{ at uint64 }

func (c *counted) Float64() float64 {
	c.at++
	x := uint32(c.at * 2654435761)
	x ^= x >> 15
	x *= 2246822519
	x ^= x >> 13
	return (float64(x) + 0.5) / (1 << 32)
}

func (c *counted) Normal() float64          { return math.Sqrt(12) * (c.Float64() - 0.5) }
func (c *counted) IntN(n int) int           { return int(float64(n) * c.Float64()) }
func (c *counted) Poisson(mean float64) int { return int(2 * mean * c.Float64()) }

// synthetic is the picture of that name in testdata/answers.py.
func synthetic(height, width, channels int) *picture.Image {
	im := &picture.Image{}
	im.Reset(picture.Size{Height: height, Width: width, Channels: channels})
	for i := range im.Pixels {
		noise := int(uint32(i+1) * 2654435761 >> 24)
		pixel := i / channels
		slope := (pixel/width*3 + pixel%width*2 + i%channels*60) % 256
		im.Pixels[i] = uint8((noise + 3*slope) / 4)
	}
	return im
}

// loose are the corruptions where others compute in float32 or at 1/32 of a
// pixel: the largest difference that may be, and the mean one.
var loose = map[string][2]float64{
	"elastic_transform": {6, 0.6},
}

// Others' programs give the same pictures from the same draws. A value may be
// cut off at the other side of a whole number.
func TestKnownAnswers(t *testing.T) {
	file, err := weights.Open("testdata/answers.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[string]int{}
	for _, key := range file.Names() {
		want, err := file.Read(key)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(key, "/")
		side, _ := strconv.Atoi(parts[1])
		severity, _ := strconv.Atoi(parts[2])
		at := slices.IndexFunc(all, func(c Corruption) bool { return c.Name == parts[0] })
		if at < 0 {
			t.Fatalf("%s is not known", key)
		}
		seen[parts[0]]++
		im := synthetic(side, side, 3)
		if err := all[at].apply(im, level{scaleOf(im.Size), severity - 1}, &counted{}); err != nil {
			t.Fatal(err)
		}
		most, total := 0.0, 0.0
		for i, w := range want.Data {
			difference := math.Abs(float64(im.Pixels[23*i]) - float64(w))
			most, total = max(most, difference), total+difference
		}
		bound, ok := loose[parts[0]]
		if !ok {
			bound = [2]float64{1, 0.06}
		}
		if mean := total / float64(len(want.Data)); most > bound[0] || mean > bound[1] {
			t.Errorf("%s: differs by up to %v, %.4f on average", key, most, mean)
		}
	}
	for _, c := range all {
		if seen[c.Name] != 3*Severities {
			t.Errorf("%s has %d known answers", c.Name, seen[c.Name])
		}
	}
}

// A corruption changes the picture, the same way each time, and another way
// with another seed or index where it is random.
func TestPictureFollowsFromSeedAndIndex(t *testing.T) {
	still := []string{"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "gaussian_blur", "saturate"}
	original := synthetic(40, 36, 3)
	for _, c := range all {
		for severity := 1; severity <= Severities; severity++ {
			get := func(seed uint64, index int) []uint8 {
				im := synthetic(40, 36, 3)
				if err := c.Apply(im, severity, seed, index); err != nil {
					t.Fatal(err)
				}
				return im.Pixels
			}
			first := get(1, 5)
			if bytes.Equal(first, original.Pixels) {
				t.Errorf("%s at %d changes nothing", c.Name, severity)
			}
			if !bytes.Equal(first, get(1, 5)) {
				t.Errorf("%s at %d gives two pictures", c.Name, severity)
			}
			same := slices.Contains(still, c.Name)
			if bytes.Equal(first, get(2, 5)) != same || bytes.Equal(first, get(1, 6)) != same {
				t.Errorf("%s at %d: is it random?", c.Name, severity)
			}
		}
	}
}

// A grey picture of 1 channel is what one of 3 equal channels is.
func TestGreyStaysGrey(t *testing.T) {
	for _, c := range all {
		if strings.HasSuffix(c.Name, "noise") || c.Name == "saturate" {
			continue // a draw for every value; and the authors colour a grey red
		}
		for _, side := range []int{28, 64, 121} {
			grey := synthetic(side, side+3, 1)
			rgb := &picture.Image{}
			rgb.Reset(picture.Size{Height: side, Width: side + 3, Channels: 3})
			for i := range rgb.Pixels {
				rgb.Pixels[i] = grey.Pixels[i/3]
			}
			for _, im := range []*picture.Image{grey, rgb} {
				if err := c.Apply(im, 3, 0, 9); err != nil {
					t.Fatal(err)
				}
			}
			for i, v := range rgb.Pixels {
				if d := int(v) - int(grey.Pixels[i/3]); d < -1 || d > 1 {
					t.Errorf("%s at %d: %d grey, %d in colour", c.Name, side, grey.Pixels[i/3], v)
					break
				}
			}
		}
	}
	grey := synthetic(28, 28, 1)
	if err := all[len(all)-1].Apply(grey, 5, 0, 0); err != nil || !bytes.Equal(grey.Pixels, synthetic(28, 28, 1).Pixels) {
		t.Error("saturation changes a grey picture")
	}
}

// The pictures' smallest sides meet borders of every kind.
func TestSmallPictures(t *testing.T) {
	for _, c := range all {
		for _, s := range [][2]int{{1, 1}, {1, 7}, {3, 2}, {130, 120}} {
			for severity := 1; severity <= Severities; severity++ {
				if err := c.Apply(synthetic(s[0], s[1], 3), severity, 0, 0); err != nil {
					t.Errorf("%s at %d of %v: %v", c.Name, severity, s, err)
				}
			}
		}
	}
}

// Noise has the mean and deviation that its formula gives a middle grey.
func TestNoiseStatistics(t *testing.T) {
	const side, grey = 32, 102 // 0.4
	for _, c := range all {
		var want float64         // variance of values from 0 to 1
		half, bound := 0.5, 0.03 // what is cut off, on average; of the variance
		for severity := 1; severity <= Severities; severity++ {
			l := level{cifar, severity - 1}
			mean := 0.4
			switch c.Name {
			case "gaussian_noise":
				want = math.Pow(gaussianDeviation.at(l), 2)
			case "speckle_noise":
				want = math.Pow(0.4*speckleDeviation.at(l), 2)
			case "shot_noise":
				want = 0.4 / shotPhotons.at(l)
				bound = 0.06 // counts meet the cutting in step
			case "impulse_noise":
				share := impulseShare.at(l)
				half, bound = 0, 0.12 // few values change
				want = share * (0.5*0.36 + 0.5*0.16)
				mean += share * 0.1
				want -= math.Pow(share*0.1, 2)
			default:
				continue
			}
			sum, squares, n := 0.0, 0.0, 0.0
			for index := range 40 {
				im := &picture.Image{}
				im.Reset(picture.Size{Height: side, Width: side, Channels: 3})
				for i := range im.Pixels {
					im.Pixels[i] = grey
				}
				if err := c.Apply(im, severity, 3, index); err != nil {
					t.Fatal(err)
				}
				for _, v := range im.Pixels {
					x := (float64(v) + half) / 255
					sum, squares, n = sum+x, squares+x*x, n+1
				}
			}
			got := sum / n
			variance := squares/n - got*got
			if math.Abs(got-mean) > 0.003 || math.Abs(variance/want-1) > bound {
				t.Errorf("%s at %d: mean %.4f and variance %.6f, not %.4f and %.6f", c.Name, severity, got, variance, mean, want)
			}
		}
	}
}

// Counts have Poisson's mean and variance for every mean that can come.
func TestPoisson(t *testing.T) {
	r := &random{}
	if r.Poisson(0) != 0 {
		t.Error("counts without photons")
	}
	for _, mean := range []float64{0.01, 1, 7.5, 60, 500} {
		const n = 20000
		sum, squares := 0.0, 0.0
		for range n {
			x := float64(r.Poisson(mean))
			sum, squares = sum+x, squares+x*x
		}
		got := sum / n
		if math.Abs(got-mean) > 5*math.Sqrt(mean/n) || math.Abs((squares/n-got*got)/mean-1) > 0.1+0.5/math.Sqrt(mean*n) {
			t.Errorf("mean %v and variance %v for %v", got, squares/n-got*got, mean)
		}
	}
}

func TestParse(t *testing.T) {
	count := func(list string, want ...string) {
		t.Helper()
		chosen, err := Parse(list)
		got := []string{}
		for _, c := range chosen {
			got = append(got, c.Name)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", list, got, err)
		}
	}
	count("contrast, noise,shot_noise", "gaussian_noise", "shot_noise", "impulse_noise", "contrast")
	if everything, err := Parse("all"); err != nil || len(everything) != 17 {
		t.Errorf("%d corruptions: %v", len(everything), err)
	}
	if common, err := Parse("common"); err != nil || len(common) != 14 {
		t.Errorf("%d common corruptions: %v", len(common), err)
	}
	for _, list := range []string{"", "contrast,", "grime"} {
		if _, err := Parse(list); err == nil || !strings.Contains(err.Error(), "gaussian_noise") {
			t.Errorf("%q: %v", list, err)
		}
	}
	if _, err := Parse("frost"); err == nil || !strings.Contains(err.Error(), "photographs") {
		t.Errorf("frost: %v", err)
	}
}
