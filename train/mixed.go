package train

import (
	"context"
	"math"

	"cone/data"
	"cone/knn"
	"cone/recipe"
	"cone/report"
)

// maxCalibration bounds the training images that stand in for held-out ones.
const maxCalibration = 5000

// mixed evaluates the vote of the nearest training images, and its mixture with
// the classifier. What is mixed is chosen on images that training held out, or
// where it held none out on training images by their neighbours but themselves:
// never on test images.
func (j judge) mixed(ctx context.Context) (voted report.Result, mixed *report.Mixed, err error) {
	index, err := j.features(ctx, j.index, false)
	if err != nil {
		return voted, nil, err
	}
	calibration, err := j.features(ctx, j.calibration, true)
	if err != nil {
		return voted, nil, err
	}
	k := knn.LargestK()
	near := nearest(calibration, index, k+1, j.model.Input.Device())
	near = near.Keep(min(k, near.K), func(i int, place int64) bool {
		return j.seen == nil || j.seen[calibration.Indices[i]] != int(index.Indices[place])
	})
	mixture := knn.Fit(calibration.Logits, near, index.Labels, calibration.Labels, len(j.classes))
	mixed = &report.Mixed{Mixture: mixture, Calibration: calibration.Len(), HeldOut: j.seen == nil}

	test, err := j.features(ctx, j.test, true)
	if err != nil {
		return voted, nil, err
	}
	near = nearest(test, index, max(mixture.K, j.settings.K), j.model.Input.Device())
	votes := knn.Votes(near.First(j.settings.K), index.Labels, len(j.classes), j.settings.Temperature)
	if voted, err = j.judged(votes, test.Labels); err != nil {
		return voted, nil, err
	}
	result, err := j.judged(mixture.Mix(test.Logits, near, index.Labels, len(j.classes)), test.Labels)
	mixed.Top1, mixed.NLL, mixed.ECE = result.Top1, result.NLL, result.ECE
	return voted, mixed, err
}

// judged counts N×C probabilities.
func (j judge) judged(shares []float64, labels []int64) (report.Result, error) {
	sums, err := report.NewEvaluation(j.classes)
	if err != nil {
		return report.Result{}, err
	}
	logs := make([]float32, len(shares))
	for i, p := range shares {
		logs[i] = float32(math.Log(max(p, knn.LeastShare)))
	}
	if err := sums.Add(logs, labels); err != nil {
		return report.Result{}, err
	}
	return sums.Result(), nil
}

// newCalibrationLoader prepares the images that training held out or, where it
// held none out, about maxCalibration training images, evenly of every class,
// whose places come with it.
func newCalibrationLoader(c *data.Collection, r recipe.Recipe, e Engine) (l *data.Loader, seen []int, err error) {
	source := c.Held
	if source == nil {
		every := (c.Train.Len() + maxCalibration - 1) / maxCalibration
		count := make([]int, len(c.Train.Classes()))
		for i := range c.Train.Len() {
			label := c.Train.Label(i)
			if count[label]%every == 0 {
				seen = append(seen, i)
			}
			count[label]++
		}
		source = data.Subset(c.Train, seen)
	}
	l, err = newIndexLoader(source, r, e)
	return l, seen, err
}
