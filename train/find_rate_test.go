package train

import (
	"context"
	"errors"
	"math"
	"os"
	"testing"

	"cone/report"
	"cone/tensor"
)

// The search takes the rates it was given, in terms of optim.lr, ends when the
// loss explodes, and writes nothing.
func TestFindRate(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Optim.ReferenceBatch, r.Optim.WarmupEpochs = batchSize/2, 100 // the schedule does not count
	r.EMA.Decay, r.EarlyStopping.Patience = 0.9, 1
	t.Chdir(t.TempDir())
	before := tensor.Live()
	search := RateSearch{From: 1e-4, To: 100, Steps: 120}
	points, found, err := FindRate(context.Background(), r, search, testEngine(t))
	if err != nil {
		t.Fatal(err)
	}
	if after := tensor.Live(); after != before {
		t.Errorf("%d tensors live, %d did before", after, before)
	}
	if entries, _ := os.ReadDir("."); len(entries) > 0 {
		t.Errorf("the search left %v", entries)
	}
	if n := len(points); n < 40 || n >= search.Steps {
		t.Errorf("%d steps: a rate of %v must make the loss explode", n, search.To)
	}
	if points[0].Rate != search.From || points[0].Smooth-points[0].Loss > 1e-12 || points[0].Loss-points[0].Smooth > 1e-12 {
		t.Errorf("the first point is %+v", points[0])
	}
	for i := 1; i < len(points); i++ {
		if ratio := points[i].Rate / points[i-1].Rate; math.Abs(ratio-math.Pow(1e6, 1./119)) > 1e-9 {
			t.Errorf("the rate grows by %v at step %d", ratio, i)
		}
	}
	if !(found.Steepest > 1e-3 && found.Steepest <= found.Lowest && found.Lowest < 30) {
		t.Errorf("suggestions %+v", found)
	}
}

// The rate is scaled by the batch as in a run: half the rate at twice the
// scale takes the same steps.
func TestFindRateScales(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	var losses [2][]report.RatePoint
	for i, scale := range []float64{1, 4} {
		r.Optim.ReferenceBatch = int(batchSize / scale)
		points, _, err := FindRate(context.Background(), r, RateSearch{From: 0.01 / scale, To: 0.5 / scale, Steps: 20}, testEngine(t))
		if err != nil {
			t.Fatal(err)
		}
		losses[i] = points
	}
	for i := range losses[0] {
		if math.Abs(losses[0][i].Loss-losses[1][i].Loss) > 1e-6 || math.Abs(losses[0][i].Rate-4*losses[1][i].Rate) > 1e-12 {
			t.Errorf("step %d: %+v and %+v", i, losses[0][i], losses[1][i])
		}
	}
}

func TestSuggest(t *testing.T) {
	curve := func(loss func(x float64) float64) (points []report.RatePoint) {
		for i := range 101 {
			x := -5 + 0.05*float64(i) // log10 of the rate, to 1
			points = append(points, report.RatePoint{Rate: math.Pow(10, x), Smooth: loss(x)})
		}
		return points
	}
	// A logistic fall around 10^−2.5, then a rise from 10^−1 on.
	found, err := suggest(curve(func(x float64) float64 { return 2/(1+math.Exp(4*(x+2.5))) + math.Exp(5*(x-0.3)) }))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := math.Log10(found.Steepest), math.Log10(found.Lowest); math.Abs(a+2.5) > 0.1 || b < -1.6 || b > -0.5 {
		t.Errorf("steepest at 10^%v, lowest at 10^%v", a, b)
	}
	_, err = suggest(curve(func(x float64) float64 { return x }))
	oneSentence(t, err, "does not fall")
}

func TestFindRateRefuses(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	for _, c := range []struct {
		s    RateSearch
		says string
	}{
		{RateSearch{From: 0, To: 1, Steps: 100}, "cannot begin at a rate of 0"},
		{RateSearch{From: math.NaN(), To: 1, Steps: 100}, "cannot begin"},
		{RateSearch{From: 1, To: 1, Steps: 100}, "from a rate of 1 to 1"},
		{RateSearch{From: 1, To: math.Inf(1), Steps: 100}, "to +Inf"},
		{RateSearch{From: 1, To: 2, Steps: 19}, "19 steps"},
		{RateSearch{From: 1e6, To: 1e9, Steps: 50}, "begin at a lower rate"},
	} {
		_, _, err := FindRate(context.Background(), r, c.s, testEngine(t))
		oneSentence(t, err, c.says)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := FindRate(ctx, r, RateSearch{From: 1e-3, To: 1, Steps: 50}, testEngine(t)); !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	r.Optim.Name = "lion"
	_, _, err := FindRate(context.Background(), r, RateSearch{From: 1e-3, To: 1, Steps: 50}, testEngine(t))
	oneSentence(t, err, "optim.name")
}
