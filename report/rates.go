package report

import (
	"encoding/csv"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"cone/weights"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// RatePoint is one step of a search for the learning rate.
type RatePoint struct {
	// Rate as a value of optim.lr.
	Rate float64
	// Loss of the step's batch, and Smooth its moving average.
	Loss, Smooth float64
}

// RateMark is a rate to be marked in the picture.
type RateMark struct {
	Name string
	Rate float64
}

// The picture of a search in pixels.
const (
	ratesWidth  = 900
	ratesHeight = 600
)

// Rates draws the losses over the learning rate, on a logarithmic scale, as a
// PNG, which appears whole or not at all.
func Rates(path string, points []RatePoint, marks ...RateMark) error {
	p := newPanel("loss over the learning rate", nil)
	p.X.Label.Text = "optim.lr"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max = math.Inf(1), math.Inf(-1)
	var raw, smooth plotter.XYs
	for _, x := range points {
		raw = append(raw, plotter.XY{X: x.Rate, Y: x.Loss})
		smooth = append(smooth, plotter.XY{X: x.Rate, Y: x.Smooth})
	}
	for _, curve := range []struct {
		name  string
		xys   plotter.XYs
		color color.Color
		width float64
	}{{"each step", raw, color.Gray{0xbb}, 0.8}, {"moving average", smooth, palette[0], 2}} {
		line, err := plotter.NewLine(curve.xys)
		if err != nil {
			return fmt.Errorf("cannot draw %s: %w", path, err)
		}
		line.Color, line.Width = curve.color, vg.Points(curve.width)
		p.Add(line)
		p.Legend.Add(curve.name, line)
	}
	p.Y.Max = min(p.Y.Max, ceiling(points))
	roomForY(p)
	for i, m := range marks {
		line, err := plotter.NewLine(plotter.XYs{{X: m.Rate, Y: p.Y.Min}, {X: m.Rate, Y: p.Y.Max}})
		if err != nil {
			return fmt.Errorf("cannot draw %s: %w", path, err)
		}
		line.Color, line.Dashes = palette[1+i%(len(palette)-1)], []vg.Length{vg.Points(5), vg.Points(4)}
		p.Add(line)
		p.Legend.Add(fmt.Sprintf("%s: %.2g", m.Name, m.Rate), line)
	}
	p.Legend.Top, p.Legend.Left = true, true
	pixels := func(n int) vg.Length { return vg.Length(n) * vg.Inch / dotsPerInch }
	canvas := vgimg.NewWith(vgimg.UseWH(pixels(ratesWidth), pixels(ratesHeight)), vgimg.UseDPI(dotsPerInch))
	const margin = 14
	p.Draw(draw.Crop(draw.New(canvas), margin, -2*margin, margin, -margin))
	return weights.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
		return err
	})
}

// ceiling leaves the explosion out of the picture, for it would flatten the
// rest: the highest smoothed loss before the lowest one, and as much again.
func ceiling(points []RatePoint) float64 {
	highest, high, low := math.Inf(-1), math.Inf(-1), math.Inf(1)
	for _, p := range points {
		highest = max(highest, p.Smooth)
		if p.Smooth < low {
			low, high = p.Smooth, highest
		}
	}
	if high == low { // it only rises
		return math.Inf(1)
	}
	return high + (high - low)
}

// WriteRates writes the points as CSV: rate, loss, smoothed loss.
func WriteRates(path string, points []RatePoint) error {
	return weights.WriteFileAtomic(path, func(w io.Writer) error {
		out := csv.NewWriter(w)
		out.Write([]string{"lr", "loss", "smoothed_loss"}) // Error tells below
		for _, p := range points {
			number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
			out.Write([]string{number(p.Rate), number(p.Loss), number(p.Smooth)})
		}
		out.Flush()
		return out.Error()
	})
}
