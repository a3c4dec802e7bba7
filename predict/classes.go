package predict

import "slices"

// Class is a class with its probability.
type Class struct {
	Name        string  `json:"class"`
	Probability float64 `json:"probability"`
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
