package picture

import (
	"math"

	"cone/picture/internal/kernel"
)

// axis holds the weights of one direction of a resize.
type axis struct {
	kernel.Axis
	line   line // what they are for
	values []float64
}

// line is the task of making out pixels of the part [begin, end) of in pixels,
// of which only n from the first on are wanted.
type line struct {
	in, out    int
	begin, end float32
	first, n   int
	filter     Filter
	flipped    bool
}

// fill computes the weights of a line, as precompute_coeffs and
// normalize_coeffs_8bpc of Pillow's Resample.c do. The conversions of products
// to float64 forbid their fusion with a sum, which would round differently.
func (a *axis) fill(l line) {
	if a.line == l {
		return
	}
	a.line = l
	scale := float64(l.end-l.begin) / float64(l.out)
	stretch := max(scale, 1)
	support := stretch
	if l.filter == Bicubic {
		support = 2 * stretch
	}
	// No output has more taps than ⌈2·support⌉+1, nor than there are pixels.
	taps := min(int(math.Ceil(support))*2+1, l.in)
	a.Taps = (taps + 3) &^ 3
	a.Start = resized(a.Start, l.n)
	a.Count = resized(a.Count, l.n)
	a.Weight = resized(a.Weight, l.n*a.Taps)
	a.values = resized(a.values, a.Taps)
	inverse := 1 / stretch
	for i := range l.n {
		center := float64(l.begin) + float64((float64(l.first+i)+0.5)*scale)
		from := max(int(center-support+0.5), 0)
		count := min(int(center+support+0.5), l.in) - from
		at := i
		if l.flipped {
			at = l.n - 1 - i
		}
		a.Start[at], a.Count[at] = int32(from), int32(count)
		values := a.values[:count]
		var sum float64
		if l.filter == Bicubic {
			sum = bicubic(values, from, center, inverse)
		} else {
			sum = bilinear(values, from, center, inverse)
		}
		weights := a.Weight[at*a.Taps : (at+1)*a.Taps]
		clear(weights[count:])
		for t, v := range values {
			if sum != 0 {
				v /= sum
			}
			v *= 1 << 22
			if v < 0 {
				weights[t] = int32(v - 0.5)
			} else {
				weights[t] = int32(v + 0.5)
			}
		}
	}
}

// places sets Start to the pixels that hold the middles of the output's. Places
// are added up, not multiplied, as in ImagingScaleAffine of Pillow's Geometry.c.
func (a *axis) places(in int, begin, end float32, out int, flipped bool) {
	a.line = line{} // the weights aren't its any more
	a.Start = resized(a.Start, out)
	step := float64(end-begin) / float64(out)
	place := float64(begin) + float64(step*0.5)
	for i := range out {
		at := i
		if flipped {
			at = out - 1 - i
		}
		a.Start[at] = int32(min(int(place), in-1))
		place += step
	}
}

// bilinear fills values with a triangle of half-width 1/inverse about center,
// sampled at the middles of the pixels from from on, and returns their sum.
func bilinear(values []float64, from int, center, inverse float64) (sum float64) {
	for t := range values {
		x := math.Abs(float64((float64(t+from) - center + 0.5) * inverse))
		values[t] = max(0, 1-x)
		sum += values[t]
	}
	return sum
}

// bicubic does the same with Catmull and Rom's spline (a = −1/2), which is
// twice as wide.
func bicubic(values []float64, from int, center, inverse float64) (sum float64) {
	const a = -0.5
	for t := range values {
		x := math.Abs(float64((float64(t+from) - center + 0.5) * inverse))
		v := 0.0
		switch {
		case x < 1:
			v = float64(float64((float64((a+2)*x)-(a+3))*x)*x) + 1
		case x < 2:
			v = (float64((float64((x-5)*x)+8)*x) - 4) * a
		}
		values[t] = v
		sum += v
	}
	return sum
}

// resized is s with length n, in its old memory where that is large enough;
// its entries are undefined.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
