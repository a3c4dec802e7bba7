package data

import (
	"slices"
	"testing"
)

func TestFirst(t *testing.T) {
	d := synthetic(6)
	first := d.First(4)
	if first.Len() != 4 || !slices.Equal(first.Image(3), d.Image(3)) || !slices.Equal(first.Classes, d.Classes) {
		t.Errorf("%d images, last %v", first.Len(), first.Image(3))
	}
	if err := first.check(); err != nil {
		t.Error(err)
	}
	if d.Len() != 6 || d.First(0) != d || d.First(6) != d || d.First(7) != d {
		t.Error("First changed the dataset, or copied all of it")
	}
	// Appending to the part must not overwrite the whole.
	_ = append(first.Pixels, 0)
	_ = append(first.Image(0), 0)
	if !slices.Equal(d.Pixels, synthetic(6).Pixels) {
		t.Error("the dataset's pixels changed")
	}
}
