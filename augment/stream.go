package augment

import "math/bits"

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
	PurposeAugment uint64 = 2 // keys: epoch, image index
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

// mix is the output function of SplitMix64, a bijection of 64-bit numbers.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
