package train

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"cone/data"
	"cone/method"
	"cone/model"
	"cone/optim"
	"cone/recipe"
	"cone/report"
	"cone/tensor"
)

// Outcome is what a finished run tells.
type Outcome struct {
	Folder    string
	Recipe    recipe.Recipe
	Last      report.Result // of the last evaluation
	Best      float64       // top-1, from 0 to 1
	BestEpoch int           // counts from 1
	Seconds   float64       // of this process's part of the run
	Images    int64         // seen by this process
	Weights   int           // learnt values of the evaluated encoder
}

// Start trains a recipe in a new folder. When ctx ends it finishes the step,
// saves, and returns ErrInterrupted.
func Start(ctx context.Context, r recipe.Recipe, path string, e Engine) (Outcome, error) {
	if err := r.Validate(); err != nil {
		return Outcome{}, err
	}
	return runInFolder(ctx, r, e, func() (folder, error) { return createFolder(path) }, nil)
}

// Resume continues the run in the folder from its newest sound checkpoint.
// Overrides, when not nil, is the recipe that the user asked for; it must say
// the same as the run's, except where that cannot change the numbers.
func Resume(ctx context.Context, path string, overrides func(recipe.Recipe) (recipe.Recipe, error), e Engine) (Outcome, error) {
	if _, err := os.Stat(path); err != nil {
		return Outcome{}, fmt.Errorf("there is no run in %s: give the folder that cone train named", path)
	}
	f, err := lockFolder(path)
	if err != nil {
		return Outcome{}, err
	}
	c, err := f.newestCheckpoint(func(warning string) {
		fmt.Fprintln(os.Stderr, warning)
		f.log(warning)
	})
	if err != nil {
		f.close()
		return Outcome{}, err
	}
	defer c.Close()
	asked := c.Recipe
	if overrides != nil {
		if asked, err = overrides(c.Recipe.Clone()); err == nil {
			err = sameNumbers(asked, c.Recipe, path)
		}
		if err != nil {
			f.close()
			return Outcome{}, err
		}
	}
	return runInFolder(ctx, asked, e, func() (folder, error) { return f, nil }, c)
}

// free are the settings that may differ between the parts of a run.
var free = map[string]bool{"data.workers": true, "data.path": true, "name": true, "description": true}

// sameNumbers refuses a recipe that would not continue the same run.
func sameNumbers(asked, run recipe.Recipe, path string) error {
	var different []string
	for _, d := range recipe.Diff(asked, run) {
		if key, _, _ := strings.Cut(d, ":"); !free[key] {
			different = append(different, d)
		}
	}
	if len(different) == 0 {
		return nil
	}
	return fmt.Errorf("the run in %s was started with other settings (%s): resume it without them, or start a new run",
		path, strings.Join(different, "; "))
}

// runInFolder builds the run, restores it where there is something to
// restore, and trains it to its end.
func runInFolder(ctx context.Context, rec recipe.Recipe, e Engine, open func() (folder, error), from *Checkpoint) (out Outcome, err error) {
	trainSet, testSet, err := OpenData(rec.Data)
	if err != nil {
		return out, err
	}
	err = tensor.Run(func() error {
		e.Prepare()
		started := time.Now()
		r := &run{recipe: rec, engine: e, train: trainSet, test: testSet}
		if err := r.build(); err != nil {
			return err
		}
		defer r.loader.Close()
		f, err := open()
		if err != nil {
			return err
		}
		defer f.close()
		if err := r.openFolder(f, from); err != nil {
			return err
		}
		defer r.metrics.Close()
		defer r.progress.Finish()
		err = r.loop(ctx)
		if err != nil {
			r.folder.log(err.Error())
		}
		out = Outcome{
			Folder: f.path, Recipe: rec, Last: r.evaluated, Best: r.at.Best, BestEpoch: r.at.BestEpoch,
			Seconds: time.Since(started).Seconds(), Images: r.images, Weights: r.encoder().Tree.Count(),
		}
		return err
	})
	return out, err
}

