package augment

import (
	"math"
	"math/bits"
)

// Stream is a small random stream: SplitMix64 (Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", OOPSLA 2014,
// https://doi.org/10.1145/2660193.2660195). Its state is one number, so each
// image can have a stream of its own at no cost, and the algorithm is short
// enough to be rebuilt exactly in any language; math/rand documents no such
// promise for its bounded numbers.
//
// It is for shuffling and augmentation, not for secrets.
type Stream struct {
	state uint64
}

// golden is the increment of SplitMix64: 2⁶⁴ divided by the golden ratio, odd.
const golden = 0x9e3779b97f4a7c15

// Purposes are the first key of a stream, so that streams with equal seeds
// but different uses are unrelated.
const (
	PurposeOrder   uint64 = 1 // keys: epoch
	PurposeAugment uint64 = 2 // keys: epoch, image index, view if not 0
	PurposeMix     uint64 = 3 // keys: epoch, place of the batch's first image in it
	PurposeSplit   uint64 = 4 // keys: class
	PurposeNoise   uint64 = 5 // keys: image index
	PurposeHold    uint64 = 6 // keys: class
	PurposePart    uint64 = 7 // keys: class
)

// NewStream derives the stream that belongs to seed and keys. The start state
// is a chained hash: h = mix(seed + g), then h = mix((h xor key) + g) for each
// key in turn, with SplitMix64's constant g and output function mix. Every
// step is a bijection, so streams that differ in one key never start alike.
func NewStream(seed uint64, keys ...uint64) Stream {
	h := mix(seed + golden)
	for _, key := range keys {
		h = mix((h ^ key) + golden)
	}
	return Stream{state: h}
}

// Uint64 returns the next 64 uniformly random bits.
func (s *Stream) Uint64() uint64 {
	s.state += golden
	return mix(s.state)
}

// IntN returns a uniformly random integer in [0, n), without bias: the high
// half of x·n for a random x, drawn again while the low half is below
// 2⁶⁴ mod n (Lemire, https://arxiv.org/abs/1805.10941). It panics unless n > 0.
func (s *Stream) IntN(n int) int {
	if n <= 0 {
		panic("augment: IntN needs a positive bound")
	}
	bound := uint64(n)
	high, low := bits.Mul64(s.Uint64(), bound)
	if low < bound {
		for reject := -bound % bound; low < reject; {
			high, low = bits.Mul64(s.Uint64(), bound)
		}
	}
	return int(high)
}

// Float64 returns a uniformly random number in [0, 1): the top 53 bits times 2⁻⁵³.
func (s *Stream) Float64() float64 {
	return float64(s.Uint64()>>11) * 0x1p-53
}

// between returns a uniformly random number in [low, high).
func (s *Stream) between(low, high float64) float64 {
	return low + float64((high-low)*s.Float64())
}

// Normal returns a normally distributed number of mean 0 and deviation 1, from
// two uniform ones (Box and Muller, 1958, https://doi.org/10.1214/aoms/1177706645).
func (s *Stream) Normal() float64 {
	radius := math.Sqrt(-2 * math.Log(1-s.Float64()))
	return radius * math.Cos(2*math.Pi*s.Float64())
}

// Beta returns a number in [0, 1] that is distributed as Beta(alpha, alpha).
func (s *Stream) Beta(alpha float64) float64 {
	// Logarithms, for with a small alpha both gammas may be too small for
	// numbers, while their ratio is not.
	x, y := s.logGamma(alpha), s.logGamma(alpha)
	return 1 / (1 + math.Exp(y-x))
}

// logGamma returns the logarithm of a number distributed as Gamma(alpha)
// (Marsaglia and Tsang, 2000, https://doi.org/10.1145/358407.358414).
func (s *Stream) logGamma(alpha float64) float64 {
	if alpha < 1 {
		return s.logGamma(alpha+1) + math.Log(1-s.Float64())/alpha
	}
	d := alpha - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := s.Normal()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if math.Log(1-s.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return math.Log(d * v)
		}
	}
}

// mix is the output function of SplitMix64, a bijection of 64-bit numbers.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
