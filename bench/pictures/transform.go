package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cone/augment"
	"cone/codec"
	"cone/picture"
	"cone/recipe"
)

const side = 224

// steps are the transform for training, or that for evaluation.
func steps(evaluate bool) []recipe.Step {
	if evaluate {
		return []recipe.Step{
			{Resize: &recipe.Resize{Size: 256, Interpolation: "bilinear"}},
			{CenterCrop: &recipe.CenterCrop{Size: side}},
		}
	}
	return []recipe.Step{
		{RandomResizedCrop: &recipe.RandomResizedCrop{
			Size: side, Scale: []float64{0.08, 1}, Ratio: []float64{3.0 / 4, 4.0 / 3}, Interpolation: "bilinear",
		}},
		{HorizontalFlip: &recipe.HorizontalFlip{Probability: 0.5}},
	}
}

// readAll reads all JPEGs of a folder into memory.
func readAll(dir string) (files [][]byte, err error) {
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".jpg" {
			return err
		}
		content, err := os.ReadFile(path)
		files = append(files, content)
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%q holds no .jpg files", dir)
	}
	return files, err
}

// preparation is what a worker of the loader has.
type preparation struct {
	transform *augment.Transform
	decoder   *codec.Decoder
	scratch   *augment.Scratch
	batch     []byte // of the last pictures, as uint8 NHWC
}

// batchSize is the pictures of a batch.
const batchSize = 64

func newPreparation(steps []recipe.Step, exact bool) (*preparation, error) {
	t, err := augment.Compile(steps, picture.Size{Channels: 3}, augment.Options{Exact: exact})
	if err != nil {
		return nil, err
	}
	return &preparation{
		transform: t, decoder: codec.NewDecoder(codec.Options{Exif: true}), scratch: t.Scratch(),
		batch: make([]byte, batchSize*t.OutputSize().Bytes()),
	}, nil
}

func (p *preparation) close() { p.decoder.Close() }

// all prepares every file, as an epoch does.
func (p *preparation) all(files [][]byte, epoch int) error {
	for i, content := range files {
		if err := p.one(content, epoch, i); err != nil {
			return err
		}
	}
	return nil
}

func (p *preparation) one(content []byte, epoch, index int) error {
	file, err := p.decoder.Open(content)
	if err == nil {
		err = p.transform.Apply(p.slot(index), file, augment.Key{Epoch: epoch, Index: index}, p.scratch)
	}
	if err != nil {
		return fmt.Errorf("picture %d %w", index, err)
	}
	return nil
}

// slot is where picture index goes in its batch.
func (p *preparation) slot(index int) []byte {
	n := p.transform.OutputSize().Bytes()
	at := index % batchSize * n
	return p.batch[at : at+n]
}
