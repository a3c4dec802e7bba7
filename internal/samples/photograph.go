package samples

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"sync"
)

// Photograph is noise that is coloured and has the spectrum of photographs: its
// amplitude falls as 1/f with the spatial frequency f, so that every octave has
// the same share of contrast (Field, "Relations between the statistics of
// natural images and the response properties of cortical cells", 1987,
// https://doi.org/10.1364/JOSAA.4.002379). It depends on its arguments alone.
func Photograph(seed uint64, height, width int) *image.RGBA {
	random := rand.New(rand.NewPCG(seed, 1))
	rows, columns := powerOfTwo(height), powerOfTwo(width)
	// The parts of a complex field are two independent ones.
	light, colour := pink(random, rows, columns), pink(random, rows, columns)
	// Deviations in units of a byte. Photographs are mostly luma.
	const contrast, saturation = 42, 12
	im := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			at := y*columns + x
			luma := 120 + contrast*real(light[at])
			red, blue := saturation*real(colour[at]), saturation*imag(colour[at])
			pixel := im.Pix[im.PixOffset(x, y):][:4]
			pixel[0], pixel[1], pixel[2], pixel[3] = toByte(luma+red), toByte(luma-(red+blue)/3), toByte(luma+blue), 255
		}
	}
	return im
}

// The benchmarks' pictures: the size that photographs of ImageNet have on
// average, and a quality that gives their 90 KB.
const (
	PhotographHeight  = 375
	PhotographWidth   = 500
	PhotographQuality = 85
)

// JPEG encodes at a quality of 1 to 100, baseline, with chroma at half the
// resolution (4:2:0).
func JPEG(im image.Image, quality int) ([]byte, error) {
	var out bytes.Buffer
	err := jpeg.Encode(&out, im, &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

func toByte(v float64) uint8 { return uint8(min(max(math.RoundToEven(v), 0), 255)) }

func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// pink is a complex random field of rows×columns, powers of two, whose real and
// imaginary parts have a mean of 0, a deviation of 1 and an amplitude of 1/f.
func pink(random *rand.Rand, rows, columns int) []complex128 {
	field := make([]complex128, rows*columns)
	var power float64
	for y := range rows {
		for x := range columns {
			// Cycles per pixel; the upper half of the spectrum is negative.
			fy, fx := float64(min(y, rows-y))/float64(rows), float64(min(x, columns-x))/float64(columns)
			a, b := random.NormFloat64(), random.NormFloat64()
			if f := math.Hypot(fy, fx); f > 0 {
				field[y*columns+x] = complex(a/f, b/f)
				power += 1 / (f * f)
			}
		}
	}
	transform2(field, rows, columns)
	scale := complex(1/math.Sqrt(power), 0)
	for i := range field {
		field[i] *= scale
	}
	return field
}

// transform2 is the discrete Fourier transform of rows×columns, in place.
func transform2(field []complex128, rows, columns int) {
	for y := range rows {
		transform(field[y*columns : (y+1)*columns])
	}
	column := make([]complex128, rows)
	for x := range columns {
		for y := range column {
			column[y] = field[y*columns+x]
		}
		transform(column)
		for y, v := range column {
			field[y*columns+x] = v
		}
	}
}

// transform is the discrete Fourier transform of a power of two of values, in
// place (Cooley and Tukey, 1965, https://doi.org/10.1090/S0025-5718-1965-0178586-1).
func transform(v []complex128) {
	n := len(v)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			v[i], v[j] = v[j], v[i]
		}
	}
	turns := roots(n)
	for half := 1; half < n; half *= 2 {
		for start := 0; start < n; start += 2 * half {
			for k := range half {
				a, b := v[start+k], v[start+k+half]*turns[k*(n/2/half)]
				v[start+k], v[start+k+half] = a+b, a-b
			}
		}
	}
}

var rootsOf sync.Map

// roots are exp(−2πik/n) for k < n/2.
func roots(n int) []complex128 {
	if known, ok := rootsOf.Load(n); ok {
		return known.([]complex128)
	}
	r := make([]complex128, n/2)
	for k := range r {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
		r[k] = complex(cos, sin)
	}
	rootsOf.Store(n, r)
	return r
}
