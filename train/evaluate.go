package train

import (
	"context"
	"io"

	"cone/data"
	"cone/method"
	"cone/model"
	"cone/recipe"
	"cone/report"
	"cone/tensor"
)

// evaluate counts every image of the set exactly once, with the encoder in
// evaluation mode.
func evaluate(e *model.Encoder, p method.Precision, set *data.Dataset, in input, r recipe.Recipe) (report.Result, error) {
	size := r.Evaluate.Batch
	if size == 0 {
		size = r.Batch
	}
	loader, err := data.NewLoader(set, data.Options{
		Batch: size, Augment: r.Evaluate.Transform, Workers: r.Data.Workers,
	})
	if err != nil {
		return report.Result{}, err
	}
	defer loader.Close()
	batches, err := loader.Epoch(context.Background(), 0, 0)
	if err != nil {
		return report.Result{}, err
	}
	defer batches.Close()
	sums, err := report.NewEvaluation(set.Classes)
	if err != nil {
		return report.Result{}, err
	}
	for {
		batch, err := batches.Next()
		if err == io.EOF {
			return sums.Result(), nil
		}
		if err != nil {
			return report.Result{}, err
		}
		if err := sums.Add(logits(e, p, in, batch), batch.Labels); err != nil {
			return report.Result{}, err
		}
		batch.Release()
	}
}

// logits are the encoder's for a batch, N×C row by row.
func logits(e *model.Encoder, p method.Precision, in input, batch *data.Batch) (out []float32) {
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			b := in.batch(batch)
			defer b.unpin()
			tensor.Autocast(p.Device, p.Compute, func() {
				_, l := e.Forward(b.Views[0], false)
				out = tensor.To[float32](l.ToDType(tensor.Float32).ToDevice(tensor.CPU))
			})
		})
	})
	return out
}
