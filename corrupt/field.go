package corrupt

import (
	"math"

	"cone/picture"
)

// field is a picture in float64, H×W×C, mostly from 0 to 1.
type field struct {
	picture.Size
	values []float64
}

func newField(s picture.Size) *field { return &field{s, make([]float64, s.Bytes())} }

// fieldOf is im/255.
func fieldOf(im *picture.Image) *field {
	f := newField(im.Size)
	for i, v := range im.Pixels[:im.Bytes()] {
		f.values[i] = float64(v) / 255
	}
	return f
}

// store writes the field into im, clipped to 0…1, times 255 and truncated, as
// the authors' program does.
func (f *field) store(im *picture.Image) {
	for i, v := range f.values {
		im.Pixels[i] = uint8(min(max(v, 0), 1) * 255)
	}
}

// plane draws H×W×1 values, row by row.
func plane(height, width int, draw func() float64) *field {
	f := newField(picture.Size{Height: height, Width: width, Channels: 1})
	for i := range f.values {
		f.values[i] = draw()
	}
	return f
}

// border gives the place that stands for place i of n, which may lie outside.
type border func(i, n int) int

// nearest is …aaa|abcd|ddd…
func nearest(i, n int) int { return min(max(i, 0), n-1) }

// symmetric is …cba|abcd|dcb…
func symmetric(i, n int) int {
	if i %= 2 * n; i < 0 {
		i += 2 * n
	}
	return min(i, 2*n-1-i)
}

// mirrored is …dcb|abcd|cba…
func mirrored(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	if i %= period; i < 0 {
		i += period
	}
	return min(i, period-i)
}

// blur convolves f with a Gaussian of deviation sigma in pixels, cut at
// truncate deviations, as scipy.ndimage.gaussian_filter does.
func (f *field) blur(sigma, truncate float64, beyond border) {
	if sigma < 1e-15 {
		return
	}
	radius := int(truncate*sigma + 0.5)
	weights, sum := make([]float64, 2*radius+1), 0.0
	for i := range weights {
		x := float64(i-radius) / sigma
		weights[i] = math.Exp(-0.5 * x * x)
		sum += weights[i]
	}
	for i := range weights {
		weights[i] /= sum
	}
	row := f.Width * f.Channels
	for y := range f.Height {
		convolve(f.values[y*row:(y+1)*row], f.Width, f.Channels, f.Channels, weights, beyond)
	}
	convolve(f.values, f.Height, row, row, weights, beyond)
}

// convolve mixes lanes of n values each, whose elements are a stride apart and
// which lie side by side.
func convolve(values []float64, n, stride, lanes int, weights []float64, beyond border) {
	out, radius := make([]float64, n*lanes), len(weights)/2
	for i := range n {
		to := out[i*lanes : (i+1)*lanes]
		for t, w := range weights {
			from := values[beyond(i+t-radius, n)*stride:]
			for lane := range to {
				to[lane] += w * from[lane]
			}
		}
	}
	for i := range n {
		copy(values[i*stride:i*stride+lanes], out[i*lanes:(i+1)*lanes])
	}
}

// sample writes the value at a place between pixels, bilinearly, into out (C).
func (f *field) sample(out []float64, y, x float64, beyond border) {
	top, left := int(math.Floor(y)), int(math.Floor(x))
	down, right := y-float64(top), x-float64(left)
	at := func(y, x int) []float64 {
		return f.values[(beyond(y, f.Height)*f.Width+beyond(x, f.Width))*f.Channels:]
	}
	a, b, c, d := at(top, left), at(top, left+1), at(top+1, left), at(top+1, left+1)
	for k := range out {
		out[k] = (1-down)*((1-right)*a[k]+right*b[k]) + down*((1-right)*c[k]+right*d[k])
	}
}

// zoomed is the middle of f, enlarged by the factor to f's size: bilinear, the
// outermost pixels staying outermost, as scipy.ndimage.zoom has it.
func (f *field) zoomed(factor float64) *field {
	top, rows, skipY, stepY := zoomAxis(f.Height, factor)
	left, columns, skipX, stepX := zoomAxis(f.Width, factor)
	out := newField(f.Size)
	for y := range f.Height {
		fromY := min(float64(y+skipY)*stepY, float64(rows-1))
		for x := range f.Width {
			fromX := min(float64(x+skipX)*stepX, float64(columns-1))
			at := (y*f.Width + x) * f.Channels
			f.sample(out.values[at:at+f.Channels], float64(top)+fromY, float64(left)+fromX, nearest)
		}
	}
	return out
}

// zoomAxis is the part of n pixels that is enlarged, how many of the result's
// pixels are cut off before the wanted n, and the step from one to the next.
func zoomAxis(n int, factor float64) (first, part, skip int, step float64) {
	part = int(math.Ceil(float64(n) / factor))
	whole := int(math.RoundToEven(float64(part) * factor))
	if whole > 1 {
		step = float64(part-1) / float64(whole-1)
	}
	return (n - part) / 2, part, (whole - n) / 2, step
}
