package corrupt

import (
	"math"

	"cone/augment"
)

// draws are the random numbers of one corrupted picture.
type draws interface {
	// Normal is of mean 0 and deviation 1.
	Normal() float64
	// Float64 is uniform in [0, 1).
	Float64() float64
	// IntN is uniform from 0 to n−1.
	IntN(n int) int
	// Poisson has the given mean.
	Poisson(mean float64) int
}

// uniform draws from [low, high).
func uniform(d draws, low, high float64) float64 { return low + (high-low)*d.Float64() }

// random draws from a stream.
type random struct{ augment.Stream }

// Poisson looks for the first count whose cumulated probability is above a
// uniform number. Means here are at most 500, so exp(−mean) is far from 0.
func (r *random) Poisson(mean float64) int {
	u, count := r.Float64(), 0
	probability := math.Exp(-mean)
	for sum := probability; sum <= u && probability > 0; sum += probability {
		count++
		probability *= mean / float64(count)
	}
	return count
}
