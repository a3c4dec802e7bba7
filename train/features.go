package train

import (
	"context"
	"fmt"

	"cone/data"
	"cone/infer"
	"cone/knn"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Features are what an encoder makes of N images, those that cannot be decoded
// left out.
type Features struct {
	// Embeddings are N×D, each of length 1.
	Embeddings []float32
	// Logits are N×C; empty unless asked for.
	Logits []float32
	// Labels are the N classes, and Indices the images' places in their
	// collection.
	Labels, Indices []int64
}

// Len is N.
func (f Features) Len() int { return len(f.Labels) }

// Width is D.
func (f Features) Width() int { return len(f.Embeddings) / max(f.Len(), 1) }

// ModelFeatures runs a checkpoint's encoder over collections, each image once,
// prepared as for evaluation. When ctx ends before it does, it returns
// ErrInterrupted.
func ModelFeatures(ctx context.Context, c *Checkpoint, e Engine, logits bool, sources ...data.Source) (all []Features, err error) {
	r := c.Recipe.FinalStage()
	loaders, err := testLoaders(r, c.Channels, sources, e)
	for _, l := range loaders {
		defer l.Close()
	}
	if err != nil {
		return nil, err
	}
	err = withModel(c, r, e, c.load, func(j judge) error {
		for _, l := range loaders {
			f, err := j.features(ctx, l, logits)
			if err != nil {
				return err
			}
			all = append(all, f)
		}
		return nil
	})
	return all, err
}

// testLoaders prepare collections as test images are; those made before an error
// come with it.
func testLoaders(r recipe.Recipe, channels int, sources []data.Source, e Engine) (all []*data.Loader, err error) {
	for _, s := range sources {
		if n := data.Channels(s); n != channels {
			return all, fmt.Errorf("the model takes %d-channel images, but %s has %d: choose images like those it was trained on", channels, s.Name(0), n)
		}
		l, err := newIndexLoader(s, r, e)
		if err != nil {
			return all, err
		}
		all = append(all, l)
		if _, err := fitModel(r.Model, l, "evaluate.transform"); err != nil {
			return all, err
		}
	}
	return all, nil
}

// withModel opens the checkpoint's encoder as its final stage r has it, with
// weights from load, and calls use with what evaluates it.
func withModel(c *Checkpoint, r recipe.Recipe, e Engine, load func([]*nn.Entry) error, use func(judge) error) error {
	return tensor.Run(func() error {
		e.Prepare()
		m, err := c.model(r, e, load)
		if err != nil {
			return err
		}
		defer m.Free()
		return use(judge{group: e.group(), model: m, classes: c.Classes, settings: r.Evaluate.KNN})
	})
}

// features runs the encoder over a loader's images.
func (j judge) features(ctx context.Context, l *data.Loader, logits bool) (f Features, err error) {
	parts := []infer.Part{infer.Embedding}
	if logits {
		parts = append(parts, infer.Logits)
	}
	err = infer.Each(ctx, l, func(batch *data.Batch) error {
		out := j.model.Forward(batch, parts...)
		f.Embeddings = append(f.Embeddings, out[0]...)
		if logits {
			f.Logits = append(f.Logits, out[1]...)
		}
		f.Labels, f.Indices = append(f.Labels, batch.Labels...), append(f.Indices, batch.Indices...)
		return nil
	})
	return f, err
}

// Nearest finds the k most similar of index for each of queries, by their
// embeddings; places are rows of index.
func Nearest(queries, index Features, k int, e Engine) (out knn.Neighbors, err error) {
	err = tensor.Run(func() error {
		e.Prepare()
		out = nearest(queries, index, k, e.Device)
		return nil
	})
	return out, err
}

func nearest(queries, index Features, k int, on tensor.Device) knn.Neighbors {
	k = min(k, index.Len())
	out := knn.Neighbors{K: k}
	tensor.Scope(func() {
		d := index.Width()
		bank := tensor.From(index.Embeddings, index.Len(), d).ToDevice(on)
		rows := max(1, maxSimilarities/max(index.Len(), 1))
		for from := 0; from < queries.Len(); from += rows {
			to := min(from+rows, queries.Len())
			tensor.Scope(func() {
				z := tensor.From(queries.Embeddings[from*d:to*d], to-from, d).ToDevice(on)
				similarity, place := tensor.Nearest(z, bank, k)
				out.Similarity = append(out.Similarity, tensor.To[float32](similarity.ToDevice(tensor.CPU))...)
				out.Place = append(out.Place, tensor.To[int64](place.ToDevice(tensor.CPU))...)
			})
		}
	})
	out.Sort()
	return out
}
