package train

import (
	"fmt"

	"cone/method"
	"cone/tensor"
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

// add adds a part's losses and figures to the step's. Reading them waits for
// the device: a sync point.
func (l *learnt) add(loss method.Loss, parts int) {
	terms := append([]method.Term{{Name: "loss", Value: loss.Total}}, loss.Terms...)
	losses := len(terms)
	terms = append(terms, loss.Figures...)
	all := make([]tensor.Tensor, len(terms))
	for i, term := range terms {
		all[i] = term.Value
	}
	l.order = l.order[:0]
	for i, v := range tensor.Items(all) {
		to := l.figures
		if i < losses {
			to = l.values
			l.order = append(l.order, terms[i].Name)
		}
		to[terms[i].Name] += v / float64(parts)
	}
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