// OpenData reads the images that a recipe names.
func OpenData(d recipe.Data) (train, test *data.Dataset, err error) {
	if d.Format != "mnist-idx" {
		return nil, nil, fmt.Errorf("data.format %q cannot be read by this version: it reads mnist-idx", d.Format)
	}
	train, test, err = data.OpenMNIST(d.Path, 0)
	if err != nil {
		return nil, nil, err
	}
	return train.First(d.Limit), test, nil
}

// build makes everything that the recipe describes. Weights are drawn from
// the recipe's seed.
func (r *run) build() error {
	var err error
	r.loader, err = data.NewLoader(r.train, data.Options{
		Batch: r.recipe.Batch, Seed: r.recipe.Seed, Shuffle: true, DropLast: true,
		Augment: r.recipe.Augment, Workers: r.recipe.Data.Workers,
	})
	if err != nil {
		return err
	}
	weights, precision := r.engine.Precision(r.recipe.Precision)
	r.precision = precision
	tensor.Seed(r.recipe.Seed)
	r.input = newInput(r.recipe.Data.Mean, r.recipe.Data.Std, r.train.Channels, weights, r.engine.Device)
	if r.method, err = newMethod(r.recipe, len(r.train.Classes), r.train.Channels, weights, precision); err != nil {
		return err
	}
	r.optimizer = optim.NewSGD(r.encoder().Tree, r.recipe.Optim)
	r.schedule = optim.NewSchedule(r.recipe.Optim, r.recipe.Batch, r.recipe.Epochs, r.loader.BatchesPerEpoch())
	return nil
}

// newMethod makes the recipe's objective with fresh weights.
func newMethod(r recipe.Recipe, classes, channels int, d tensor.DType, p method.Precision) (method.Method, error) {
	query, err := model.NewEncoder(r.Model, classes, channels, d, p.Device)
	if err != nil {
		return nil, err
	}
	switch r.Method.Name {
	case "cross-entropy":
		return method.NewCrossEntropy(query, p, r.Method.LabelSmoothing), nil
	case "cone":
		key, err := model.NewEncoder(r.Model, classes, channels, d, p.Device)
		if err != nil {
			return nil, err
		}
		return method.NewCoNe(query, key, p, r.Method, classes), nil
	}
	return nil, fmt.Errorf("method.name %q is unknown: choose cone or cross-entropy", r.Method.Name)
}

// openFolder starts or takes up the run's files.
func (r *run) openFolder(f folder, from *Checkpoint) (err error) {
	r.folder = f
	if from != nil {
		if err := r.restore(from); err != nil {
			return err
		}
	} else if err := r.recipe.Save(f.file("recipe.yaml")); err != nil {
		return err
	}
	if r.metrics, err = report.OpenMetrics(f.file("metrics.jsonl")); err != nil {
		return err
	}
	r.progress = report.NewProgress(report.Stderr(), 30*time.Second)
	if from != nil {
		if err := r.dropLater(); err != nil {
			return err
		}
		r.say("resuming %s at epoch %d, step %d, from %s", f.path, r.at.shownEpoch(), r.at.Step, from.Path)
	} else {
		r.say("training %s in %s", r.recipe.Name, f.path)
	}
	r.say("%s: %d weights, %s, %d threads, libtorch %s on %s/%s", r.recipe.Model.Backbone, r.encoder().Tree.Count(),
		r.precision.Compute, r.engine.Threads, tensor.TorchVersion(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// dropLater removes what an interrupted part of the run wrote after the
// checkpoint that is being resumed.
func (r *run) dropLater() error {
	closed := !r.at.atEpochEnd()
	return r.metrics.Keep(func(kind string, step int64) bool {
		return step < int64(r.at.Step) || step == int64(r.at.Step) && (closed || kind != "epoch")
	})
}
