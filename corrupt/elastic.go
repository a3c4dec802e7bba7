package corrupt

import "cone/picture"

// stretch has lengths in pixels.
type stretch struct{ amount, sigma, jitter float64 }

// Each scale's numbers are shares of a side; ImageNet-C's was meant to be 224.
var stretches = constants[stretch]{
	{
		{0, 0, 32 * 0.08}, {32 * 0.05, 32 * 0.2, 32 * 0.07}, {32 * 0.08, 32 * 0.06, 32 * 0.06},
		{32 * 0.1, 32 * 0.04, 32 * 0.05}, {32 * 0.1, 32 * 0.03, 32 * 0.03},
	},
	{
		{0, 0, 64 * 0.08}, {64 * 0.05, 64 * 0.3, 64 * 0.06}, {64 * 0.1, 64 * 0.08, 64 * 0.06},
		{64 * 0.1, 64 * 0.03, 64 * 0.03}, {64 * 0.16, 64 * 0.03, 64 * 0.02},
	},
	{
		{244 * 2, 244 * 0.7, 244 * 0.1}, {244 * 2, 244 * 0.08, 244 * 0.2}, {244 * 0.05, 244 * 0.01, 244 * 0.02},
		{244 * 0.07, 244 * 0.01, 244 * 0.02}, {244 * 0.12, 244 * 0.01, 244 * 0.02},
	},
}

// elasticTransform moves three corners of a square at random and the picture
// with them, then every pixel by smooth noise.
func elasticTransform(im *picture.Image, l level, d draws) error {
	c := stretches.at(l)
	f := fieldOf(im)
	y, x, side := float64(im.Height/2), float64(im.Width/2), float64(min(im.Height, im.Width)/3)
	// The authors take rows for x, which is the same in square pictures.
	from := [3][2]float64{{x + side, y + side}, {x + side, y - side}, {x - side, y - side}}
	to := from
	for i := range to {
		for k := range to[i] {
			to[i][k] += uniform(d, -c.jitter, c.jitter)
		}
	}
	f = f.moved(from, to)

	draw := func() float64 { return uniform(d, -1, 1) }
	right := plane(im.Height, im.Width, draw)
	right.blur(c.sigma, 3, symmetric)
	down := plane(im.Height, im.Width, draw)
	down.blur(c.sigma, 3, symmetric)
	out := newField(f.Size)
	for i := range down.values {
		y := float64(i/f.Width) + c.amount*down.values[i]
		x := float64(i%f.Width) + c.amount*right.values[i]
		f.sample(out.values[i*f.Channels:(i+1)*f.Channels], y, x, symmetric)
	}
	out.store(im)
	return nil
}

// moved is the affine picture of f that takes three points (x, y) to others,
// bilinearly, mirrored beyond the border. Where the other points lie on a line
// there is none, and f stays.
func (f *field) moved(from, to [3][2]float64) *field {
	// The inverse is wanted: A·(to_i − to_0) = from_i − from_0 for i = 1, 2.
	a, b := to[1][0]-to[0][0], to[2][0]-to[0][0]
	c, e := to[1][1]-to[0][1], to[2][1]-to[0][1]
	determinant := a*e - b*c
	if determinant == 0 {
		return f
	}
	var m [2][3]float64 // places in f by places in the result
	for k := range m {
		p, q := from[1][k]-from[0][k], from[2][k]-from[0][k]
		m[k][0] = (p*e - q*c) / determinant
		m[k][1] = (q*a - p*b) / determinant
		m[k][2] = from[0][k] - m[k][0]*to[0][0] - m[k][1]*to[0][1]
	}
	out := newField(f.Size)
	for i := range f.Height * f.Width {
		y, x := float64(i/f.Width), float64(i%f.Width)
		f.sample(out.values[i*f.Channels:(i+1)*f.Channels],
			m[1][0]*x+m[1][1]*y+m[1][2], m[0][0]*x+m[0][1]*y+m[0][2], mirrored)
	}
	return out
}
