package train

import (
	"context"

	"cone/data"
	"cone/dist"
	"cone/infer"
	"cone/model"
	"cone/recipe"
	"cone/report"
)

// judge evaluates an encoder.
type judge struct {
	group   *dist.Group
	model   *infer.Model
	classes []string
	test    *data.Loader
	index   *data.Loader // the training images; needed for neighbours only
	// calibration are the images on which the mixture of classifier and
	// neighbours is chosen. If they are training images, seen are their places
	// among those; else training held them out, and seen is nil.
	calibration *data.Loader
	seen        []int
	settings    recipe.KNN
}

// evaluate tells how good the run is; at its end, if the recipe asks for it,
// also by the neighbours.
func (r *run) evaluate(ctx context.Context) (out evaluation, err error) {
	r.shareStatistics()
	j := judge{
		group: r.engine.group(), model: r.model(r.encoder()), classes: r.data.Test.Classes(),
		test: r.testLoader, index: r.index, settings: r.recipe.Evaluate.KNN,
	}
	neighbors := r.recipe.UsesKNN()
	if out.weights, err = j.evaluate(ctx, neighbors, false); err != nil {
		return out, err
	}
	if r.average != nil {
		average := j
		average.model = r.model(r.average.encoder)
		result, err := average.evaluate(ctx, neighbors, false)
		if err != nil {
			return out, err
		}
		out.average = &result
	}
	if !neighbors && r.recipe.Evaluate.KNN.Report && r.ends(out.judged()) {
		voted, err := j.vote(ctx)
		if err != nil {
			return out, err
		}
		out.weights.KNNTop1 = &voted.Top1
	}
	if err := r.shareLost(); err != nil {
		return out, err
	}
	return out, r.listLost()
}

// model is an encoder of the run, ready for evaluation.
func (r *run) model(e *model.Encoder) *infer.Model {
	return &infer.Model{Encoder: e, Precision: r.precision, Input: r.input}
}

// ends says whether an epoch with that top-1 is the last.
func (r *run) ends(top1 float64) bool {
	patience := r.recipe.EarlyStopping.Patience
	stuck := patience > 0 && r.at.BestEpoch > 0 && top1 <= r.at.Best && r.at.Epoch-r.at.BestEpoch >= patience
	return stuck || r.at.Epoch >= r.recipe.Epochs
}

// evaluate counts every test image exactly once, whatever the number of ranks, by
// the classifier or by its nearest neighbours; beside gives the neighbours' top-1,
// and that of both mixed, with the classifier's result. When ctx ends before it
// does, it returns ErrInterrupted.
func (j judge) evaluate(ctx context.Context, neighbors, beside bool) (report.Result, error) {
	if neighbors {
		return j.vote(ctx)
	}
	result, err := j.count(ctx, func(b *data.Batch) []float32 {
		return j.model.Forward(b, infer.Logits)[0]
	})
	if err != nil || !beside {
		return result, err
	}
	voted, mixed, err := j.mixed(ctx)
	result.KNNTop1, result.Mixed = &voted.Top1, mixed
	return result, err
}

// count adds up the class scores of every test batch.
func (j judge) count(ctx context.Context, scores func(*data.Batch) []float32) (report.Result, error) {
	sums, err := report.NewEvaluation(j.classes)
	if err != nil {
		return report.Result{}, err
	}
	var judged []report.Judged
	err = infer.Each(ctx, j.test, func(b *data.Batch) error {
		images, err := sums.Judge(scores(b), b.Labels, b.Indices)
		judged = append(judged, images...)
		return err
	})
	if err := j.agree(err); err != nil {
		return report.Result{}, err
	}
	for _, image := range j.everyImage(judged) {
		sums.Count(image)
	}
	return sums.Result(), nil
}
