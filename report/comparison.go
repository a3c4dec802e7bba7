package report

import (
	"fmt"
	"image/color"
	"io"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"cone/weights"
)

// Series is what several seeds of one recipe reached. Shares are from 0 to 1.
type Series struct {
	Name   string
	Final  []float64 // top-1 of each run
	Curves [][]Point // of each run, over its epochs
	// Mean of Final, and half its interval; NaN where there is none.
	Mean, Half float64
}

// The width suits a README's column; a row is as high as its text.
const (
	comparisonWidth = 8 * vg.Inch
	comparisonRow   = 0.42 * vg.Inch
)

// seriesColor tells recipes apart.
func seriesColor(i int) color.Color { return palette[i%len(palette)] }

// Runs draws every run as a point on its recipe's row, with mean and interval,
// to path+".png" and path+".svg".
func Runs(path string, series []Series) error {
	p := plot.New()
	p.Title.Text = "test top-1 in %: every run, mean and 95 % interval"
	comparisonText(p)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xdd}, nil
	p.Add(grid)
	var names []string
	for i, s := range slices.Backward(series) { // the first on top
		y := float64(len(series) - 1 - i)
		names = append(names, s.Name)
		if err := addRuns(p, s, y, seriesColor(i)); err != nil {
			return fmt.Errorf("cannot draw %s: %w", path, err)
		}
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.5, float64(len(series))-0.5
	if !isFinite(p.X.Min) || !isFinite(p.X.Max) {
		p.X.Min, p.X.Max = 0, 100
	}
	if p.X.Min == p.X.Max {
		p.X.Min, p.X.Max = p.X.Min-1, p.X.Max+1
	}
	room := 0.02 * (p.X.Max - p.X.Min)
	p.X.Min, p.X.Max = p.X.Min-room, p.X.Max+room
	p.X.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return ticks(low, high, 0) })
	return saveBoth(p, path, comparisonWidth, vg.Inch+comparisonRow*vg.Length(len(series)))
}

func addRuns(p *plot.Plot, s Series, y float64, c color.Color) error {
	var points plotter.XYs
	for _, v := range s.Final {
		if isFinite(v) {
			points = append(points, plotter.XY{X: 100 * v, Y: y})
		}
	}
	if len(points) == 0 {
		return nil
	}
	if isFinite(s.Half) {
		line, err := plotter.NewLine(plotter.XYs{{X: 100 * (s.Mean - s.Half), Y: y}, {X: 100 * (s.Mean + s.Half), Y: y}})
		if err != nil {
			return err
		}
		line.Color, line.Width = color.Gray{0x99}, vg.Points(2)
		mean, err := plotter.NewLine(plotter.XYs{{X: 100 * s.Mean, Y: y - 0.25}, {X: 100 * s.Mean, Y: y + 0.25}})
		if err != nil {
			return err
		}
		mean.Color, mean.Width = color.Black, vg.Points(1.5)
		p.Add(line, mean)
	}
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	dots.Color, dots.Shape, dots.Radius = c, draw.CircleGlyph{}, vg.Points(3.5)
	p.Add(dots)
	return nil
}

// RunCurves draws test top-1 over the epochs, the mean of a recipe's runs as a
// line and each run as a thin one, to path+".png" and path+".svg".
func RunCurves(path string, series []Series) error {
	var all []Point
	for _, s := range series {
		for _, c := range s.Curves {
			all = append(all, c...)
		}
	}
	slices.SortStableFunc(all, func(a, b Point) int { return a.Epoch - b.Epoch })
	p := newPanel("test top-1 in %", all)
	for i, s := range series {
		c := seriesColor(i)
		for _, curve := range s.Curves {
			if err := addThin(p, c, curve); err != nil {
				return fmt.Errorf("cannot draw %s: %w", path, err)
			}
		}
		err := addCurve(p, s.Name, c, meanCurve(s.Curves), func(x Point) float64 { return 100 * x.Top1 })
		if err != nil {
			return fmt.Errorf("cannot draw %s: %w", path, err)
		}
	}
	comparisonText(p)
	p.Legend.Top = false
	roomForY(p)
	return saveBoth(p, path, comparisonWidth, 5*vg.Inch)
}

func addThin(p *plot.Plot, c color.Color, curve []Point) error {
	var xys plotter.XYs
	for _, x := range curve {
		if v := shown(x); isFinite(v) {
			xys = append(xys, plotter.XY{X: float64(x.Epoch), Y: 100 * v})
		}
	}
	if len(xys) < 2 {
		return nil
	}
	line, err := plotter.NewLine(xys)
	if err != nil {
		return err
	}
	r, g, b, _ := c.RGBA()
	line.Color = color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 0x60}
	line.Width = vg.Points(0.7)
	p.Add(line)
	return nil
}

// shown is an epoch's top-1: the moving average's where there is one, by which
// the run is judged.
func shown(x Point) float64 {
	if x.AverageTop1 != nil {
		return *x.AverageTop1
	}
	return x.Top1
}

// meanCurve averages the epochs that every curve has.
func meanCurve(curves [][]Point) (out []Point) {
	sums, counts := map[int]float64{}, map[int]int{}
	for _, curve := range curves {
		for _, x := range curve {
			if v := shown(x); isFinite(v) {
				sums[x.Epoch] += v
				counts[x.Epoch]++
			}
		}
	}
	for epoch, n := range counts {
		if n == len(curves) {
			out = append(out, Point{Epoch: epoch, Top1: sums[epoch] / float64(n)})
		}
	}
	slices.SortFunc(out, func(a, b Point) int { return a.Epoch - b.Epoch })
	return out
}

func comparisonText(p *plot.Plot) {
	p.Title.TextStyle.Font.Size = font.Points(13)
	p.Title.Padding = vg.Points(6)
	p.Legend.TextStyle.Font.Size = font.Points(11)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size = font.Points(11)
		axis.Tick.Label.Font.Size = font.Points(11)
	}
}

// saveBoth writes a plot as PNG and as SVG, each whole or not at all.
func saveBoth(p *plot.Plot, path string, width, height vg.Length) error {
	const margin = 8
	area := func(c vg.CanvasSizer) draw.Canvas { return draw.Crop(draw.New(c), margin, -margin, margin, -margin) }
	pixels := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(2*dotsPerInch)) // for dense screens
	p.Draw(area(pixels))
	err := weights.WriteFileAtomic(path+".png", func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: pixels}.WriteTo(w)
		return err
	})
	if err != nil {
		return err
	}
	vectors := vgsvg.New(width, height)
	whole := draw.New(vectors)
	whole.FillPolygon(color.White, []vg.Point{{}, {X: width}, {X: width, Y: height}, {Y: height}})
	p.Draw(area(vectors))
	return weights.WriteFileAtomic(path+".svg", func(w io.Writer) error {
		_, err := vectors.WriteTo(w)
		return err
	})
}
