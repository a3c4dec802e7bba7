package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"cone/data"
	"cone/dist"
	"cone/infer"
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
	Epochs    int            // that were trained
	Last      report.Result  // of the last evaluation
	Average   *report.Result // of the moving average then; nil without one
	Best      float64        // top-1, from 0 to 1; the average's where there is one
	BestEpoch int            // counts from 1
	Seconds   float64        // of this process's part of the run
	Images    int64          // seen by this process
	Weights   int            // of the evaluated encoder, frozen ones included
}

// Start trains a recipe in a new folder. When ctx ends it finishes the step,
// saves, and returns ErrInterrupted.
func Start(ctx context.Context, r recipe.Recipe, path string, e Engine) (Outcome, error) {
	if err := r.Validate(); err != nil {
		return Outcome{}, err
	}
	if r.HasStages() {
		return startStages(ctx, r, path, e)
	}
	return plan{recipe: r, whole: r}.run(ctx, e, func() (folder, error) { return e.createFolder(path) }, nil)
}

// plan is a run to be done.
type plan struct {
	recipe recipe.Recipe // what is trained
	whole  recipe.Recipe // what is saved: with the second stage, where there is one
	// nextBatch is the batch of the stage that follows, which should not fail
	// only when this one is done.
	nextBatch int
}

// run builds the run, restores it where there is something to restore, and
// trains it to its end.
func (p plan) run(ctx context.Context, e Engine, open func() (folder, error), from *Checkpoint) (out Outcome, err error) {
	collection, err := data.Open(p.recipe.Data)
	if err != nil {
		return out, err
	}
	defer collection.Close()
	if err := p.resolve(collection.Train.Len()); err != nil {
		return out, err
	}
	var logged folder // once the run has a log
	err = e.group().Run(func() error {
		e.Prepare()
		started := time.Now()
		r := &run{recipe: p.recipe, whole: p.whole, engine: e, data: collection, resumed: from != nil}
		defer r.free()
		if err := r.compare(); err != nil {
			return err
		}
		if err := checkWorld(r.recipe, e.group()); err != nil {
			return err
		}
		if err := r.build(); err != nil {
			return err
		}
		f, err := open()
		if err != nil {
			return err
		}
		defer f.close()
		if err := r.openFolder(f, from); err != nil {
			return explainFullDisk(err, f.run())
		}
		if r.first() {
			defer r.metrics.Close()
		}
		defer r.progress.Finish()
		logged = r.folder
		err = explainFullDisk(r.loop(ctx), f.run())
		if err != nil {
			r.folder.log(err.Error())
			_ = r.listLost() // perhaps the reason; what stopped the run counts more
		}
		out = Outcome{
			Folder: f.path, Recipe: r.recipe, Epochs: r.at.Epoch, Last: r.evaluated.weights, Average: r.evaluated.average,
			Best: r.at.Best, BestEpoch: r.at.BestEpoch,
			Seconds: time.Since(started).Seconds(), Images: r.images, Weights: r.encoder().Tree.Count(),
		}
		return err
	})
	var peer *dist.PeerError
	if errors.As(err, &peer) && logged.path != "" {
		logged.log(err.Error())
	}
	return out, err
}

// resolve fills in what the recipe leaves to the optimizer or the number of
// training images, so that the run's folder holds plain values.
func (p *plan) resolve(images int) error {
	for _, r := range []*recipe.Recipe{&p.recipe, &p.whole} {
		r.Optim, r.Linear.Optim = r.Optim.Resolved(), r.Linear.Optim.Resolved()
		c := &r.Method.CoNe
		if c.BankSize == 0 {
			c.BankSize = max(1, min(images/4, 65536))
		}
		if c.Neighbors == 0 {
			c.Neighbors = min(c.BankSize, max(8, c.BankSize/128))
		}
		if err := r.Validate(); err != nil {
			return err
		}
	}
	if p.nextBatch > images {
		return fmt.Errorf("linear.batch is %d, but there are %d training images: choose at most that many", p.nextBatch, images)
	}
	if k := p.recipe.Evaluate.KNN.K; p.recipe.NeedsIndex() && k > images {
		return fmt.Errorf("evaluate.knn.k is %d, but there are %d training images: choose at most that many", k, images)
	}
	return nil
}

// explainFullDisk says what to do when a run stopped because it could not
// write.
func explainFullDisk(err error, path string) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return fmt.Errorf("the disk of %s is full (%w): what was saved before is whole, so free some space and continue with cone train --resume %s",
		path, err, path)
}

