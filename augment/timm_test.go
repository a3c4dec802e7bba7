package augment

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"cone/picture"
	"cone/recipe"
)

// timmAnswers is testdata/answers_timm.json.
type timmAnswers struct {
	Readings map[string]struct {
		Magnitude, Probability, Bound float64
		Deviation                     float64 // −1: uniform
		Operations                    int
		Names                         []string
	}
	Refused   []string
	Levels    []float64
	Arguments map[string][][2]float64 // for each level: without and with the minus sign
	Seed      uint64
	Epoch     int
	Steps     []struct {
		Steps   []string
		Size    [3]int
		Digests []string
	}
	MixSeed  uint64
	MixEpoch uint64
	Pictures int
	Mixes    []struct {
		MixupAlpha        float64 `json:"mixup_alpha"`
		CutMixAlpha       float64 `json:"cutmix_alpha"`
		SwitchProbability float64 `json:"switch_prob"`
		Probability       float64 `json:"prob"`
		Mode              string
		Size              [3]int
		Batches           []struct {
			Digest string
			Shares []float64
		}
	}
}

func fromTimm(t *testing.T) timmAnswers {
	var a timmAnswers
	answers(t, "answers_timm.json", &a)
	return a
}

// TestTimmSteps lets timm's RandAugment draw from our streams: the pixels must
// be equal.
func TestTimmSteps(t *testing.T) {
	a := fromTimm(t)
	for _, s := range a.Steps {
		wholeSteps(t, a.Seed, a.Epoch, s.Size, s.Steps, s.Digests)
	}
}

func randAugmentOf(config string) (*randAugment, error) {
	return newRandAugment(&recipe.RandAugment{Config: config, Fill: []int{0, 0, 0}, Interpolation: "random"})
}

func TestRandAugmentReadsAsTimm(t *testing.T) {
	a := fromTimm(t)
	for config, want := range a.Readings {
		r, err := randAugmentOf(config)
		if err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		deviation := r.deviation
		if math.IsInf(deviation, 1) {
			deviation = -1
		}
		if r.magnitude != want.Magnitude || r.probability != want.Probability || r.bound != want.Bound ||
			deviation != want.Deviation || r.operations != want.Operations {
			t.Errorf("%s is read as %+v, want %+v", config, *r, want)
		}
		var names []string
		for _, o := range randAugmentOperations {
			names = append(names, timmName(o, r.increasing))
		}
		if !slices.Equal(names, want.Names) {
			t.Errorf("%s chooses from %v, want %v", config, names, want.Names)
		}
	}
	// What timm refuses and, after these, what it passes over or has beyond us.
	for _, config := range append(a.Refused, "rand-", "rand-m", "rand-mstd", "rand-m7m8", "rand-7", "rand--m3", "rand-m-3",
		"rand-tweights", "rand-t3a", "rand-p1.5", "rand-n0", "rand-n101", "rand-n1e99", "rand-mmax0", "rand-m1001", "rand-m1e999",
		"rand-mmax9999", "rand-m3-m4", "rand-mstdinf", "rand-mstdNaN", "", "m7") {
		if _, err := randAugmentOf(config); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), fmt.Sprintf("%q", config)) {
			t.Errorf("%s: %v, want a sentence that names it", config, err)
		}
	}
}

// timmName is what timm calls an operation in one of its two sets.
func timmName(o operation, increasing bool) string {
	name := operationNames[o]
	switch o {
	case posterize, solarize, color, contrast, brightness, sharpness:
		if increasing {
			name += "Increasing"
		}
	}
	return name
}

// TestRandAugmentArguments compares what levels mean, with both signs.
func TestRandAugmentArguments(t *testing.T) {
	a := fromTimm(t)
	for _, increasing := range []bool{false, true} {
		r := &randAugment{increasing: increasing}
		for _, o := range randAugmentOperations {
			name := timmName(o, increasing)
			want, ok := a.Arguments[name]
			if !ok {
				t.Errorf("timm has no %s", name)
			}
			for i, pair := range want {
				for negative := range 2 {
					random := streamThatDraws(2, negative)
					got := r.argument(o, a.Levels[i], &random)
					if got != pair[negative] {
						t.Errorf("%s at level %v (sign %d) means %v, want %v", name, a.Levels[i], negative, got, pair[negative])
					}
				}
			}
		}
	}
}

// streamThatDraws is a stream whose next number below n is wanted.
func streamThatDraws(n, wanted int) Stream {
	for seed := uint64(0); ; seed++ {
		s := NewStream(seed)
		copied := s
		if copied.IntN(n) == wanted {
			return s
		}
	}
}

// TestTimmMixes lets timm's FastCollateMixup draw from our streams.
func TestTimmMixes(t *testing.T) {
	a := fromTimm(t)
	for _, m := range a.Mixes {
		size := sized3(m.Size)
		mixer := &Mixer{recipe.Mix{
			MixupAlpha: m.MixupAlpha, CutMixAlpha: m.CutMixAlpha, SwitchProbability: m.SwitchProbability,
			Probability: m.Probability, Mode: m.Mode,
		}}
		t.Run(fmt.Sprintf("%+v %v", mixer.settings, size), func(t *testing.T) {
			for place, want := range m.Batches {
				images := shaded(size, a.Pictures)
				mixed := mixer.Apply(images, a.Pictures, size, NewStream(a.MixSeed, PurposeMix, a.MixEpoch, uint64(place)))
				if digest(images) != want.Digest {
					t.Errorf("batch %d has other pixels", place)
				}
				for i, got := range mixed {
					if partner := a.Pictures - 1 - i; got.Partner != partner || math.Abs(got.Share-want.Shares[i]) > 2e-7 {
						t.Errorf("batch %d, image %d: %+v, want a share of %v, the rest for %d", place, i, got, want.Shares[i], partner)
					}
				}
			}
		})
	}
}

// TestMixedPixelsRoundAsNumPy mixes in halves, which NumPy's rint, and with it
// timm, rounds to even numbers.
func TestMixedPixelsRoundAsNumPy(t *testing.T) {
	image := []byte{0, 1, 2, 3, 254, 255}
	blend{share: 0.5}.apply(image, []byte{1, 2, 3, 4, 255, 255}, picture.Size{Height: 1, Width: 6, Channels: 1})
	if want := []byte{0, 2, 2, 4, 254, 255}; !slices.Equal(image, want) {
		t.Errorf("%v, want %v", image, want)
	}
}

// shaded is a batch of n pictures that differ in their values.
func shaded(size picture.Size, n int) []byte {
	var images []byte
	for i := range n {
		for _, v := range synthetic(size).Pixels {
			images = append(images, v+uint8(37*i))
		}
	}
	return images
}
