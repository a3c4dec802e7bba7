package train

import (
	"context"
	"io"

	"cone/data"
	"cone/method"
	"cone/model"
	"cone/report"
	"cone/tensor"
)

// evaluate counts every image of the loader exactly once, with the encoder in
// evaluation mode. When ctx ends before it does, it returns ErrInterrupted.
func evaluate(ctx context.Context, e *model.Encoder, p method.Precision, loader *data.Loader, classes []string, in input) (report.Result, error) {
	batches, err := loader.Epoch(context.Background(), 0, 0)
	if err != nil {
		return report.Result{}, err
	}
	defer batches.Close()
	sums, err := report.NewEvaluation(classes)
	if err != nil {
		return report.Result{}, err
	}
	for {
		if ctx.Err() != nil {
			return report.Result{}, ErrInterrupted
		}
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
