package train

import (
	"context"
	"fmt"
	"os"
	"strings"

	"cone/data"
	"cone/model"
	"cone/nn"
	"cone/report"
	"cone/tensor"
	"cone/weights"
	"cone/weights/dialect"
)

// FindCheckpoint opens a checkpoint by what a user would say: a run's folder
// and "last", "best", "epoch-0010", or a file's path.
func FindCheckpoint(run, which string) (*Checkpoint, error) {
	info, err := os.Stat(run)
	if err != nil {
		return nil, fmt.Errorf("there is no run in %s: give the folder that cone train named", run)
	}
	if !info.IsDir() {
		return OpenCheckpoint(run)
	}
	path := folder{path: run}.checkpoint(which)
	if _, err := os.Stat(path); err != nil {
		if _, err := os.Stat(which); err == nil {
			return OpenCheckpoint(which)
		}
		names := folder{path: run}.checkpoints()
		if len(names) == 0 {
			return nil, fmt.Errorf("%s holds no checkpoint: train the run first", run)
		}
		return nil, fmt.Errorf("%s has no checkpoint %q: choose one of %s", run, which, strings.Join(names, ", "))
	}
	return OpenCheckpoint(path)
}

// Evaluate counts the test images of the checkpoint's recipe. When ctx ends
// before it does, it returns ErrInterrupted.
func Evaluate(ctx context.Context, c *Checkpoint, e Engine) (report.Result, error) {
	return evaluateWith(ctx, c, e, c.load)
}

// EvaluateFile is Evaluate with the weights of another file in the place of
// the checkpoint's.
func EvaluateFile(ctx context.Context, c *Checkpoint, file string, e Engine) (report.Result, error) {
	source, err := weights.OpenAny(file)
	if err != nil {
		return report.Result{}, err
	}
	defer source.Close()
	return evaluateWith(ctx, c, e, func(entries []*nn.Entry) error {
		plan, err := fill(entries, source, file, dialect.Options{Direct: c.Recipe.Model.Direct()})
		if err != nil {
			return err
		}
		for _, name := range plan.Fresh {
			if !strings.HasSuffix(name, "num_batches_tracked") {
				return fmt.Errorf("%s is %s without %s: import it with cone import and train it first", file, plan.Dialect, name)
			}
		}
		return nil
	})
}

// firstDifference is where two lists of as many names differ first, or −1.
func firstDifference(a, b []string) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

func evaluateWith(ctx context.Context, c *Checkpoint, e Engine, load func([]*nn.Entry) error) (result report.Result, err error) {
	r := c.Recipe.FinalStage()
	collection, err := data.Open(r.Data)
	if err != nil {
		return result, err
	}
	defer collection.Close()
	test := collection.Test
	if len(test.Classes()) != len(c.Classes) || data.Channels(test) != c.Channels {
		return result, fmt.Errorf("%s has %d classes of %d-channel images, but the model was trained for %d of %d",
			r.Data.Path, len(test.Classes()), data.Channels(test), len(c.Classes), c.Channels)
	}
	if at := firstDifference(test.Classes(), c.Classes); at >= 0 {
		return result, fmt.Errorf("class %d is %q in %s, but %q in the model: evaluate data with the classes in the model's order (classes.txt can give it)",
			at, test.Classes()[at], r.Data.Path, c.Classes[at])
	}
	j := judge{classes: test.Classes(), settings: r.Evaluate.KNN}
	if j.test, err = newTestLoader(test, r); err != nil {
		return result, err
	}
	defer j.test.Close()
	if _, err := fitModel(r.Model, j.test, "evaluate.transform"); err != nil {
		return result, err
	}
	if r.NeedsIndex() {
		if j.index, err = newIndexLoader(collection.Train, r); err != nil {
			return result, err
		}
		defer j.index.Close()
	}
	err = tensor.Run(func() error {
		e.Prepare()
		dtype, precision := e.Precision(r.Precision)
		encoder, err := newEncoder(r, len(c.Classes), c.Channels, dtype, e.Device)
		if err != nil {
			return err
		}
		defer encoder.Free()
		var entries []*nn.Entry
		for _, entry := range encoder.Tree.Entries() {
			entries = append(entries, &nn.Entry{Name: c.encoder + entry.Name, Value: entry.Value})
		}
		if err := load(entries); err != nil {
			return err
		}
		j.encoder, j.precision = encoder, precision
		j.input = newInput(r.Data.Mean, r.Data.Std, c.Channels, dtype, e.Device)
		result, err = j.evaluate(ctx, r.UsesKNN(), r.Evaluate.KNN.Report)
		return err
	})
	return result, err
}

// Encoder builds the encoder with the checkpoint's weights in float32 on the
// CPU (inside tensor.Run). The caller frees it.
func (c *Checkpoint) Encoder() (*model.Encoder, error) {
	encoder, err := newEncoder(c.Recipe.FinalStage(), len(c.Classes), c.Channels, tensor.Float32, tensor.CPU)
	if err != nil {
		return nil, err
	}
	var entries []*nn.Entry
	for _, entry := range encoder.Tree.Entries() {
		entries = append(entries, &nn.Entry{Name: c.encoder + entry.Name, Value: entry.Value})
	}
	if err := c.load(entries); err != nil {
		encoder.Free()
		return nil, err
	}
	return encoder, nil
}
