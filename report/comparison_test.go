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

func comparisonSeries() []Series {
	curve := func(last float64) (out []Point) {
		for e := 1; e <= 5; e++ {
			out = append(out, Point{Epoch: e, Top1: last - 0.02*float64(5-e)})
		}
		return out
	}
	return []Series{
		{Name: "cross-entropy", Final: []float64{0.90, 0.91}, Mean: 0.905, Half: 0.06, Curves: [][]Point{curve(0.90), curve(0.91)}},
		{Name: "cone", Final: []float64{0.95}, Mean: 0.95, Half: math.NaN(), Curves: [][]Point{curve(0.95)}},
		{Name: "not yet", Mean: math.NaN(), Half: math.NaN()},
	}
}

func TestComparisonPlots(t *testing.T) {
	for name, draw := range map[string]func(string, []Series) error{"runs": Runs, "curves": RunCurves} {
		path := filepath.Join(t.TempDir(), name)
		if err := draw(path, comparisonSeries()); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path + ".png")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		picture, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		all := picture.Bounds()
		for i, c := range palette[:3] {
			if n, want := pixels(picture, all, c), i < 2; (n > 20) != want {
				t.Errorf("%s: %d pixels of series %d", name, n, i)
			}
		}
		if pixels(picture, image.Rect(0, 0, 4, 4), color.White) != 16 {
			t.Errorf("%s: the ground is not white", name)
		}
		svg, err := os.ReadFile(path + ".svg")
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"cross-entropy", "cone", "<svg"} {
			if !strings.Contains(string(svg), text) {
				t.Errorf("%s.svg does not say %q", name, text)
			}
		}
	}
}

// A comparison's plots are drawn from its first finished run on.
func TestComparisonPlotsOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plot")
	empty := []Series{{Name: "a", Mean: math.NaN(), Half: math.NaN()}}
	if err := Runs(path, empty); err != nil {
		t.Error(err)
	}
	if err := RunCurves(path, empty); err != nil {
		t.Error(err)
	}
}
