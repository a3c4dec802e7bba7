package index

import "math"

// halfOf is the binary16 nearest to v, halves to even.
func halfOf(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b>>16) & 0x8000
	magnitude := math.Abs(float64(v))
	switch {
	case magnitude != magnitude:
		return 0x7e00
	case magnitude >= 65520: // rounds to infinity
		return sign | 0x7c00
	case magnitude < 1.0/(1<<14): // subnormal: multiples of 2⁻²⁴
		return sign | uint16(math.RoundToEven(magnitude*(1<<24)))
	}
	rounded := b&0x7fffffff + 0xfff + b>>13&1
	return sign | uint16((rounded>>13)-(127-15)<<10)
}

// ofHalf is the value of a binary16.
func ofHalf(h uint16) float32 {
	sign, exponent, mantissa := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		v := float32(mantissa) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
}
