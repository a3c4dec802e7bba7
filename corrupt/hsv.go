package corrupt

import "math"

// hsv is a colour by hue, saturation and value, each from 0 to 1, as skimage's
// rgb2hsv has them.
type hsv struct{ h, s, v float64 }

// changeHSV changes every pixel of 3 channels.
func (f *field) changeHSV(change func(*hsv)) {
	for i := 0; i < len(f.values); i += 3 {
		pixel := f.values[i : i+3]
		c := toHSV(pixel)
		change(&c)
		c.toRGB(pixel)
	}
}

func toHSV(rgb []float64) hsv {
	r, g, b := rgb[0], rgb[1], rgb[2]
	c := hsv{v: max(r, g, b)}
	spread := c.v - min(r, g, b)
	if spread == 0 {
		return c
	}
	c.s = spread / c.v
	// Where two channels are largest the later one decides, as in skimage.
	switch c.v {
	case b:
		c.h = 4 + (r-g)/spread
	case g:
		c.h = 2 + (b-r)/spread
	default:
		c.h = (g - b) / spread
	}
	c.h = math.Mod(c.h/6+1, 1)
	return c
}

func (c hsv) toRGB(rgb []float64) {
	sector := math.Floor(c.h * 6)
	f := c.h*6 - sector
	p, q, t := c.v*(1-c.s), c.v*(1-f*c.s), c.v*(1-(1-f)*c.s)
	order := [6][3]float64{{c.v, t, p}, {q, c.v, p}, {p, c.v, t}, {p, q, c.v}, {t, p, c.v}, {c.v, p, q}}
	copy(rgb, order[int(sector)%6][:])
}
