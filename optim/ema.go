package optim

import (
	"math"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// EMA is an exponential moving average of a model, which often generalises
// better than the model itself (Polyak and Juditsky 1992; Tarvainen and
// Valpola 2017, https://arxiv.org/abs/1703.01780). As in timm's ModelEmaV3 and
// torchvision's reference, running statistics are averaged as weights are, and
// counters are copied.
type EMA struct {
	averages, values []tensor.Tensor // what has fractions
	copies, sources  []tensor.Tensor // counters
	settings         recipe.EMA
	after            int // steps whose updates copy
}

// NewEMA averages values in the tree average, which must come from the same
// constructor and is overwritten with a copy.
func NewEMA(average, values *nn.Tree, r recipe.EMA, stepsPerEpoch int) *EMA {
	average.CopyFrom(values)
	average.SetTrainable(false)
	e := &EMA{settings: r, after: int(r.AfterEpochs * float64(stepsPerEpoch))}
	for _, entry := range average.Entries() {
		value := values.Get(entry.Name).Value
		if d := entry.Value.DType(); d != tensor.Float32 && d != tensor.Float64 {
			e.copies, e.sources = append(e.copies, entry.Value), append(e.sources, value)
			continue
		}
		e.averages, e.values = append(e.averages, entry.Value), append(e.values, value)
	}
	return e
}

// Update follows the model after the given number of finished steps. What it
// does depends on that number alone, so that a resumed run goes on the same.
func (e *EMA) Update(steps int) {
	if steps%e.settings.EverySteps != 0 {
		return
	}
	tensor.NoGrad(func() {
		tensor.AverageInto(e.averages, e.values, e.Keep(steps))
		for i, c := range e.copies {
			c.CopyFrom(e.sources[i])
		}
	})
}

// Keep is the share of the old average that the update after so many steps
// keeps: 0 while the average copies and for the first update afterwards.
func (e *EMA) Keep(steps int) float64 {
	n := steps/e.settings.EverySteps - e.after/e.settings.EverySteps - 1
	switch {
	case n <= 0:
		return 0
	case e.settings.Warmup:
		return min(e.settings.Decay, 1-math.Pow(1+float64(n), -2./3))
	}
	return e.settings.Decay
}
