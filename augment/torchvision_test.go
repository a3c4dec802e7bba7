package augment

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"cone/picture"
)

// torchvisionAnswers is testdata/answers_torchvision.json.
type torchvisionAnswers struct {
	Policies           map[string][][2][3]any
	AutoAugment        map[string]map[string]magnitudes `json:"auto_augment"`
	TrivialAugmentWide map[string]magnitudes            `json:"trivial_augment_wide"`
	Sizes              [][3]int
	Operations         map[string]string
	Seed               uint64
	Epoch              int
	Steps              []struct {
		Steps   []string
		Size    [3]int
		Digests []string
	}
}

type magnitudes struct {
	Signed     bool
	Magnitudes []float64
}

func fromTorchvision(t *testing.T) torchvisionAnswers {
	var a torchvisionAnswers
	answers(t, "answers_torchvision.json", &a)
	return a
}

// TestTorchvisionSteps lets torchvision's transforms draw from our streams: the
// pixels must be equal.
func TestTorchvisionSteps(t *testing.T) {
	a := fromTorchvision(t)
	for _, s := range a.Steps {
		wholeSteps(t, a.Seed, a.Epoch, s.Size, s.Steps, s.Digests)
	}
}

func TestAutoAugmentPolicies(t *testing.T) {
	want := fromTorchvision(t).Policies
	if len(want) != len(autoAugmentPolicies) {
		t.Errorf("there are %d policies, and %d of torchvision", len(autoAugmentPolicies), len(want))
	}
	for name, pairs := range want {
		policy := autoAugmentPolicies[name]
		if len(policy) != len(pairs) {
			t.Fatalf("%s has %d pairs, want %d", name, len(policy), len(pairs))
		}
		for i, pair := range pairs {
			for j, s := range pair {
				bin, _ := s[2].(float64) // none where the operation has no magnitude
				got := policy[i][j]
				if operationNames[got.operation] != s[0] || got.probability != s[1] || got.bin != int(bin) {
					t.Errorf("%s, pair %d: %v with %v and %v, want %v", name, i, operationNames[got.operation], got.probability, got.bin, s)
				}
			}
		}
	}
}

// means says whether an argument is what torchvision makes of a magnitude.
func means(o operation, argument, magnitude float64) bool {
	switch o {
	case translateX, translateY:
		return -argument == math.Trunc(magnitude)
	case solarize:
		return argument == math.Ceil(magnitude)
	case brightness, color, contrast, sharpness:
		return argument == 1+magnitude
	}
	return argument == magnitude
}

func TestAutoAugmentMagnitudes(t *testing.T) {
	for size, space := range fromTorchvision(t).AutoAugment {
		var height, width int
		if _, err := fmt.Sscanf(size, "%dx%d", &height, &width); err != nil {
			t.Fatal(err)
		}
		checkSpace(t, space, func(o operation, bin int, negative bool) float64 {
			return autoArgument(o, bin, negative, height, width)
		})
	}
}

func TestTrivialAugmentWideMagnitudes(t *testing.T) {
	space := fromTorchvision(t).TrivialAugmentWide
	checkSpace(t, space, wideArgument)
	if len(space) != len(wideOperations) {
		t.Errorf("%d operations, want %d", len(wideOperations), len(space))
	}
	for _, o := range wideOperations {
		m, ok := space[operationNames[o]]
		if !ok || len(m.Magnitudes) != 0 && len(m.Magnitudes) != wideBins {
			t.Errorf("%s is not torchvision's, or has other than %d magnitudes", operationNames[o], wideBins)
		}
	}
}

func checkSpace(t *testing.T, space map[string]magnitudes, argument func(o operation, bin int, negative bool) float64) {
	t.Helper()
	for name, m := range space {
		o := operationOf(t, name)
		for bin, want := range m.Magnitudes {
			if got := argument(o, bin, false); !means(o, got, want) {
				t.Errorf("%s %d means %v, want %v", name, bin, got, want)
			}
			if m.Signed {
				want = -want
			}
			if got := argument(o, bin, true); !means(o, got, want) {
				t.Errorf("%s %d, negative, means %v, want %v", name, bin, got, want)
			}
		}
	}
}

func operationOf(t *testing.T, name string) operation {
	t.Helper()
	for o, n := range operationNames {
		if n == name {
			return o
		}
	}
	t.Fatalf("no operation is called %s", name)
	return 0
}

// TestTorchvisionOperations compares every operation at every magnitude.
func TestTorchvisionOperations(t *testing.T) {
	a := fromTorchvision(t)
	if len(a.Operations) < 800 {
		t.Errorf("only %d answers", len(a.Operations))
	}
	for key, want := range a.Operations {
		parts := strings.Split(key, "/")
		var bin int
		if _, err := fmt.Sscan(parts[2], &bin); err != nil {
			t.Fatal(err)
		}
		o, negative := operationOf(t, parts[1]), parts[3] == "-"
		argument := wideArgument(o, bin, negative)
		if parts[0] == "auto_augment" {
			argument = autoArgument(o, bin, negative, a.Sizes[0][0], a.Sizes[0][1])
		}
		var got [][]byte
		for _, size := range a.Sizes {
			got = append(got, perform(t, synthetic(sized3(size)), act{o, argument, picture.Nearest}, [3]uint8{9, 80, 200}))
		}
		if digest(got...) != want {
			t.Errorf("%s makes other pixels", key)
		}
	}
}
