package train

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"cone/data"
	"cone/optim"
	"cone/recipe"
	"cone/report"
	"cone/tensor"
)

// RateSearch is the range test of "Cyclical Learning Rates for Training Neural
// Networks" (Smith 2015, https://arxiv.org/abs/1506.01186), with rates that
// grow exponentially and fast.ai's smoothing and bound.
type RateSearch struct {
	// From and To are the first and the last rate, as values of optim.lr.
	From, To float64
	// Steps lie between them, unless the loss explodes before.
	Steps int
}

// Validate refuses searches that cannot be done.
func (s RateSearch) Validate() error {
	switch {
	case !(s.From > 0) || math.IsInf(s.From, 0):
		return fmt.Errorf("the search cannot begin at a rate of %v: choose a number above 0", s.From)
	case !(s.To > s.From) || math.IsInf(s.To, 0):
		return fmt.Errorf("the search cannot go from a rate of %v to %v: choose an end above the beginning", s.From, s.To)
	case s.Steps < minSearch || s.Steps > 1_000_000:
		return fmt.Errorf("a search of %d steps makes no sense: choose from %d to a million", s.Steps, minSearch)
	}
	return nil
}

const (
	minSearch = 20   // steps, for a curve to be seen
	smoothing = 0.98 // share of the old average of the loss
	explosion = 4    // times the lowest smoothed loss: the search ends there
)

// rate of step i: equal factors from From to To.
func (s RateSearch) rate(i int) float64 {
	return s.From * math.Pow(s.To/s.From, float64(i)/float64(s.Steps-1))
}

// RateSuggestion are values for optim.lr.
type RateSuggestion struct {
	// Steepest is where the smoothed loss falls fastest per factor of the rate.
	Steepest float64
	// Lowest is where it is lowest; a tenth of it is the other usual choice.
	Lowest float64
}

// FindRate trains on a recipe's data with growing rates, in memory alone, and
// returns the losses on the way and what they suggest. The recipe's schedule,
// average, stopping and second stage do not count; the method stays in its first epoch, so
// that no loss joins midway.
func FindRate(ctx context.Context, rec recipe.Recipe, s RateSearch, e Engine) (points []report.RatePoint, out RateSuggestion, err error) {
	if err := s.Validate(); err != nil {
		return nil, out, err
	}
	rec = rec.FirstStage()
	rec.EMA.Decay, rec.EarlyStopping.Patience = 0, 0
	if err := rec.Validate(); err != nil {
		return nil, out, err
	}
	collection, err := data.Open(rec.Data)
	if err != nil {
		return nil, out, err
	}
	defer collection.Close()
	p := plan{recipe: rec, whole: rec}
	if err := p.resolve(collection.Train.Len()); err != nil {
		return nil, out, err
	}
	err = tensor.Run(func() error {
		e.Prepare()
		r := &run{recipe: p.recipe, whole: p.whole, engine: e, data: collection, progress: report.NewProgress(report.Stderr(), 30*time.Second)}
		defer r.free()
		defer r.progress.Finish()
		if err := r.build(); err != nil {
			return err
		}
		points, err = r.findRate(ctx, s)
		return err
	})
	if err != nil {
		return nil, out, err
	}
	out, err = suggest(points)
	return points, out, err
}

// rateCurve is what a search has seen so far.
type rateCurve struct {
	points          []report.RatePoint
	average, lowest float64 // of the smoothed loss
}

// add takes a step's loss and says whether it has exploded.
func (c *rateCurve) add(rate, loss float64) bool {
	c.average = smoothing*c.average + (1-smoothing)*loss
	smooth := c.average / (1 - math.Pow(smoothing, float64(len(c.points)+1)))
	c.points = append(c.points, report.RatePoint{Rate: rate, Loss: loss, Smooth: smooth})
	c.lowest = min(c.lowest, smooth)
	return smooth > explosion*c.lowest
}

// findRate does the steps, over as many epochs as they need.
func (r *run) findRate(ctx context.Context, s RateSearch) (points []report.RatePoint, err error) {
	curve := rateCurve{lowest: math.Inf(1)}
	for epoch, done := 0, false; !done; epoch++ {
		if done, err = r.searchEpoch(ctx, s, &curve, epoch); err != nil {
			return nil, err
		}
	}
	return curve.points, nil
}

// searchEpoch goes on with a search for one epoch and says whether that was
// its end.
func (r *run) searchEpoch(ctx context.Context, s RateSearch, curve *rateCurve, epoch int) (done bool, err error) {
	full := optim.FullRate(recipe.Optim{LR: 1, ReferenceBatch: r.recipe.Optim.ReferenceBatch}, r.recipe.Batch)
	batches, err := r.loader.Epoch(context.Background(), epoch, 0)
	if err != nil {
		return false, err
	}
	defer batches.Close()
	for len(curve.points) < s.Steps {
		batch, err := batches.Next()
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		rate := s.rate(len(curve.points))
		l, err := r.learn(batch, full*rate)
		r.images += int64(batch.N)
		batch.Release()
		if l.diverged() != "" {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, ErrInterrupted
		}
		r.at.Step++
		loss := l.values["loss"]
		exploded := curve.add(rate, loss)
		r.progress.Update(report.State{
			Epoch: 1, Epochs: 1, Step: r.at.Step, Steps: s.Steps, Images: r.images, DataWait: r.loader.Wait(),
			LearningRate: full * rate, Losses: []report.Loss{{Name: "loss", Value: loss}},
		})
		if exploded {
			return true, nil
		}
	}
	return true, nil
}

// suggest reads the curve. The first tenth is still settling.
func suggest(points []report.RatePoint) (out RateSuggestion, err error) {
	if len(points) < minSearch {
		return out, fmt.Errorf("the loss exploded after %d steps: begin at a lower rate", len(points))
	}
	points = points[len(points)/10:]
	lowest := slices.MinFunc(points, func(a, b report.RatePoint) int { return cmp.Compare(a.Smooth, b.Smooth) })
	out.Lowest = lowest.Rate
	fall := 0.0
	for i := 1; i < len(points) && points[i].Rate <= out.Lowest; i++ {
		slope := (points[i].Smooth - points[i-1].Smooth) / math.Log(points[i].Rate/points[i-1].Rate)
		if slope < fall {
			fall, out.Steepest = slope, points[i].Rate
		}
	}
	if fall == 0 {
		return out, fmt.Errorf("the loss does not fall between rates of %.3g and %.3g: choose other ends, or more steps",
			points[0].Rate, points[len(points)-1].Rate)
	}
	return out, nil
}
