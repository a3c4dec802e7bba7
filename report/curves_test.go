package report

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func drawCurves(t *testing.T, points []Point) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "curves.png")
	if err := Curves(path, points); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size != image.Pt(curvesWidth, curvesHeight) {
		t.Errorf("picture of %v", size)
	}
	return picture
}

// pixels counts the pixels of a colour in a part of the picture.
func pixels(picture image.Image, part image.Rectangle, c color.Color) int {
	r, g, b, _ := c.RGBA()
	n := 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if pr, pg, pb, _ := picture.At(x, y).RGBA(); pr == r && pg == g && pb == b {
				n++
			}
		}
	}
	return n
}

var (
	lossPart     = image.Rect(0, 0, curvesWidth, curvesHeight/2)
	accuracyPart = image.Rect(0, curvesHeight/2, curvesWidth/2, curvesHeight)
	ratePart     = image.Rect(curvesWidth/2, curvesHeight/2, curvesWidth, curvesHeight)
)

func TestCurvesShowEveryCurve(t *testing.T) {
	for name, n := range map[string]int{"a single epoch": 1, "few": 5, "many": 200} {
		var points []Point
		for i := range n {
			points = append(points, Point{
				Epoch:        n - i, // any order
				Losses:       map[string]float64{"a": 1 / float64(n-i), "b": 3, "c": math.NaN()},
				Top1:         0.5,
				LearningRate: 0.1,
			})
		}
		picture := drawCurves(t, points)
		for _, c := range []struct {
			what  string
			part  image.Rectangle
			color color.Color
		}{
			{"loss a", lossPart, palette[0]},
			{"loss b", lossPart, palette[1]},
			{"accuracy", accuracyPart, palette[1]},
			{"learning rate", ratePart, palette[2]},
		} {
			if got := pixels(picture, c.part, c.color); got < 10 {
				t.Errorf("%s: %s has %d pixels", name, c.what, got)
			}
		}
		if got := pixels(picture, lossPart, palette[2]); got != 0 {
			t.Errorf("%s: loss c, never finite, has %d pixels", name, got)
		}
	}
}

func TestCurvesTakeAnyNumbers(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, points := range [][]Point{
		nil,
		{{}},
		{{Epoch: 1, Top1: nan, LearningRate: nan}},
		{{Epoch: 1, Losses: map[string]float64{"x": inf, "y": nan}, Top1: nan}, {Epoch: 2, Losses: map[string]float64{"x": 1}, Top1: nan}},
		{{Epoch: 1, Losses: map[string]float64{"x": 1e308}}, {Epoch: 2, Losses: map[string]float64{"x": -1e308}}},
		{{Epoch: 1, Losses: map[string]float64{"x": 1e-300}, LearningRate: 5e-324}, {Epoch: 1_000_000_000}},
		{{Epoch: 1, Losses: map[string]float64{strings.Repeat("long name ", 100): 1}}},
	} {
		drawCurves(t, points)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high, least float64
		want             string
	}{
		{1, 3, 1, "1 2 3"},
		{1, 100, 1, "10 20 30 40 50 60 70 80 90 100"},
		{0, 350, 1, "0 50 100 150 200 250 300 350"},
		{0, 0.5, 0, "0 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4 0.45 0.5"},
		{-1, 1, 0, "-1 -0.8 -0.6 -0.4 -0.2 0 0.2 0.4 0.6 0.8 1"},
	} {
		var labels []string
		for _, tick := range ticks(c.low, c.high, c.least) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("ticks(%v, %v, %v) = %s, want %s", c.low, c.high, c.least, got, c.want)
		}
	}
}
