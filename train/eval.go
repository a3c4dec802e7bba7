package train

import (
	"context"
	"fmt"
	"os"
	"strings"

	"cone/data"
	"cone/nn"
	"cone/report"
	"cone/weights"
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
	return evaluateWith(ctx, c, e, loadFile(source, file, c.Recipe.Model))
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

// checkFits refuses images that are not of the model's classes and channels.
func checkFits(c *Checkpoint, s data.Source, path string) error {
	if len(s.Classes()) != len(c.Classes) || data.Channels(s) != c.Channels {
		return fmt.Errorf("%s has %d classes of %d-channel images, but the model was trained for %d of %d",
			path, len(s.Classes()), data.Channels(s), len(c.Classes), c.Channels)
	}
	if at := firstDifference(s.Classes(), c.Classes); at >= 0 {
		return fmt.Errorf("class %d is %q in %s, but %q in the model: evaluate data with the classes in the model's order (classes.txt can give it)",
			at, s.Classes()[at], path, c.Classes[at])
	}
	return nil
}

func evaluateWith(ctx context.Context, c *Checkpoint, e Engine, load func([]*nn.Entry) error) (result report.Result, err error) {
	r := c.Recipe.FinalStage()
	collection, err := data.Open(r.Data)
	if err != nil {
		return result, err
	}
	defer collection.Close()
	if err := checkFits(c, collection.Test, r.Data.Path); err != nil {
		return result, err
	}
	var test, index, calibration *data.Loader
	var seen []int
	if test, err = newTestLoader(collection.Test, r, e); err != nil {
		return result, err
	}
	defer test.Close()
	if _, err := fitModel(r.Model, test, "evaluate.transform"); err != nil {
		return result, err
	}
	if r.NeedsIndex() {
		if index, err = newIndexLoader(collection.Train, r, e); err != nil {
			return result, err
		}
		defer index.Close()
	}
	if !r.UsesKNN() && r.NeedsIndex() {
		if calibration, seen, err = newCalibrationLoader(collection, r, e); err != nil {
			return result, err
		}
		defer calibration.Close()
	}
	err = withModel(c, r, e, load, func(j judge) error {
		j.test, j.index, j.calibration, j.seen = test, index, calibration, seen
		result, err = j.evaluate(ctx, r.UsesKNN(), r.Evaluate.KNN.Report)
		if err == nil && len(c.Corruptions.Kinds) > 0 {
			result.Corruptions, err = j.corrupted(ctx, c.Corruptions, r.UsesKNN())
		}
		return err
	})
	return result, err
}
