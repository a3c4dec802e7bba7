package predict

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"cone/data"
	"cone/index"
	"cone/infer"
)

// BuildOptions say how an index is built.
type BuildOptions struct {
	Options
	Precision index.Precision
	// Thumbnails have sides of at most so many pixels; 0 keeps none.
	Thumbnails int
	// Progress is told how many of all pictures are done; nil is not.
	Progress func(done, all int)
	// Problem is told of a picture that is left out.
	Problem func(error)
}

// Build embeds the training images of the model's recipe, each once, without
// augmentation, into an index at path. Whatever ends it early leaves what was
// there. It returns the number of entries.
func Build(ctx context.Context, m *infer.Model, path string, o BuildOptions) (entries int, err error) {
	collection, err := data.Open(m.Recipe.Data)
	if err != nil {
		return 0, err
	}
	defer collection.Close()
	train := collection.Train
	classes := train.Classes()
	if m.Classifier {
		if len(classes) != len(m.Classes) {
			return 0, fmt.Errorf("%s has %d classes, but the model was trained for %d: name its training data with --set data.path", m.Recipe.Data.Path, len(classes), len(m.Classes))
		}
		for i := range classes {
			if classes[i] != m.Classes[i] {
				return 0, fmt.Errorf("class %d is %q in %s, but %q in the model: name its training data with --set data.path", i, classes[i], m.Recipe.Data.Path, m.Classes[i])
			}
		}
	}
	w, err := index.Create(path, index.Meta{
		Model: m.Digest(), Dim: m.Encoder.Dim(), Precision: o.Precision, Classes: classes,
		Transform: m.Preparation(), Created: time.Now().UTC().Format(time.RFC3339),
		Extra: map[string]any{"model": filepath.Base(m.Path), "data": m.Recipe.Data.Path},
	})
	if err != nil {
		return 0, err
	}
	defer w.Abort()
	next := 0
	err = Run(ctx, m, Inputs{Collection: train}, o.Options, func(items []Item) error {
		var vectors []float32
		var kept []index.Entry
		for _, item := range items {
			place := next
			next++
			if item.Problem != nil {
				o.Problem(item.Problem)
				continue
			}
			e := index.Entry{Name: item.Name, Label: int32(train.Label(place))}
			if train.Size().Known() { // no files, so no paths
				e.Name = fmt.Sprintf("train/%d", place)
			}
			if o.Thumbnails > 0 {
				var err error
				if e.Thumbnail, err = Thumbnail(item.Picture, o.Thumbnails); err != nil {
					return err
				}
			}
			vectors, kept = append(vectors, item.Embedding...), append(kept, e)
		}
		if o.Progress != nil {
			o.Progress(next, train.Len())
		}
		entries += len(kept)
		return w.Add(vectors, kept)
	})
	if err == nil && entries == 0 {
		err = errors.New("no training image can be decoded: nothing is left for an index")
	}
	if err != nil {
		return 0, err
	}
	return entries, w.Close()
}
