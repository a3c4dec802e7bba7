package report

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"cone/weights"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Point is one epoch of a run's learning curves. What is NaN or infinite is
// not drawn.
type Point struct {
	// Epoch counts from 1.
	Epoch int
	// Losses are means over the epoch by name.
	Losses map[string]float64
	// Top1 is the share of test images classified correctly, from 0 to 1; NaN
	// when the epoch was not evaluated.
	Top1 float64
	// AverageTop1 is that of the weights' moving average; nil without one.
	AverageTop1 *float64
	// LearningRate at the epoch's end.
	LearningRate float64
}

// The picture in pixels. At 96 per inch the 11-point text is well legible.
const (
	curvesWidth  = 1200
	curvesHeight = 900
	dotsPerInch  = 96
)

// palette is Okabe and Ito's, which colour-blind people can tell apart
// (https://jfly.uni-koeln.de/color/).
var palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, // blue
	color.RGBA{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	color.RGBA{0x00, 0x9e, 0x73, 0xff}, // green
	color.RGBA{0xcc, 0x79, 0xa7, 0xff}, // purple
	color.RGBA{0xe6, 0x9f, 0x00, 0xff}, // orange
	color.RGBA{0x56, 0xb4, 0xe9, 0xff}, // sky
	color.Black,
}

// Curves draws a run's losses, test accuracy and learning rate over its epochs
// as a PNG, conventionally curves.png, which appears whole or not at all.
func Curves(path string, points []Point) error {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b Point) int { return a.Epoch - b.Epoch })

	pixels := func(n int) vg.Length { return vg.Length(n) * vg.Inch / dotsPerInch }
	canvas := vgimg.NewWith(vgimg.UseWH(pixels(curvesWidth), pixels(curvesHeight)), vgimg.UseDPI(dotsPerInch))
	all := draw.New(canvas)
	const margin = 14
	middle, centre := pixels(curvesHeight/2), pixels(curvesWidth/2)
	losses, err := lossPanel(points)
	if err != nil {
		return fmt.Errorf("cannot draw %s: %w", path, err)
	}
	accuracy, err := accuracyPanel(points)
	if err != nil {
		return fmt.Errorf("cannot draw %s: %w", path, err)
	}
	rate, err := ratePanel(points)
	if err != nil {
		return fmt.Errorf("cannot draw %s: %w", path, err)
	}
	// The legend has a strip of its own, where it covers no curve.
	legend := losses.Legend
	losses.Legend = plot.NewLegend()
	strip := pixels(curvesWidth) - min(legend.Rectangle(all).Size().X, centre)
	losses.Draw(draw.Crop(all, margin, strip-pixels(curvesWidth)-2*margin, middle+margin, -margin))
	legend.Draw(draw.Crop(all, strip-margin, -margin, middle, -3*margin))
	accuracy.Draw(draw.Crop(all, margin, -centre-margin, margin, -middle-margin))
	rate.Draw(draw.Crop(all, centre+margin, -margin, margin, -middle-margin))
	return weights.WriteFileAtomic(path, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(w)
		return err
	})
}

func lossPanel(points []Point) (*plot.Plot, error) {
	p := newPanel("training losses, mean per epoch", points)
	names := map[string]bool{}
	for _, point := range points {
		for name := range point.Losses {
			names[name] = true
		}
	}
	for i, name := range slices.Sorted(maps.Keys(names)) {
		err := addCurve(p, name, palette[i%len(palette)], points, func(x Point) float64 {
			if v, ok := x.Losses[name]; ok {
				return v
			}
			return math.NaN()
		})
		if err != nil {
			return nil, err
		}
	}
	p.Legend.Top, p.Legend.Left = true, true
	roomForY(p)
	return p, nil
}

func accuracyPanel(points []Point) (*plot.Plot, error) {
	p := newPanel("test top-1 in %, not evaluated yet", points)
	average := func(x Point) float64 {
		if x.AverageTop1 == nil {
			return math.NaN()
		}
		return *x.AverageTop1
	}
	// The best is the average's where there is one, as the run has it.
	judged, name := func(x Point) float64 { return x.Top1 }, ""
	if slices.ContainsFunc(points, func(x Point) bool { return x.AverageTop1 != nil }) {
		judged, name = average, "weights"
		if err := addCurve(p, "moving average", palette[2], points, func(x Point) float64 { return 100 * average(x) }); err != nil {
			return nil, err
		}
		p.Legend.Top = false
	}
	if err := addCurve(p, name, palette[0], points, func(x Point) float64 { return 100 * x.Top1 }); err != nil {
		return nil, err
	}
	best, epoch := math.NaN(), 0
	for _, x := range points {
		if v := judged(x); isFinite(v) && !(v <= best) {
			best, epoch = v, x.Epoch
		}
	}
	if epoch == 0 {
		roomForY(p)
		return p, nil
	}
	line, err := plotter.NewLine(plotter.XYs{{X: p.X.Min, Y: 100 * best}, {X: p.X.Max, Y: 100 * best}})
	if err != nil {
		return nil, err
	}
	line.Color = palette[1]
	line.Dashes = []vg.Length{vg.Points(5), vg.Points(4)}
	p.Add(line)
	p.Title.Text = fmt.Sprintf("test top-1 in %%, best %.2f (epoch %d)", 100*best, epoch)
	roomForY(p)
	return p, nil
}

