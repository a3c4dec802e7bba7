package corrupt

import (
	"math"

	"cone/picture"
)

type disk struct{ radius, smoothing float64 }

type glass struct {
	sigma      float64
	reach      int // pixels
	iterations int
}

type zoom struct {
	step  float64
	steps int // from factor 1 on
}

var (
	defocusDisk = constants[disk]{
		{{0.3, 0.4}, {0.4, 0.5}, {0.5, 0.6}, {1, 0.2}, {1.5, 0.1}},
		{{0.5, 0.6}, {1, 0.1}, {1.5, 0.1}, {2.5, 0.01}, {3, 0.1}},
		{{3, 0.1}, {4, 0.5}, {6, 0.5}, {8, 0.5}, {10, 0.5}},
	}
	glassShuffle = constants[glass]{
		{{0.05, 1, 1}, {0.25, 1, 1}, {0.4, 1, 1}, {0.25, 1, 2}, {0.4, 1, 2}},
		{{0.1, 1, 1}, {0.5, 1, 1}, {0.6, 1, 2}, {0.7, 2, 1}, {0.9, 2, 2}},
		{{0.7, 1, 2}, {0.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}},
	}
	motionPath = constants[path]{
		{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}},
		{{10, 1}, {10, 1.5}, {10, 2}, {10, 2.5}, {12, 3}},
		{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}},
	}
	// zoomLayers are numpy's aranges of the program. By rounding, two of them
	// hold their ends: arange(1, 1.06, 0.01) and arange(1, 1.11, 0.01).
	zoomLayers = constants[zoom]{
		{{0.01, 7}, {0.01, 12}, {0.01, 16}, {0.01, 21}, {0.01, 26}},
		{{0.01, 7}, {0.01, 12}, {0.01, 16}, {0.01, 21}, {0.01, 26}},
		{{0.01, 12}, {0.01, 16}, {0.02, 11}, {0.02, 13}, {0.03, 11}},
	}
	blurSigma = constants[float64]{
		{0.4, 0.6, 0.7, 0.8, 1},
		{0.5, 0.75, 1, 1.25, 1.5},
		{1, 2, 3, 4, 6},
	}
)

// blurCut is where skimage cuts a Gaussian, in deviations.
const blurCut = 4

func gaussianBlur(im *picture.Image, l level, _ draws) error {
	f := fieldOf(im)
	f.blur(blurSigma.at(l), blurCut, nearest)
	f.store(im)
	return nil
}

// defocusBlur convolves with a disk whose rim is smoothed a little.
func defocusBlur(im *picture.Image, l level, _ draws) error {
	k := defocusDisk.at(l).kernel()
	f, out := fieldOf(im), newField(im.Size)
	reach := k.Height / 2
	for i, w := range k.values {
		if w == 0 {
			continue
		}
		dy, dx := i/k.Width-reach, i%k.Width-reach
		for y := range f.Height {
			row := mirrored(y+dy, f.Height) * f.Width
			for x := range f.Width {
				from := (row + mirrored(x+dx, f.Width)) * f.Channels
				to := (y*f.Width + x) * f.Channels
				for c := range f.Channels {
					out.values[to+c] += w * f.values[from+c]
				}
			}
		}
	}
	out.store(im)
	return nil
}

// kernel is the disk in pixels, smoothed by a Gaussian of 3×3 or 5×5.
func (d disk) kernel() *field {
	reach, half := 8, 1
	if d.radius > 8 {
		reach, half = int(d.radius), 2
	}
	side, inside := 2*reach+1, 0.0
	k := plane(side, side, func() float64 { return 0 })
	for i := range k.values {
		y, x := float64(i/side-reach), float64(i%side-reach)
		if y*y+x*x <= d.radius*d.radius {
			k.values[i] = 1
			inside++
		}
	}
	for i := range k.values {
		k.values[i] /= inside
	}
	k.blur(d.smoothing, (float64(half)+0.25)/d.smoothing, mirrored)
	return k
}

// glassBlur gives pixels the colour of others near them, between two blurs. The
// authors mean to swap pairs of pixels, but their statement copies instead, for
// NumPy's rows of colours are views; so the collection has copies.
func glassBlur(im *picture.Image, l level, d draws) error {
	c := glassShuffle.at(l)
	f := fieldOf(im)
	f.blur(c.sigma, blurCut, nearest)
	for i, v := range f.values {
		im.Pixels[i] = uint8(v * 255)
	}
	for range c.iterations {
		for y := im.Height - c.reach; y > c.reach; y-- {
			for x := im.Width - c.reach; x > c.reach; x-- {
				dx := d.IntN(2*c.reach) - c.reach
				dy := d.IntN(2*c.reach) - c.reach
				to, from := (y*im.Width+x)*im.Channels, ((y+dy)*im.Width+x+dx)*im.Channels
				copy(im.Pixels[to:to+im.Channels], im.Pixels[from:from+im.Channels])
			}
		}
	}
	f = fieldOf(im)
	f.blur(c.sigma, blurCut, nearest)
	f.store(im)
	return nil
}

// motionBlur smears the picture along a line of random direction.
func motionBlur(im *picture.Image, l level, d draws) error {
	f := fieldOf(im).smeared(motionPath.at(l), uniform(d, -45, 45))
	for i, v := range f.values {
		im.Pixels[i] = uint8(v*255 + 0.5)
	}
	return nil
}

// path is half a Gaussian along a line, in pixels.
type path struct{ radius, sigma float64 }

// smeared mixes every pixel with those that follow it at the given angle in
// degrees, as ImageMagick's MotionBlurImage does
// (https://imagemagick.org/script/command-line-options.php#motion-blur).
func (f *field) smeared(p path, angle float64) *field {
	width := 2*int(p.radius) + 1
	weights, sum := make([]float64, width), 0.0
	for i := range weights {
		weights[i] = math.Exp(-float64(i*i) / (2 * p.sigma * p.sigma))
		sum += weights[i]
	}
	out, row := newField(f.Size), f.Width*f.Channels
	sin, cos := math.Sincos(angle * math.Pi / 180)
	for i, w := range weights {
		dy, dx := int(math.Ceil(float64(i)*sin-0.5)), int(math.Ceil(float64(i)*cos-0.5))
		for y := range f.Height {
			from := f.values[nearest(y+dy, f.Height)*row:]
			to := out.values[y*row:]
			for x := range f.Width {
				at := nearest(x+dx, f.Width) * f.Channels
				for c := range f.Channels {
					to[x*f.Channels+c] += w / sum * from[at+c]
				}
			}
		}
	}
	return out
}

// zoomBlur is the mean of the picture and of its middle at growing scales.
func zoomBlur(im *picture.Image, l level, _ draws) error {
	z := zoomLayers.at(l)
	f := fieldOf(im)
	out := fieldOf(im)
	step := 1 + z.step - 1 // as numpy rounds it, which decides where halves go
	for i := range z.steps {
		for at, v := range f.zoomed(1 + float64(i)*step).values {
			out.values[at] += v
		}
	}
	for i := range out.values {
		out.values[i] /= float64(z.steps + 1)
	}
	out.store(im)
	return nil
}
