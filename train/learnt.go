package train

import (
	"fmt"

	"cone/method"
)

// learnt is what a step tells: losses by name, the names in order, further
// figures by name, and the gradients' norm where they are clipped.
type learnt struct {
	values  map[string]float64
	order   []string
	figures map[string]float64
	norm    float64
}

// diverged names the first loss that has left the numbers, or "". The total
// is the sum of the terms, so a term is the more telling name.
func (l learnt) diverged() string {
	for i := len(l.order) - 1; i >= 0; i-- {
		if v := l.values[l.order[i]]; v-v != 0 {
			return l.order[i]
		}
	}
	return ""
}

// addTerms adds a part's terms to the step's values and returns their names in
// order. Reading them waits for the device: a sync point.
func addTerms(values map[string]float64, terms []method.Term, parts int) (order []string) {
	for _, term := range terms {
		values[term.Name] += term.Value.Detach().Item() / float64(parts)
		order = append(order, term.Name)
	}
	return order
}

// checkFinite stops a run whose losses have left the numbers, before they
// reach the weights.
func (r *run) checkFinite(l learnt) error {
	name := l.diverged()
	if name == "" {
		return nil
	}
	return fmt.Errorf("step %d (epoch %d): %s is %v: %s; lower optim.lr, set optim.clip_norm, or use float32",
		r.at.Step+1, r.at.Epoch+1, name, l.values[name], r.kept())
}
