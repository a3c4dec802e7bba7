package main

import (
	"image"
	"math"
	"slices"

	"golang.org/x/image/vector"

	"cone/augment"
)

const (
	pictureSize = 64
	// fine is how many times larger a character is drawn before it is averaged
	// down: its edges move by parts of a pixel.
	fine     = 2
	fineSize = fine * pictureSize
	// margin is left free around a character, in pixels.
	margin = 2.0
)

// drawing is the memory of one worker.
type drawing struct {
	rasterizer *vector.Rasterizer
}

func newDrawing() *drawing { return &drawing{vector.NewRasterizer(fineSize, fineSize)} }

// picture draws a character of a face as a look has it; noise continues the
// look's stream.
func (d *drawing) picture(s set, f *face, character rune, l look, noise augment.Stream) *image.RGBA {
	ink := d.ink(s, f, character, l)
	out := image.NewRGBA(image.Rect(0, 0, pictureSize, pictureSize))
	for y := range pictureSize {
		for x := range pictureSize {
			c := l.background.at((float64(x)+0.5)/pictureSize, (float64(y)+0.5)/pictureSize)
			c = mix(c, l.ink, ink[y*pictureSize+x])
			at := out.PixOffset(x, y)
			for i, v := range c {
				v += l.grain * noise.Normal()
				out.Pix[at+i] = uint8(min(max(v, 0), 255) + 0.5)
			}
			out.Pix[at+3] = 255
		}
	}
	return out
}

// ink is how much of each pixel the character covers, from 0 to 1.
func (d *drawing) ink(s set, f *face, character rune, l look) []float64 {
	m := place(s, f, character, l)
	drawn := full(coverage(d.rasterizer, f.glyphs[character], m, fineSize))
	radius := fine * l.weight * l.height
	ink := shrink(thicken(drawn, radius))
	// A hairline loses its ink when thinned, and a line much finer than a
	// pixel has little contrast: such characters become bolder.
	for plain := total(shrink(drawn)); radius < 3*fine && (total(ink) < 0.7*plain || solidity(ink) < 0.55); {
		radius = max(radius, 0) + 0.25*fine
		ink = shrink(thicken(drawn, radius))
	}
	return ink
}

// full raises ink in proportion so that the strongest covers its pixel: lines
// finer than that have none that does.
func full(ink []byte) []byte {
	if most := slices.Max(ink); most > 0 && most < 255 {
		for i, v := range ink {
			ink[i] = byte(int(v) * 255 / int(most))
		}
	}
	return ink
}

// place maps a face's units to fine pixels. Capitals' middle goes to the
// picture's middle, sideways the character's own; what sticks out is moved in,
// and what is too large made smaller.
func place(s set, f *face, character rune, l look) affine {
	segments := f.glyphs[character]
	h := extent(f.glyphs['H'], affine{a: 1, e: 1})
	own := extent(segments, affine{a: 1, e: 1})
	scale := fine * l.height / (h.y1 - h.y0)
	sin, cos := math.Sincos(l.angle)
	m := affine{a: 1, e: 1, c: -(own.x0 + own.x1) / 2, f: -(h.y0 + h.y1) / 2}.
		then(affine{a: scale, b: -scale * l.shear, e: scale}). // y runs downwards
		then(affine{a: cos, b: -sin, d: sin, e: cos})

	room := fineSize - 2*fine*(margin+max(0, l.weight*l.height))
	b := extent(segments, m)
	if larger := max(b.x1-b.x0, b.y1-b.y0) / room; larger > 1 {
		m = m.then(affine{a: 1 / larger, e: 1 / larger})
		b = extent(segments, m)
	}
	m.c = position(m.c, b.x0, b.x1, l.x, s.wander, room)
	m.f = position(m.f, b.y0, b.y1, l.y, s.wander, room)
	return m
}

// position shifts the origin of one axis from the middle by as much as chance
// and the room, all around the middle, have it.
func position(origin, from, to, chance, wander, room float64) float64 {
	least, most := -room/2-from, room/2-to // shifts that keep all inside
	var shift float64
	if wander < 0 {
		shift = (least + most + chance*(most-least)) / 2
	} else {
		shift = min(max(chance*wander*fineSize, least), most)
	}
	return origin + shift + fineSize/2
}

// thicken moves the edges of fine pixels by radius: outwards, or inwards if it
// is negative.
func thicken(ink []byte, radius float64) []byte {
	if radius < 0 {
		return inverse(thicken(inverse(ink), -radius))
	}
	type offset struct {
		x, y   int
		weight int // of 256
	}
	var disc []offset
	reach := int(math.Ceil(radius))
	for y := -reach; y <= reach; y++ {
		for x := -reach; x <= reach; x++ {
			// 1 up to the radius, 0 from one pixel beyond.
			if w := min(radius+1-math.Hypot(float64(x), float64(y)), 1); w > 0 {
				disc = append(disc, offset{x, y, int(256 * w)})
			}
		}
	}
	out := make([]byte, len(ink))
	for at, v := range ink {
		if v == 0 {
			continue
		}
		x0, y0 := at%fineSize, at/fineSize
		for _, o := range disc {
			x, y := x0+o.x, y0+o.y
			if x < 0 || y < 0 || x >= fineSize || y >= fineSize {
				continue
			}
			to := &out[y*fineSize+x]
			*to = max(*to, byte(int(v)*o.weight>>8))
		}
	}
	return out
}

func inverse(ink []byte) []byte {
	out := make([]byte, len(ink))
	for i, v := range ink {
		out[i] = 255 - v
	}
	return out
}

// shrink averages fine pixels.
func shrink(ink []byte) []float64 {
	out := make([]float64, pictureSize*pictureSize)
	for at, v := range ink {
		out[at/fineSize/fine*pictureSize+at%fineSize/fine] += float64(v) / (255 * fine * fine)
	}
	return out
}

func total(ink []float64) (sum float64) {
	for _, v := range ink {
		sum += v
	}
	return sum
}

// solidity is the mean coverage of the ink: 1 for a large area, little for a
// line that is finer than a pixel.
func solidity(ink []float64) float64 {
	var squares float64
	for _, v := range ink {
		squares += v * v
	}
	if squares == 0 {
		return 0
	}
	return squares / total(ink)
}
