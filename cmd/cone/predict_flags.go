package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"cone/data"
	"cone/index"
	"cone/infer"
	"cone/picture"
	"cone/predict"
	"cone/train"
)

// errTold ends a command with exit code 1 whose sentences have been written.
var errTold = errors.New("some pictures could not be used")

// modelFlags say which model to use, and where.
type modelFlags struct {
	settings
	engineFlags
	choice train.Choice
}

func (f *modelFlags) flags(c *cobra.Command) {
	f.settings.flags(c)
	f.engineFlags.flags(c)
	c.Flags().StringVar(&f.choice.Checkpoint, "checkpoint", "last", "last, best, epoch-NNNN, or a file")
	c.Flags().BoolVar(&f.choice.Average, "ema", false, "use the moving average of the weights (recipes with ema.decay)")
	c.Flags().StringVar(&f.choice.Weights, "weights", "", "use the weights of this file instead (safetensors or .pth), in the run's network")
}

// use opens the model at path.
func (f *modelFlags) use(path string, do func(*infer.Model) error) error {
	if f.choice.Average && f.choice.Weights != "" {
		return usageError{errors.New("--ema and --weights name different weights: give one of them")}
	}
	engine, err := train.NewEngine(f.device, f.threads)
	if err != nil {
		return err
	}
	f.choice.Change = f.settings.apply
	return train.UseModel(path, f.choice, engine, do)
}

// inputFlags say which pictures to use, and how.
type inputFlags struct {
	collection, part string
	batch, side      int
}

func (f *inputFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.collection, "data", "", "take the pictures of a collection instead (idx, CIFAR, WebDataset, Parquet, lists, class folders; see cone data info)")
	c.Flags().StringVar(&f.part, "part", "test", "which part of --data: train or test")
	f.sizes(c)
}

func (f *inputFlags) sizes(c *cobra.Command) {
	c.Flags().IntVar(&f.batch, "batch", 0, "pictures at a time (0: as the recipe evaluates, at most 256)")
	c.Flags().IntVar(&f.side, "input-size", 0, "side in pixels to resize pictures to before the recipe's transform, where the model was trained on pixels of one size (0: that size)")
}

// check refuses a command line without pictures, or with two kinds of them.
func (f *inputFlags) check(pictures []string) error {
	switch {
	case f.collection == "" && len(pictures) == 0:
		return errors.New("give pictures, folders, - for standard input, or --data PATH")
	case f.collection != "" && len(pictures) > 0:
		return errors.New("--data and pictures were given: give one of them")
	case f.part != "test" && f.part != "train":
		return fmt.Errorf("--part %q is unknown: choose train or test", f.part)
	case f.batch < 0 || f.side < 0:
		return errors.New("--batch and --input-size must not be negative")
	}
	return nil
}

func (f *inputFlags) options() predict.Options {
	return predict.Options{Batch: f.batch, Size: picture.Size{Height: f.side, Width: f.side}}
}

// open gives the pictures of the command line.
func (f *inputFlags) open(m *infer.Model, pictures []string) (in predict.Inputs, done func() error, err error) {
	if f.collection == "" {
		return predict.Inputs{Arguments: pictures, Stdin: os.Stdin}, func() error { return nil }, nil
	}
	collection, err := data.Open(withData(m.Recipe, f.collection).Data)
	if err != nil {
		return in, nil, err
	}
	in.Collection = collection.Test
	if f.part == "train" {
		in.Collection = collection.Train
	}
	return in, collection.Close, nil
}

// teller writes what is wrong with pictures, a line each.
type teller struct{ told bool }

func (t *teller) tell(err error) {
	t.told = true
	fmt.Fprintf(os.Stderr, "cone: %s\n", explain(err))
}

// err ends the command.
func (t *teller) err() error {
	if t.told {
		return errTold
	}
	return nil
}

// indexOf is where the index of a model lies unless it is said: in a run's or
// exported folder, else beside the file.
func indexOf(model string) string {
	if info, err := os.Stat(model); err == nil && info.IsDir() {
		return filepath.Join(model, "index.cone")
	}
	return model + ".index.cone"
}

// neighborFlags say which index to ask.
type neighborFlags struct {
	index string
	exact bool
}

func (f *neighborFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.index, "index", "", "the index to ask (default: index.cone in the model's folder)")
	c.Flags().BoolVar(&f.exact, "exact", false, "compare with every entry, where the index has a graph (cone index build --graph)")
}

// open opens the index of a model.
func (f *neighborFlags) open(path string, m *infer.Model) (*index.Index, error) {
	if f.index != "" {
		path = f.index
	} else {
		path = indexOf(path)
	}
	return predict.OpenIndex(path, m)
}

// there says whether there is an index.
func (f *neighborFlags) there(path string) bool {
	if f.index != "" {
		return true
	}
	_, err := os.Stat(indexOf(path))
	return err == nil
}