func ratePanel(points []Point) (*plot.Plot, error) {
	p := newPanel("learning rate", points)
	err := addCurve(p, "", palette[2], points, func(x Point) float64 { return x.LearningRate })
	if p.Y.Min >= 0 && isFinite(p.Y.Min) { // a rate is read against 0
		p.Y.Min = 0
	}
	roomForY(p)
	return p, err
}

// newPanel is an empty panel whose epoch axis spans the whole run, evaluated
// or not.
func newPanel(title string, points []Point) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font.Size = font.Points(13)
	p.Title.Padding = vg.Points(6)
	p.X.Label.Text = "epoch"
	p.X.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return ticks(low, high, 1) })
	p.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return ticks(low, high, 0) })
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size = font.Points(11)
		axis.Tick.Label.Font.Size = font.Points(11)
	}
	p.Legend.TextStyle.Font.Size = font.Points(11)
	p.Legend.Padding = vg.Points(3)
	grid := plotter.NewGrid()
	grid.Horizontal.Color = color.Gray{0xdd}
	grid.Vertical.Color = color.Gray{0xee}
	p.Add(grid)

	p.X.Min, p.X.Max = 0, 1
	if len(points) > 0 {
		p.X.Min, p.X.Max = float64(points[0].Epoch), float64(points[len(points)-1].Epoch)
	}
	if p.X.Min == p.X.Max {
		p.X.Min, p.X.Max = p.X.Min-1, p.X.Max+1
	}
	return p
}

// addCurve draws the finite values; few enough are marked, so that a single
// one can be seen. An empty name stays out of the legend.
func addCurve(p *plot.Plot, name string, c color.Color, points []Point, value func(Point) float64) error {
	const marked = 30
	var xys plotter.XYs
	for _, point := range points {
		if v := value(point); isFinite(v) {
			xys = append(xys, plotter.XY{X: float64(point.Epoch), Y: v})
		}
	}
	if len(xys) == 0 {
		return nil
	}
	line, dots, err := plotter.NewLinePoints(xys)
	if err != nil {
		return err
	}
	line.Color, line.Width = c, vg.Points(1.6)
	dots.Color, dots.Shape, dots.Radius = c, draw.CircleGlyph{}, vg.Points(2.5)
	p.Add(line)
	if len(xys) <= marked {
		p.Add(dots)
	}
	if name != "" {
		p.Legend.Add(name, line)
	}
	return nil
}

// roomForY keeps curves off the panel's edges; an axis that ends at 0 or
// starts there still does so.
func roomForY(p *plot.Plot) {
	if !isFinite(p.Y.Min) || !isFinite(p.Y.Max) { // nothing was drawn
		p.Y.Min, p.Y.Max = 0, 1
		return
	}
	room := 0.05 * (p.Y.Max - p.Y.Min)
	if room == 0 {
		room = cmp.Or(0.05*math.Abs(p.Y.Max), 1)
	}
	if low := p.Y.Min - room; low < 0 && p.Y.Min >= 0 {
		p.Y.Min = 0
	} else {
		p.Y.Min = low
	}
	p.Y.Max += room
}

// ticks marks at most eleven places at multiples of 1, 2 or 5 × 10^k, no
// closer than least.
func ticks(low, high, least float64) []plot.Tick {
	const most = 10
	exponent := math.Floor(math.Log10((high - low) / most))
	step := 0.0
	for _, factor := range []float64{1, 2, 5, 10} {
		step = factor * math.Pow(10, exponent)
		if step >= least && (high-low)/step <= most {
			break
		}
	}
	step = max(step, least)
	var marks []plot.Tick
	for i := math.Ceil(low / step); i*step <= high && len(marks) <= most; i++ {
		// Rounded, for 3 × 0.1 is 0.30000000000000004.
		marks = append(marks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 6, 64)})
	}
	return marks
}
