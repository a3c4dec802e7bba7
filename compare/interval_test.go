package compare

import (
	"math"
	"testing"
)

// Student's t at 0.975 is 4.302652730 with 2 degrees of freedom and 2.776445105
// with 4 (NIST's tables agree to their digits).
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		values     []float64
		mean, half float64
	}{
		{[]float64{0.921, 0.925, 0.929}, 0.925, 0.009936550847},
		{[]float64{1, 2, 3, 4, 10}, 4, 4.389945165},
		{[]float64{7, 7}, 7, 0},
	} {
		i := NewInterval(c.values)
		if i.N != len(c.values) || math.Abs(i.Mean-c.mean) > 1e-12 || math.Abs(i.Half-c.half) > 1e-6 {
			t.Errorf("%v: %+v, want %v ± %v", c.values, i, c.mean, c.half)
		}
	}
	if i := NewInterval(nil); i.Format(2) != "–" {
		t.Errorf("of nothing: %s", i.Format(2))
	}
	if i := NewInterval([]float64{3}); i.Format(2) != "3.00" || i.Clear() {
		t.Errorf("of one value: %s, clear %v", i.Format(2), i.Clear())
	}
}

func TestPaired(t *testing.T) {
	i := Paired(map[uint64]float64{0: 3, 1: 5, 7: 100}, map[uint64]float64{0: 1, 1: 1, 2: -100})
	if i.N != 2 || i.Mean != 3 {
		t.Errorf("seeds 0 and 1 are in both: %+v", i)
	}
	if i.Clear() { // 3 ± 12.7
		t.Errorf("two pairs so far apart are not clear: %+v", i)
	}
	if i := Paired(map[uint64]float64{0: 3, 1: 3.1}, map[uint64]float64{0: 1, 1: 1}); !i.Clear() {
		t.Errorf("2.05 ± 0.64 is clear: %+v", i)
	}
}
