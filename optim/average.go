package optim

import (
	"cone/nn"
	"cone/tensor"
)

// Average is an exponential moving average of one tree's parameters in
// another's. Buffers are not touched.
type Average struct{ averages, values []tensor.Tensor }

// NewAverage moves the parameters of average towards those of values; both
// trees must come from the same constructor.
func NewAverage(average, values *nn.Tree) *Average {
	a := &Average{}
	for _, e := range average.Parameters() {
		a.averages = append(a.averages, e.Value)
		a.values = append(a.values, values.Get(e.Name).Value)
	}
	return a
}

// Update is average ← keep·average + (1−keep)·values, in one pass.
func (a *Average) Update(keep float64) {
	tensor.NoGrad(func() { tensor.AverageInto(a.averages, a.values, keep) })
}
