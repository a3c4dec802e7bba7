package optim_test

import (
	"math"
	"testing"

	"cone/optim"
	"cone/recipe"
	"cone/tensor"
)

// TestEMAKeeps: timm's get_decay (update_after_step 0 and 10, with and without
// warm-up) and torchvision's copying while the rate warms up.
func TestEMAKeeps(t *testing.T) {
	for _, c := range []struct {
		settings recipe.EMA
		want     map[int]float64
	}{
		{recipe.EMA{Decay: 0.9, EverySteps: 1}, map[int]float64{1: 0, 2: 0.9, 3: 0.9, 1000: 0.9}},
		// timm.utils.ModelEmaV3(use_warmup=True, decay=0.999).get_decay
		{recipe.EMA{Decay: 0.999, EverySteps: 1, Warmup: true}, map[int]float64{
			1: 0, 2: 0.3700394750525634, 11: 0.7978199917664258, 31624: 0.999, 40000: 0.999}},
		// update_after_step=10: an epoch of 10 steps.
		{recipe.EMA{Decay: 0.999, EverySteps: 1, Warmup: true, AfterEpochs: 1}, map[int]float64{
			1: 0, 11: 0, 12: 0.3700394750525634, 21: 0.7978199917664258}},
		{recipe.EMA{Decay: 0.9, EverySteps: 4, AfterEpochs: 1.2}, map[int]float64{4: 0, 12: 0, 16: 0, 20: 0.9}},
	} {
		run(t, func() {
			average, values := newTree(readKnown(t).Shapes, tensor.Float32, false), newTree(readKnown(t).Shapes, tensor.Float32, false)
			defer average.Free()
			defer values.Free()
			e := optim.NewEMA(average, values, c.settings, 10)
			for steps, want := range c.want {
				if got := e.Keep(steps); math.Abs(got-want) > 1e-12 {
					t.Errorf("%+v: after %d steps %.17g is kept, want %v", c.settings, steps, got, want)
				}
			}
		})
	}
}

// TestEMAFollows weights and running statistics, copies counters, and does
// nothing between its steps.
func TestEMAFollows(t *testing.T) {
	run(t, func() {
		shapes := readKnown(t).Shapes
		average, values := newTree(shapes, tensor.Float64, true), newTree(shapes, tensor.Float64, true)
		defer average.Free()
		defer values.Free()
		mean := values.Root().Buffer("bn.running_mean", func() tensor.Tensor { return tensor.Full(0, tensor.Float64, tensor.CPU, 3) })
		count := values.Root().Buffer("bn.num_batches_tracked", func() tensor.Tensor { return tensor.Zeros(tensor.Int64, tensor.CPU) })
		average.Root().Buffer("bn.running_mean", func() tensor.Tensor { return tensor.Full(9, tensor.Float64, tensor.CPU, 3) })
		average.Root().Buffer("bn.num_batches_tracked", func() tensor.Tensor { return tensor.Zeros(tensor.Int64, tensor.CPU) })
		e := optim.NewEMA(average, values, recipe.EMA{Decay: 0.75, EverySteps: 2}, 10)
		closeTo(t, "the first copy", average.Get("bn.running_mean").Value, []float64{0, 0, 0}, 0)
		weight := values.Get("fc.bias")
		want := 0.0
		for step := 1; step <= 8; step++ {
			tensor.NoGrad(func() {
				weight.Value.Fill(float64(step))
				mean.Value.Fill(float64(step))
				count.Value.AddNumberInto(1)
			})
			e.Update(step)
			switch {
			case step == 2:
				want = 2
			case step%2 == 0:
				want = 0.75*want + 0.25*float64(step)
			}
			if step < 2 {
				continue
			}
			closeTo(t, "weight", average.Get("fc.bias").Value, []float64{want, want, want, want}, 1e-15)
			closeTo(t, "running mean", average.Get("bn.running_mean").Value, []float64{want, want, want}, 1e-15)
			closeTo(t, "counter", average.Get("bn.num_batches_tracked").Value, []float64{float64(step - step%2)}, 0)
		}
		if average.Get("fc.bias").Value.RequiresGrad() {
			t.Error("the average wants gradients")
		}
	})
}
