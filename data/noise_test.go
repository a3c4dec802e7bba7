package data

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"cone/augment"
	"cone/recipe"
)

func fortyImages() *labelled {
	src := &labelled{names: []string{"a", "b", "c", "d"}}
	for i := range 40 {
		src.labels = append(src.labels, i%4)
	}
	return src
}

// The answers come from a second implementation, testdata/noise.py.
func TestNoiseKnownAnswers(t *testing.T) {
	for kind, want := range map[string][]int{
		"symmetric": {1, 1, 0, 3, 0, 2, 2, 3, 0, 2, 1, 3, 0, 1, 1, 3, 0, 2, 0, 0, 3, 1, 2, 3, 0, 1, 2, 0, 2, 3, 2, 2, 0, 1, 3, 0, 0, 1, 1, 2},
		"pair":      {1, 1, 3, 3, 0, 2, 2, 3, 0, 2, 3, 3, 0, 1, 3, 3, 0, 2, 3, 0, 1, 1, 2, 3, 0, 1, 2, 0, 1, 2, 2, 0, 0, 1, 3, 0, 0, 1, 3, 0},
	} {
		if got := labelsOf(WithNoise(fortyImages(), recipe.LabelNoise{Rate: 0.4, Seed: 3, Kind: kind})); !slices.Equal(got, want) {
			t.Errorf("%s gives\n%v, want\n%v", kind, got, want)
		}
	}
}

func TestPartsKnownAnswers(t *testing.T) {
	indices := func(s Source) []int32 { return s.(*subset).indices }
	if got, want := indices(Fraction(fortyImages(), 0.3, 2)), []int32{3, 9, 17, 20, 23, 25, 26, 31, 32, 34, 36, 38}; !slices.Equal(got, want) {
		t.Errorf("0.3 keeps %v, want %v", got, want)
	}
	_, held := split(fortyImages(), 0.2, 2, augment.PurposeHold)
	if got, want := indices(held), []int32{1, 3, 8, 18, 21, 24, 35, 38}; !slices.Equal(got, want) {
		t.Errorf("0.2 holds out %v, want %v", got, want)
	}
}

// A smaller fraction is a part of a larger one, and no class is lost.
func TestFractionsAreNested(t *testing.T) {
	src := &labelled{names: []string{"many", "few", "none", "one"}}
	for c, n := range []int{1000, 30, 0, 1} {
		src.labels = append(src.labels, slices.Repeat([]int{c}, n)...)
	}
	wider := map[int32]bool{}
	for _, share := range []float64{1, 0.5, 0.1, 0.01} {
		part := Fraction(src, share, 4)
		count := make([]int, 4)
		narrower := map[int32]bool{}
		for i := range part.Len() {
			count[part.Label(i)]++
			at := int32(i)
			if s, ok := part.(*subset); ok {
				at = s.indices[i]
			}
			if narrower[at] = true; share < 1 && !wider[at] {
				t.Fatalf("share %v has image %d, which a larger share has not", share, at)
			}
		}
		want := []int{int(1000 * share), max(1, int(math.Round(30*share))), 0, 1}
		if !slices.Equal(count, want) {
			t.Errorf("share %v keeps %v images by class, want %v", share, count, want)
		}
		wider = narrower
	}
}

// Each label is wrong with the rate, every other class alike, and stays what it
// is whatever other images there are.
func TestNoiseIsFair(t *testing.T) {
	const n = 40000
	src := &labelled{names: []string{"a", "b", "c", "d", "e"}, labels: make([]int, n)}
	noisy := WithNoise(src, recipe.LabelNoise{Rate: 0.2, Seed: 1, Kind: "symmetric"})
	count := make([]int, 5)
	for _, label := range labelsOf(noisy) {
		count[label]++
	}
	for c, got := range count {
		want, expected := 0.05, n*0.05
		if c == 0 {
			want, expected = 0.8, n*0.8
		}
		if deviation := math.Sqrt(expected * (1 - want)); math.Abs(float64(got)-expected) > 4*deviation {
			t.Errorf("class %d is given %d times, want about %v", c, got, expected)
		}
	}
	if flipped := noisy.Flipped(); len(flipped) != n-count[0] || noisy.True(flipped[0]) != 0 {
		t.Errorf("%d labels are wrong, not %d", len(flipped), n-count[0])
	}
	few := WithNoise(First(src, 100), recipe.LabelNoise{Rate: 0.2, Seed: 1, Kind: "symmetric"})
	if !slices.Equal(labelsOf(few), labelsOf(noisy)[:100]) {
		t.Error("labels depend on the images behind them")
	}
}

// Held-out and test images keep their labels, and the record names the wrong
// ones.
func TestOpenWithNoise(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i := range 20 {
		files = append(files, fmt.Sprintf("train/%s/%02d.png", []string{"ant", "bee"}[i%2], i), fmt.Sprintf("val/%s/%02d.png", []string{"ant", "bee"}[i%2], i))
	}
	tree{Files: files}.plant(t, dir)
	d := recipe.Data{Path: dir, Format: "folder"}
	clean, err := Open(d)
	if err != nil {
		t.Fatal(err)
	}
	d.HoldOut, d.LabelNoise = 0.2, recipe.LabelNoise{Rate: 0.5, Kind: "pair"}
	c, err := Open(d)
	if err != nil {
		t.Fatal(err)
	}
	if c.Held.Len()+c.Train.Len() != clean.Train.Len() || c.Held.Len() == 0 {
		t.Fatalf("%d and %d of %d images", c.Held.Len(), c.Train.Len(), clean.Train.Len())
	}
	if !slices.Equal(labelsOf(c.Test), labelsOf(clean.Test)) {
		t.Error("test labels changed")
	}
	var text bytes.Buffer
	if err := c.Noise().WriteRecord(&text); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if flipped := c.Noise().Flipped(); len(flipped) == 0 || len(lines) != len(flipped)+1 || lines[0] != "index,name,given,true" {
		t.Errorf("%d wrong labels are listed as\n%s", len(flipped), text.String())
	}
	d.EvaluateHeldOut = true
	judged, err := Open(d)
	if err != nil {
		t.Fatal(err)
	}
	if judged.Held != nil || judged.Test.Len() != c.Held.Len() || judged.Test.Name(0) != c.Held.Name(0) || judged.Train.Len() != c.Train.Len() {
		t.Errorf("evaluated on %d images, %s first, and not on the %d held out", judged.Test.Len(), judged.Test.Name(0), c.Held.Len())
	}
	if err := judged.Close(); err != nil {
		t.Error(err)
	}
	if clean.Noise() != nil || clean.Held != nil {
		t.Error("data without noise has some")
	}
}
