package main

import (
	"context"
	"io"

	"cone/codec"
	"cone/data"
	"cone/recipe"
)

// loading is the loader of all of a folder's pictures at work.
type loading struct {
	collection *data.Collection
	loader     *data.Loader
	pictures   int // of an epoch
}

func newLoader(dir string, workers int) (*loading, error) {
	c, err := data.Open(recipe.Data{Format: "list", Path: dir, Train: allList, Test: allList})
	if err != nil {
		return nil, err
	}
	sampler, err := data.NewSampler(recipe.Default().Data.Sampling, 0, c.Train, batchSize)
	if err != nil {
		return nil, err
	}
	l, err := data.NewLoader(c.Train, data.Options{
		Batch: batchSize, Sampler: sampler, DropLast: true, Augment: steps(false),
		Codec: codec.Options{Exif: true}, Workers: workers,
	})
	if err != nil {
		return nil, err
	}
	return &loading{c, l, l.BatchesPerEpoch() * batchSize}, nil
}

// allList is the list of all pictures, in their folder.
const allList = "all.txt"

func (l *loading) close() {
	l.loader.Close()
	l.collection.Close()
}

// pass goes through one epoch.
func (l *loading) pass(number int) error {
	epoch, err := l.loader.Epoch(context.Background(), number, 0)
	if err != nil {
		return err
	}
	for {
		batch, err := epoch.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		batch.Release()
	}
}
