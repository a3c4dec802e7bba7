package report

import (
	"encoding/csv"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestRatesShowCurvesAndMarks(t *testing.T) {
	var points []RatePoint
	for i := range 100 {
		x := float64(i) / 99
		points = append(points, RatePoint{Rate: math.Pow(10, 6*x-5), Loss: 2 - x + 0.1*math.Sin(50*x), Smooth: 2 - x})
	}
	points[99].Loss, points[99].Smooth = 1e6, 5e3 // an explosion, which must not flatten the rest
	path := filepath.Join(t.TempDir(), "lr-find.png")
	if err := Rates(path, points, RateMark{"steepest fall", 0.01}, RateMark{"a tenth", 0.1}); err != nil {
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
	all := picture.Bounds()
	if all.Size() != image.Pt(ratesWidth, ratesHeight) {
		t.Errorf("picture of %v", all.Size())
	}
	for i, c := range palette[:3] {
		if n := pixels(picture, all, c); n < 10 {
			t.Errorf("colour %d has %d pixels", i, n)
		}
	}
	if n := pixels(picture, image.Rect(0, ratesHeight/4, ratesWidth, ratesHeight*3/4), palette[0]); n < 200 {
		t.Errorf("only %d pixels of the curve lie in the middle", n)
	}
	// A logarithmic axis: 0.01 of 1e-5 … 10 lies half-way, not at the left edge.
	left := image.Rect(0, 0, ratesWidth*2/5, ratesHeight)
	if n := pixels(picture, left, palette[1]); n > 60 { // the legend's short line
		t.Errorf("%d pixels of the mark lie on the left", n)
	}
}

func TestWriteRates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lr-find.csv")
	if err := WriteRates(path, []RatePoint{{0.001, 2.5, 2.25}, {1e-7, 3, 3.5}}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 3 || rows[0][0] != "lr" || rows[1][1] != "2.5" || rows[2][0] != "1e-07" || rows[2][2] != "3.5" {
		t.Errorf("%v %v", rows, err)
	}
}

// The moving average has a curve of its own, and the best is its best.
func TestCurvesShowTheAverage(t *testing.T) {
	high, low := 0.9, 0.2
	points := []Point{
		{Epoch: 1, Top1: 0.5, AverageTop1: &low, Losses: map[string]float64{"loss": 1}},
		{Epoch: 2, Top1: 0.6, AverageTop1: &high, Losses: map[string]float64{"loss": 1}},
		{Epoch: 3, Top1: 0.7, Losses: map[string]float64{"loss": 1}},
	}
	with := pixels(drawCurves(t, points), accuracyPart, palette[2])
	for i := range points {
		points[i].AverageTop1 = nil
	}
	if without := pixels(drawCurves(t, points), accuracyPart, palette[2]); with < 100 || without > 0 {
		t.Errorf("%d pixels of the average's curve, %d without one", with, without)
	}
}
