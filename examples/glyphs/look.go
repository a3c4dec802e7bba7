package main

import (
	"math"

	"cone/augment"
)

// Purposes of random streams; those below 100 are the augmentation's.
const (
	purposeSplit   uint64 = 101 // keys: typeface
	purposePicture uint64 = 102 // keys: typeface, character, variant
)

// colour is red, green and blue, from 0 to 255.
type colour [3]float64

// look is all that chance decides about a picture.
type look struct {
	// face picks one of the typeface's faces.
	face float64
	// height is H's, in pixels.
	height float64
	// shear leans the character to the right: x grows by shear per y upwards.
	shear float64
	// angle turns it, in radians.
	angle float64
	// weight is what is added to every edge, as a share of the height.
	weight float64
	// x and y, from −1 to 1, say how far it stands from its place.
	x, y float64

	ink        colour
	background background
	// grain is the deviation of every pixel's noise, of 255.
	grain float64
}

// background goes from one colour to the other.
type background struct {
	from, to colour
	kind     int
	// direction is a gradient's, in radians; clouds are values of 0 to 1 on a
	// lattice.
	direction float64
	clouds    [latticeSize * latticeSize]float64
}

const (
	plain = iota
	gradient
	clouds
	kinds

	latticeSize = 5
)

// minContrast is the least contrast of ink to background, by which W3C holds
// large letters to be legible (https://www.w3.org/TR/WCAG22/#contrast-minimum).
const minContrast = 3

// drawLook is a function of its arguments alone.
func drawLook(s set, seed uint64, t *typeface, character rune, variant int) (look, augment.Stream) {
	stream := augment.NewStream(seed, purposePicture, t.key(), uint64(character), uint64(variant))
	between := func(a, b float64) float64 { return a + (b-a)*stream.Float64() }
	l := look{
		face:   stream.Float64(),
		height: pictureSize * between(s.smallest, s.largest),
		shear:  between(-0.12, 0.25), // most italics lean by 0.15 to 0.25
		angle:  between(-8, 8) * math.Pi / 180,
		weight: between(-0.012, 0.024),
		x:      between(-1, 1),
		y:      between(-1, 1),
		grain:  between(0, 10),
	}
	l.background.kind = stream.IntN(kinds)
	l.background.direction = between(0, 2*math.Pi)
	for i := range l.background.clouds {
		l.background.clouds[i] = stream.Float64()
	}
	random := func() colour { return colour{between(0, 255), between(0, 255), between(0, 255)} }
	for {
		l.ink, l.background.from, l.background.to = random(), random(), random()
		if l.background.kind == plain {
			l.background.to = l.background.from
		}
		if l.legible() {
			return l, stream
		}
	}
}

// legible says whether the ink stands out from every shade of the background.
// One step to the next changes too little to jump over the ink, so all shades
// are lighter than it, or all darker.
func (l look) legible() bool {
	const steps = 8
	for i := range steps + 1 {
		if contrast(l.ink, mix(l.background.from, l.background.to, float64(i)/steps)) < minContrast {
			return false
		}
	}
	return true
}

func mix(a, b colour, share float64) colour {
	for i := range a {
		a[i] += share * (b[i] - a[i])
	}
	return a
}

// luminance is sRGB's relative luminance, from 0 to 1
// (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance).
func luminance(c colour) float64 {
	linear := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is W3C's contrast ratio, from 1 to 21.
func contrast(a, b colour) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// at is the background's colour at a place from 0 to 1 in both directions.
func (b *background) at(x, y float64) colour {
	switch b.kind {
	case gradient:
		cos, sin := math.Cos(b.direction), math.Sin(b.direction)
		along := (x-0.5)*cos + (y-0.5)*sin
		return mix(b.from, b.to, along/(math.Abs(cos)+math.Abs(sin))+0.5)
	case clouds:
		// Between lattice points, smooth in both directions.
		column, fx := cell(x)
		row, fy := cell(y)
		value := func(r, c int) float64 { return b.clouds[r*latticeSize+c] }
		above := value(row, column) + fx*(value(row, column+1)-value(row, column))
		below := value(row+1, column) + fx*(value(row+1, column+1)-value(row+1, column))
		return mix(b.from, b.to, above+fy*(below-above))
	}
	return b.from
}

// cell finds a place from 0 to 1 among the lattice's: after which point, and
// how far on.
func cell(place float64) (int, float64) {
	place *= latticeSize - 1
	at := min(int(place), latticeSize-2)
	f := place - float64(at)
	return at, f * f * (3 - 2*f)
}
