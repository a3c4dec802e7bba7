package augment

import (
	"math"
	"slices"
	"testing"
)

func TestStreamIsSplitMix64(t *testing.T) {
	// The first numbers of the reference implementation,
	// https://prng.di.unimi.it/splitmix64.c, from state 1234567.
	s := Stream{state: 1234567}
	for i, want := range []uint64{
		6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821,
	} {
		if got := s.Uint64(); got != want {
			t.Errorf("number %d is %d, want %d", i, got, want)
		}
	}
}

// The numbers come from a second implementation, in Python, of what the
// comments of NewStream, IntN and Float64 say.
func TestStreamKnownAnswers(t *testing.T) {
	s := NewStream(7, PurposeAugment, 3, 11)
	for i, want := range []uint64{0xb9734902a401c7fa, 0x592f1a467a5818a0, 0x6a7137d893403db8} {
		if got := s.Uint64(); got != want {
			t.Errorf("number %d is %#x, want %#x", i, got, want)
		}
	}
	draw := func(bound, count int) []int {
		s := NewStream(7, PurposeAugment, 3, 11)
		numbers := make([]int, count)
		for i := range numbers {
			numbers[i] = s.IntN(bound)
		}
		return numbers
	}
	if got, want := draw(9, 12), []int{6, 3, 3, 5, 5, 7, 0, 2, 2, 2, 7, 4}; !slices.Equal(got, want) {
		t.Errorf("below 9: %v, want %v", got, want)
	}
	// A bound so large that a good part of all numbers must be drawn again.
	want := []int{5011164298135775997, 3963852678096094551, 1720646722430999058, 2186964244396184991, 5644452116357078255, 3357431197505013040}
	if got := draw(3<<61, 6); !slices.Equal(got, want) {
		t.Errorf("below 3·2⁶¹: %v, want %v", got, want)
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64][4]uint64{}
	for seed := range uint64(6) {
		for _, purpose := range []uint64{PurposeOrder, PurposeAugment} {
			for epoch := range uint64(20) {
				for index := range uint64(50) {
					key := [4]uint64{seed, purpose, epoch, index}
					s := NewStream(seed, purpose, epoch, index)
					first := s.Uint64()
					if other, ok := seen[first]; ok {
						t.Fatalf("%v and %v start alike", key, other)
					}
					seen[first] = key
				}
			}
		}
	}
}

// The first draws of streams with neighbouring keys are what augmentation
// uses, so these must be uniform, not only the draws of one stream.
func TestFirstDrawsAreUniform(t *testing.T) {
	const images, cells = 90000, 9
	var counts [cells]float64
	sum := 0.0
	for i := range uint64(images) {
		s := NewStream(0, PurposeAugment, 0, i)
		counts[s.IntN(cells)]++
		f := s.Float64()
		if f < 0 || f >= 1 {
			t.Fatalf("Float64 returned %v", f)
		}
		sum += f
	}
	chi := 0.0
	for _, n := range counts {
		chi += (n - images/cells) * (n - images/cells) / (images / cells)
	}
	if chi > 26.1 { // 8 degrees of freedom, 0.1 %
		t.Errorf("chi-squared is %.1f for counts %v", chi, counts)
	}
	if mean, limit := sum/images, 4/math.Sqrt(12*images); math.Abs(mean-0.5) > limit {
		t.Errorf("mean is %v", mean)
	}
}

func TestIntNRefusesAnEmptyRange(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("IntN(0) did not panic")
		}
	}()
	new(Stream).IntN(0)
}
