package knn

import "math"

// Mixture is how a classifier and a vote of the neighbours are mixed:
//
//	p = (1−λ)·softmax(logits) + λ·vote
//
// as kNN language models mix (Khandelwal et al. 2020,
// https://arxiv.org/abs/1911.00172).
type Mixture struct {
	// Weight is λ, from 0 (the classifier alone) to 1 (the vote alone).
	Weight float64 `json:"weight"`
	// K is how many neighbours vote, with temperature τ.
	K           int     `json:"k"`
	Temperature float64 `json:"temperature"`
}

// The settings of the vote among which Fit chooses.
var (
	fitK           = []int{5, 10, 20, 50, 100, 200}
	fitTemperature = []float64{0.02, 0.05, 0.07, 0.1, 0.2}
)

// LargestK is the most neighbours that Fit asks for.
func LargestK() int { return fitK[len(fitK)-1] }

// Mix are the mixed probabilities of N pictures, N×C.
func (m Mixture) Mix(logits []float32, n Neighbors, labels []int64, classes int) []float64 {
	vote := Votes(n.First(m.K), labels, classes, m.Temperature)
	for i, p := range Softmax(logits, classes) {
		vote[i] = (1-m.Weight)*p + m.Weight*vote[i]
	}
	return vote
}

// Fit chooses the mixture with the smallest negative log-likelihood on pictures
// that neither the classifier nor the neighbours were made from: N×C logits, the
// neighbours, the training images' labels, and the N true classes.
func Fit(logits []float32, n Neighbors, labels, truth []int64, classes int) Mixture {
	p := Softmax(logits, classes)
	own := func(shares []float64) []float64 {
		out := make([]float64, len(truth))
		for i, label := range truth {
			out[i] = max(shares[i*classes+int(label)], LeastShare)
		}
		return out
	}
	classifier := own(p)
	best, least := Mixture{K: min(fitK[0], n.K), Temperature: fitTemperature[0]}, math.Inf(1)
	for _, k := range fitK {
		if k > n.K && k > fitK[0] {
			break
		}
		near := n.First(k)
		for _, temperature := range fitTemperature {
			vote := own(Votes(near, labels, classes, temperature))
			weight := mixWeight(classifier, vote)
			if nll := mixNLL(classifier, vote, weight); nll < least {
				best, least = Mixture{Weight: weight, K: near.K, Temperature: temperature}, nll
			}
		}
	}
	return best
}

// mixNLL is the mean of −ln((1−λ)a + λb).
func mixNLL(a, b []float64, weight float64) float64 {
	sum := 0.0
	for i := range a {
		sum -= math.Log((1-weight)*a[i] + weight*b[i])
	}
	return sum / float64(len(a))
}

// mixWeight is the λ in [0, 1] with the smallest mixNLL. That is convex in λ, so
// its slope is followed to where it changes sign.
func mixWeight(a, b []float64) float64 {
	slope := func(weight float64) float64 {
		sum := 0.0
		for i := range a {
			sum += (a[i] - b[i]) / ((1-weight)*a[i] + weight*b[i])
		}
		return sum
	}
	low, high := 0.0, 1.0
	switch {
	case slope(low) >= 0:
		return low
	case slope(high) <= 0:
		return high
	}
	for range 40 {
		if middle := (low + high) / 2; slope(middle) > 0 {
			high = middle
		} else {
			low = middle
		}
	}
	return (low + high) / 2
}
