package corrupt

import (
	"math"
	"slices"

	"cone/picture"
)

type flakes struct {
	mean, deviation float64 // of the noise that flakes are made of
	zoom            float64
	least           float64 // what is darker is no flake
	path                    // of the fall
	share           float64 // of the picture that stays as it is
}

type mist struct{ thickness, decay float64 }

var (
	snowFlakes = constants[flakes]{
		{
			{0.1, 0.2, 1, 0.6, path{8, 3}, 0.95}, {0.1, 0.2, 1, 0.5, path{10, 4}, 0.9},
			{0.15, 0.3, 1.75, 0.55, path{10, 4}, 0.9}, {0.25, 0.3, 2.25, 0.6, path{12, 6}, 0.85},
			{0.3, 0.3, 1.25, 0.65, path{14, 12}, 0.8},
		},
		{
			{0.1, 0.2, 1, 0.6, path{8, 3}, 0.8}, {0.1, 0.2, 1, 0.5, path{10, 4}, 0.8},
			{0.15, 0.3, 1.75, 0.55, path{10, 4}, 0.7}, {0.25, 0.3, 2.25, 0.6, path{12, 6}, 0.65},
			{0.3, 0.3, 1.25, 0.65, path{14, 12}, 0.6},
		},
		{
			{0.1, 0.3, 3, 0.5, path{10, 4}, 0.8}, {0.2, 0.3, 2, 0.5, path{12, 4}, 0.7},
			{0.55, 0.3, 4, 0.9, path{12, 8}, 0.7}, {0.55, 0.3, 4.5, 0.85, path{12, 8}, 0.65},
			{0.55, 0.3, 2.5, 0.85, path{12, 12}, 0.55},
		},
	}
	fogMist = constants[mist]{
		{{0.2, 3}, {0.5, 3}, {0.75, 2.5}, {1, 2}, {1.5, 1.75}},
		{{0.4, 3}, {0.7, 3}, {1, 2.5}, {1.5, 2}, {2, 1.75}},
		{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}},
	}
	addedValue = constants[float64]{
		{0.05, 0.1, 0.15, 0.2, 0.3},
		{0.1, 0.2, 0.3, 0.4, 0.5},
		{0.1, 0.2, 0.3, 0.4, 0.5},
	}
)

// snow pales the picture and lets smeared grains of noise fall on it, once as
// they are and once turned by half a circle.
func snow(im *picture.Image, l level, d draws) error {
	c := snowFlakes.at(l)
	layer := plane(im.Height, im.Width, func() float64 { return c.mean + c.deviation*d.Normal() }).zoomed(c.zoom)
	for i, v := range layer.values {
		if v < c.least {
			v = 0
		}
		// The authors pass 8-bit pictures to and from ImageMagick.
		layer.values[i] = math.Floor(min(max(v, 0), 1)*255) / 255
	}
	layer = layer.smeared(c.path, uniform(d, -135, -45))
	for i, v := range layer.values {
		layer.values[i] = math.Floor(v*255+0.5) / 255
	}
	f, last := fieldOf(im), len(layer.values)-1
	for i, flake := range layer.values {
		pixel := f.values[i*f.Channels : (i+1)*f.Channels]
		pale := luma(pixel)*1.5 + 0.5
		for k, v := range pixel {
			pixel[k] = c.share*v + (1-c.share)*max(v, pale) + flake + layer.values[last-i]
		}
	}
	f.store(im)
	return nil
}

// luma is ITU-R 601's.
func luma(pixel []float64) float64 {
	if len(pixel) == 1 {
		return pixel[0]
	}
	return 0.299*pixel[0] + 0.587*pixel[1] + 0.114*pixel[2]
}

// fog adds a cloud and keeps the largest value.
func fog(im *picture.Image, l level, d draws) error {
	c, f := fogMist.at(l), fieldOf(im)
	side := 1
	for side < max(im.Height, im.Width) {
		side *= 2
	}
	cloud, largest := plasma(side, c.decay, d), slices.Max(f.values)
	for i, v := range f.values {
		pixel := i / f.Channels
		v += c.thickness * cloud[pixel/f.Width*side+pixel%f.Width]
		f.values[i] = v * largest / (largest + c.thickness)
	}
	f.store(im)
	return nil
}

// plasma is a cloud of side×side values from 0 to 1 by the diamond-square
// algorithm on a torus; side is a power of two. At each halving of the step the
// middles of squares, then those of the diamonds, become the mean of their
// corners plus noise, which shrinks by the decay.
func plasma(side int, decay float64, d draws) []float64 {
	cloud := make([]float64, side*side)
	at := func(y, x int) *float64 { return &cloud[(y+side)%side*side+(x+side)%side] }
	wibble := 100.0
	// fill sets the points (top, left) + multiples of the step.
	fill := func(top, left, step int, corners func(y, x int) float64) {
		for y := top; y < side; y += step {
			for x := left; x < side; x += step {
				*at(y, x) = corners(y, x)/4 + wibble*uniform(d, -wibble, wibble)
			}
		}
	}
	for step := side; step >= 2; step /= 2 {
		half := step / 2
		diamond := func(y, x int) float64 {
			return *at(y-half, x) + *at(y+half, x) + *at(y, x-half) + *at(y, x+half)
		}
		fill(half, half, step, func(y, x int) float64 {
			return *at(y-half, x-half) + *at(y-half, x+half) + *at(y+half, x-half) + *at(y+half, x+half)
		})
		fill(0, half, step, diamond)
		fill(half, 0, step, diamond)
		wibble /= decay
	}
	low, high := slices.Min(cloud), slices.Max(cloud)
	if high == low {
		high++ // a cloud of one point
	}
	for i, v := range cloud {
		cloud[i] = (v - low) / (high - low)
	}
	return cloud
}

// brightness adds to the value of HSV, or to the grey.
func brightness(im *picture.Image, l level, _ draws) error {
	added := addedValue.at(l)
	f := fieldOf(im)
	if f.Channels == 1 {
		for i := range f.values {
			f.values[i] += added
		}
	} else {
		f.changeHSV(func(c *hsv) { c.v = min(c.v+added, 1) })
	}
	f.store(im)
	return nil
}
