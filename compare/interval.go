package compare

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a mean of n values and half the width of its 95 % confidence
// interval by Student's t, which is NaN of fewer than two values.
type Interval struct {
	N          int
	Mean, Half float64
}

// NewInterval describes values. They are taken as a sample of what other
// seeds would give; it says nothing about other test images.
func NewInterval(values []float64) Interval {
	i := Interval{N: len(values), Mean: math.NaN(), Half: math.NaN()}
	switch i.N {
	case 0:
		return i
	case 1:
		i.Mean = values[0]
		return i
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	t := distuv.StudentsT{Sigma: 1, Nu: float64(i.N - 1)}.Quantile(0.975)
	i.Mean, i.Half = mean, t*deviation/math.Sqrt(float64(i.N))
	return i
}

// Paired is the interval of the differences between two recipes' values seed
// by seed, with the seeds that both have.
func Paired(values, reference map[uint64]float64) Interval {
	var differences []float64
	for seed, v := range values {
		if r, ok := reference[seed]; ok {
			differences = append(differences, v-r)
		}
	}
	return NewInterval(differences)
}

// Clear says whether the interval leaves out zero.
func (i Interval) Clear() bool { return math.Abs(i.Mean) > i.Half }

// Format writes "mean ± half" with so many digits after the point, the mean
// alone where there is no interval, and – where there is neither.
func (i Interval) Format(digits int) string {
	switch {
	case math.IsNaN(i.Mean):
		return "–"
	case math.IsNaN(i.Half):
		return fmt.Sprintf("%.*f", digits, i.Mean)
	}
	return fmt.Sprintf("%.*f ± %.*f", digits, i.Mean, digits, i.Half)
}
