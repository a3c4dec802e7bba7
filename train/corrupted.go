package train

import (
	"context"

	"cone/corrupt"
	"cone/data"
	"cone/picture"
	"cone/report"
	"cone/tensor"
)

// Corruptions are what the test images are evaluated with beside.
type Corruptions struct {
	Kinds []corrupt.Corruption // none for no such evaluation
	// Seed starts the corruptions' random streams. It is none of the run's, so
	// that every model meets the same images.
	Seed uint64
}

// corrupted evaluates every corruption at every severity. Images are corrupted
// by the loader's workers after the recipe's evaluation transform and before
// normalisation, and are kept nowhere.
func (j judge) corrupted(ctx context.Context, c Corruptions, neighbors bool) (out *report.Corruptions, err error) {
	defer j.test.Finish(nil)
	out = &report.Corruptions{Seed: c.Seed, Constants: corrupt.Constants(j.test.ImageSize())}
	tensor.Scope(func() {
		evaluate := func() (report.Result, error) { return j.evaluate(ctx, false, false) }
		if neighbors {
			// The training images stay as they are.
			index, labels, failed := j.embed(ctx)
			if err = failed; err != nil {
				return
			}
			evaluate = func() (report.Result, error) {
				return j.count(ctx, func(b *data.Batch) (scores []float32) {
					tensor.Scope(func() { scores = j.scores(b, index, labels) })
					return scores
				})
			}
		}
		for _, kind := range c.Kinds {
			row := report.Corruption{Name: kind.Name, Group: kind.Group, Common: kind.Common()}
			for severity := 1; severity <= corrupt.Severities; severity++ {
				j.test.Finish(func(im *picture.Image, index int) error {
					return kind.Apply(im, severity, c.Seed, index)
				})
				var result report.Result
				if result, err = evaluate(); err != nil {
					return
				}
				row.Top1 = append(row.Top1, result.Top1)
			}
			out.Rows = append(out.Rows, row)
		}
	})
	if err != nil {
		return nil, err
	}
	out.Summarise()
	return out, nil
}
