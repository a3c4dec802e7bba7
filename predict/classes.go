package predict

import (
	"math"
	"slices"
)

// Class is a class with its probability.
type Class struct {
	Name        string  `json:"class"`
	Probability float64 `json:"probability"`
}

// Softmax gives the probabilities of C logits.
func Softmax(logits []float32) []float64 {
	out, most, total := make([]float64, len(logits)), slices.Max(logits), 0.0
	for i, v := range logits {
		out[i] = math.Exp(float64(v - most))
		total += out[i]
	}
	for i := range out {
		out[i] /= total
	}
	return out
}

// Top gives the k most probable of the named classes, the lower one first among
// equals.
func Top(probabilities []float64, names []string, k int) []Class {
	order := make([]int, len(probabilities))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case probabilities[a] > probabilities[b]:
			return -1
		case probabilities[a] < probabilities[b]:
			return 1
		}
		return 0
	})
	var out []Class
	for _, i := range order[:min(k, len(order))] {
		out = append(out, Class{names[i], probabilities[i]})
	}
	return out
}
