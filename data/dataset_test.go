package data

import (
	"slices"
	"testing"
)

func TestFirst(t *testing.T) {
	d := synthetic(6)
	first := First(d, 4)
	last, err := first.Read(3, nil)
	if err != nil || first.Len() != 4 || !slices.Equal(last, d.Image(3)) || first.Label(3) != d.Label(3) || !slices.Equal(first.Classes(), d.Classes()) {
		t.Errorf("%d images, last %v, error %v", first.Len(), last, err)
	}
	for _, n := range []int{0, 6, 7} {
		if First(d, n) != Source(d) {
			t.Errorf("the first %d of 6 are not all", n)
		}
	}
}

func TestImageIsClipped(t *testing.T) {
	d := synthetic(6)
	// Appending to an image must not overwrite the next.
	_ = append(d.Image(0), 0)
	if !slices.Equal(d.Pixels, synthetic(6).Pixels) {
		t.Error("the dataset's pixels changed")
	}
}
