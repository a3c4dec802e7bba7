package data

import (
	"slices"
	"testing"
)

// The orders come from a second implementation, in Python, of what Order's
// comment says.
func TestOrderKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		seed     uint64
		epoch, n int
		want     []int
	}{
		{0, 0, 10, []int{3, 5, 9, 0, 7, 4, 1, 6, 2, 8}},
		{0, 1, 10, []int{8, 1, 4, 3, 5, 0, 6, 7, 2, 9}},
		{42, 7, 12, []int{1, 0, 2, 8, 11, 10, 9, 6, 7, 5, 4, 3}},
		{1, 1, 1, []int{0}},
		{1, 1, 0, []int{}},
	} {
		if got := Order(c.seed, c.epoch, c.n); !slices.Equal(got, c.want) {
			t.Errorf("Order(%d, %d, %d) = %v, want %v", c.seed, c.epoch, c.n, got, c.want)
		}
	}
}

func TestOrderIsAPermutation(t *testing.T) {
	order := Order(3, 2, 60000)
	slices.Sort(order)
	for i, index := range order {
		if i != index {
			t.Fatalf("entry %d of the sorted order is %d", i, index)
		}
	}
}

// Over many epochs, each of the 24 orders of four images is about as frequent.
func TestOrderIsUniform(t *testing.T) {
	const epochs = 24000
	counts := map[[4]int]int{}
	for epoch := range epochs {
		counts[[4]int(Order(11, epoch, 4))]++
	}
	chi := 0.0
	for _, n := range counts {
		chi += float64((n-epochs/24)*(n-epochs/24)) / (epochs / 24)
	}
	if len(counts) != 24 || chi > 49.7 { // 23 degrees of freedom, 0.1 %
		t.Errorf("%d orders, chi-squared %.1f", len(counts), chi)
	}
}
