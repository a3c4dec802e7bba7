// Package infer runs a trained encoder on batches of pictures, in evaluation
// mode: the one forward pass of evaluation while training, of cone eval and of
// prediction.
//
// Shape legend: N batch, C classes, D embedding, H×W image height × width.
package infer

import (
	"context"
	"errors"
	"io"

	"cone/data"
	"cone/method"
	"cone/model"
	"cone/picture"
	"cone/recipe"
	"cone/tensor"
)

// ErrInterrupted says that a context ended before the work did.
var ErrInterrupted = errors.New("interrupted")

// Model is an encoder with all that its evaluation needs. It is to be used
// inside tensor.Run, by one goroutine.
type Model struct {
	Encoder   *model.Encoder
	Precision method.Precision
	Input     Input

	// What follows is known of models that were opened from files.

	// Path is the file that the weights come from.
	Path string
	// Recipe is that of the model's last stage.
	Recipe recipe.Recipe
	// Classes are the names of the C classes.
	Classes []string
	// Channels of the pictures that the network takes.
	Channels int
	// Size is the size of the pictures it was trained on, before any transform,
	// where they all had one size; else, or if nobody knows, it is not Known.
	Size picture.Size
	// Classifier says whether the logits were trained.
	Classifier bool
}

// Free ends the life of the model's weights.
func (m *Model) Free() { m.Encoder.Free() }

// Part is a part of an encoder's output, N×anything.
type Part func(method.Output) tensor.Tensor

// Logits are the class scores, N×C.
func Logits(o method.Output) tensor.Tensor { return o.Logits }

// Embedding is the embedding of length 1, N×D in float32.
func Embedding(o method.Output) tensor.Tensor {
	e := o.Embedding.ToDType(tensor.Float32)
	return e.Div(e.NormDim(1).ClampMin(1e-12))
}

// Forward gives parts of what the encoder makes of a batch, in float32, row by
// row.
func (m *Model) Forward(batch *data.Batch, parts ...Part) [][]float32 {
	out := make([][]float32, len(parts))
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			b := m.Input.Batch(batch)
			defer b.Unpin()
			o := m.Precision.Forward(m.Encoder, b.Views[0], false)
			for i, part := range parts {
				out[i] = tensor.To[float32](part(o).ToDType(tensor.Float32).ToDevice(tensor.CPU))
			}
		})
	})
	return out
}

// Output is what a model makes of a batch, row by row.
type Output struct {
	Logits    []float32 // N×C
	Embedding []float32 // N×D, rows of length 1
}

// Run visits every batch of a loader with what the model makes of it. When ctx
// ends before it does, it returns ErrInterrupted.
func (m *Model) Run(ctx context.Context, loader *data.Loader, visit func(*data.Batch, Output) error) error {
	return Each(ctx, loader, func(b *data.Batch) error {
		out := m.Forward(b, Logits, Embedding)
		return visit(b, Output{out[0], out[1]})
	})
}

// Each visits all batches of a loader, in order. When ctx ends before it does,
// it returns ErrInterrupted.
func Each(ctx context.Context, loader *data.Loader, visit func(*data.Batch) error) error {
	batches, err := loader.Epoch(context.Background(), 0, 0)
	if err != nil {
		return err
	}
	defer batches.Close()
	for {
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		batch, err := batches.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(batch); err != nil {
			return err
		}
		batch.Release()
	}
}

// LoaderOptions prepare every picture of a collection once, exactly, as the
// recipe has it for evaluation.
func LoaderOptions(r recipe.Recipe) data.Options {
	size := r.Evaluate.Batch
	if size == 0 {
		size = r.Batch
	}
	return data.Options{
		Batch: size, Augment: r.Evaluate.Transform, Exact: true, Codec: CodecOptions(r.Data),
		Workers: r.Data.Workers,
	}
}