// build makes everything that the recipe describes. Weights are drawn from
// the recipe's seed.
func (r *run) build() error {
	var err error
	weights, precision := r.engine.Precision(r.recipe.Precision)
	r.precision = precision
	tensor.Seed(r.recipe.Seed)
	channels := data.Channels(r.data.Train)
	r.input = infer.NewInput(r.recipe.Data.Mean, r.recipe.Data.Std, channels, weights, r.engine.Device)
	if r.testLoader, err = newTestLoader(r.data.Test, r.recipe, r.engine); err != nil {
		return err
	}
	if r.recipe.Model, err = fitModel(r.recipe.Model, r.testLoader, "evaluate.transform"); err != nil {
		return err
	}
	r.whole.Model.ImageSize = r.recipe.Model.ImageSize
	if r.method, err = r.newMethod(weights); err != nil {
		return err
	}
	if r.optimizer, err = optim.New(r.encoder().Tree, r.recipe.Optim); err != nil {
		return err
	}
	if r.loader, err = newTrainLoader(r.data.Train, r.recipe, r.method.Views(), r.engine); err != nil {
		return err
	}
	if _, err = fitModel(r.recipe.Model, r.loader, "augment"); err != nil {
		return err
	}
	if r.recipe.NeedsIndex() {
		if r.index, err = newIndexLoader(r.data.Train, r.recipe, r.engine); err != nil {
			return err
		}
	}
	// The last to be made and the first to go: it hangs on the parameters.
	var learning []tensor.Tensor
	for _, p := range r.encoder().Tree.Parameters() {
		learning = append(learning, p.Value)
	}
	r.gradients = r.engine.group().Gradients(learning, r.recipe.Dist.Overlap)
	r.schedule = optim.NewSchedule(r.recipe.Optim, r.recipe.Batch, r.recipe.Epochs, r.loader.BatchesPerEpoch())
	r.average, err = r.newAverage(channels, weights)
	return err
}

// fitModel fills in what the network leaves to the size of the loader's
// images, which the transforms under the key give.
func fitModel(m recipe.Model, l *data.Loader, key string) (recipe.Model, error) {
	size := l.ImageSize()
	m, err := model.Fit(m, size.Height, size.Width)
	if err != nil {
		return m, fmt.Errorf("%w (%s gives the size)", err, key)
	}
	return m, nil
}

// bankWarning tells when CoNe's own losses begin before the bank is full of
// real entries, or is empty when there is nothing to tell.
func bankWarning(r recipe.Recipe, stepsPerEpoch int) string {
	c := r.Method.CoNe
	filled := c.WarmupEpochs * stepsPerEpoch * r.Batch
	if r.Method.Name != "cone" || c.WarmupEpochs >= r.Epochs || filled >= c.BankSize {
		return ""
	}
	return fmt.Sprintf("warning: method.cone.warmup_epochs = %d fills only %d of the bank's %d entries, the others are noise at first: choose a smaller method.cone.bank_size or a longer warm-up",
		c.WarmupEpochs, filled, c.BankSize)
}

// openFolder starts or takes up the run's files.
func (r *run) openFolder(f folder, from *Checkpoint) (err error) {
	r.folder = f
	r.progress = report.NewProgress(report.Output{Writer: io.Discard}, time.Hour)
	err = r.onFirst(func() error {
		if from != nil {
			r.recallLost()
			err = r.restore(from)
		} else {
			err = r.whole.Save(f.file("recipe.yaml"))
		}
		if err != nil {
			return err
		}
		if r.metrics, err = report.OpenMetrics(f.file("metrics.jsonl")); err != nil {
			return err
		}
		r.progress = report.NewProgress(report.Stderr(), 30*time.Second)
		if err := r.writeEnvironment(); err != nil {
			return err
		}
		return r.dropLater()
	})
	if err != nil {
		return err
	}
	if err := r.spread(from); err != nil {
		return err
	}
	switch {
	case !r.resumed:
		r.say("training %s in %s", r.recipe.Name, f.path)
	case r.outOfPatience():
		r.say("the run in %s is complete: it ended early, after epoch %d", f.path, r.at.Epoch)
	case r.finished():
		r.say("the run in %s is complete", f.path)
	default:
		r.say("resuming %s at epoch %d, step %d, from %s", f.path, r.at.shownEpoch(), r.at.Step, source(from))
	}
	if g := r.engine.group(); !g.Alone() {
		r.say("%s", describeGroup(g))
	}
	r.say("%s: %d weights, %s, %d threads, libtorch %s on %s/%s", r.recipe.Model.Backbone, r.encoder().Tree.Count(),
		r.precision.Compute, r.engine.Threads, tensor.TorchVersion(), runtime.GOOS, runtime.GOARCH)
	r.say("%s", r.describeData())
	if err := r.recordNoise(); err != nil {
		return err
	}
	for _, note := range r.notes {
		r.say("%s", note)
	}
	if warning := bankWarning(r.recipe, r.loader.BatchesPerEpoch()); warning != "" {
		r.say("%s", warning)
	}
	return nil
}

// source is the checkpoint's file, as far as this rank knows.
func source(from *Checkpoint) string {
	if from == nil {
		return "rank 0's checkpoint"
	}
	return from.Path
}

// free ends the life of whatever build made.
func (r *run) free() {
	for _, l := range []*data.Loader{r.loader, r.testLoader, r.index} {
		if l != nil {
			l.Close()
		}
	}
	if r.gradients != nil {
		r.gradients.Close()
	}
	if r.optimizer == nil {
		return
	}
	for _, e := range r.state() {
		e.Value.Free()
	}
}
