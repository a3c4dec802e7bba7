// Package train runs recipes: the loop, evaluation, the run folder and its
// checkpoints.
package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"cone/data"
	"cone/dist"
	"cone/infer"
	"cone/method"
	"cone/model"
	"cone/optim"
	"cone/recipe"
	"cone/report"
	"cone/tensor"
)

// ErrInterrupted says that the run was asked to stop, and saved itself.
var ErrInterrupted = infer.ErrInterrupted

// run is one training run in progress.
type run struct {
	recipe     recipe.Recipe // of this stage
	whole      recipe.Recipe // as saved
	engine     Engine
	folder     folder
	data       *data.Collection
	loader     *data.Loader
	testLoader *data.Loader
	index      *data.Loader // the training images as nearest neighbours; nil without need
	input      infer.Input
	method     method.Method
	precision  method.Precision
	optimizer  optim.Optimizer
	gradients  *dist.Gradients
	average    *average // nil unless the recipe has one
	schedule   optim.Schedule
	metrics    *report.Metrics
	progress   *report.Progress
	at         position
	images     int64 // seen by all ranks since this process started
	resumed    bool
	notes      []string   // for people, before the first step
	warned     []string   // reasons for doubt that people know of
	lost       int        // pictures listed as undecodable
	evaluated  evaluation // the newest one
}

// loop trains from where the run stands to its end. Between any two steps
// the run can be saved and taken up again without a trace.
func (r *run) loop(ctx context.Context) error {
	for !r.finished() {
		started, waited, stood, seen := time.Now(), r.loader.Wait(), r.stoodStill(), r.images
		// A run may have been stopped after an epoch's last step.
		if !r.at.atEpochEnd() {
			if err := r.steps(ctx); err != nil {
				return err
			}
		}
		if err := r.endEpoch(ctx, spent{time.Since(started), r.loader.Wait() - waited, r.stoodStill() - stood, r.images - seen}); err != nil {
			return err
		}
	}
	if r.evaluated.weights.N > 0 {
		return nil
	}
	// There was nothing left to do: tell how good the run is all the same.
	var err error
	r.evaluated, err = r.evaluate(ctx)
	return err
}

// finished says whether the last epoch has been closed.
func (r *run) finished() bool {
	return r.at.Epoch >= r.recipe.Epochs && !r.at.atEpochEnd() || r.outOfPatience()
}

// outOfPatience says whether a closed epoch ends the run early.
func (r *run) outOfPatience() bool {
	patience, at := r.recipe.EarlyStopping.Patience, r.at
	closed := at.Batch == 0 && !at.atEpochEnd() && at.Epoch%r.recipe.Evaluate.Every == 0
	return patience > 0 && at.BestEpoch > 0 && closed && at.Epoch-at.BestEpoch >= patience
}

// steps does the steps that are left of an epoch.
func (r *run) steps(ctx context.Context) error {
	batches, err := r.loader.Epoch(context.Background(), r.at.Epoch, r.at.Batch)
	if err != nil {
		return err
	}
	defer batches.Close()
	for {
		batch, err := batches.Next()
		ended := err == io.EOF
		if ended {
			err = nil
		}
		stop, err := r.agree(ctx, err)
		switch {
		case err != nil:
			return r.keep(err)
		case stop:
			return r.interrupt()
		case ended:
			return nil
		}
		if err := r.step(batch); err != nil {
			return err
		}
		batch.Release()
		if err := r.listLost(); err != nil {
			return err
		}
		if err := r.checkAlike(); err != nil {
			return err
		}
		if ctx.Err() != nil && r.alone() { // several agree before the next step
			return r.interrupt()
		}
		if every := r.recipe.Checkpoint.EverySteps; every > 0 && r.at.Step%every == 0 {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
}

// interrupt leaves the run so that it can be taken up again.
func (r *run) interrupt() error {
	if err := r.save(); err != nil {
		return err
	}
	return ErrInterrupted
}

// keep saves the run before an error ends it that is none of the weights', such
// as a picture that cannot be read.
func (r *run) keep(err error) error { return errors.Join(err, r.save()) }

// step learns from one batch and writes down how it went.
func (r *run) step(batch *data.Batch) error {
	rate := r.schedule.Rate(r.at.Step)
	l, err := r.learn(batch, rate)
	if err != nil {
		return err
	}
	r.at.advance(l.values, l.figures, r.loader.BatchesPerEpoch())
	r.images += int64(batch.N * r.engine.group().Size())
	return r.tell(l, rate)
}

// learn moves the weights by one batch at the given rate.
func (r *run) learn(batch *data.Batch, rate float64) (l learnt, err error) {
	step := method.Step{Epoch: r.at.Epoch, Number: r.at.Step, Total: r.recipe.Epochs * r.loader.BatchesPerEpoch()}
	l.values, l.figures = map[string]float64{}, map[string]float64{}
	tensor.Scope(func() {
		whole := r.input.Batch(batch)
		defer whole.Unpin()
		r.method.BeforeStep(step)
		parts := r.recipe.Optim.Accumulate
		for i := range parts {
			tensor.Scope(func() {
				part := whole.Part(i, parts)
				part.Rows = r.rows(part.Labels.Dim(0))
				loss := r.method.Loss(step, part)
				l.add(loss, parts)
				r.meanOverRanks(l.values, l.figures)
				if err = r.checkFinite(l); err != nil {
					return
				}
				if i == parts-1 {
					r.gradients.Arm()
				}
				// Equal shares: what is summed over ranks and parts is the mean.
				loss.Total.Scale(1 / float64(parts*r.engine.group().Size())).Backward()
			})
			if err != nil {
				return
			}
		}
		r.gradients.Sum()
		l.norm = r.optimizer.Step(rate)
		r.method.AfterBackward(step)
		if r.average != nil {
			r.average.ema.Update(step.Number + 1)
		}
	})
	return l, err
}

// tell shows a finished step and writes it down.
func (r *run) tell(l learnt, rate float64) error {
	if !r.first() {
		return nil
	}
	record := map[string]any{"kind": "step", "step": r.at.Step, "epoch": r.at.shownEpoch(), "lr": rate}
	state := report.State{
		Epoch: r.at.shownEpoch(), Epochs: r.recipe.Epochs,
		Step: r.at.shownBatch(r.loader.BatchesPerEpoch()), Steps: r.loader.BatchesPerEpoch(),
		Images: r.images, DataWait: r.loader.Wait(), LearningRate: rate,
	}
	for _, name := range l.order {
		record[name] = l.values[name]
		state.Losses = append(state.Losses, report.Loss{Name: name, Value: l.values[name]})
	}
	for name, v := range l.figures {
		record[name] = v
	}
	if r.recipe.Optim.ClipNorm > 0 {
		record["gradient_norm"] = l.norm
	}
	r.progress.Update(state)
	return r.metrics.Write(record)
}

// endEpoch evaluates, writes the epoch down and saves the run.
func (r *run) endEpoch(ctx context.Context, s spent) error {
	epoch := r.at.Epoch // already the next one's number, so this one's from 1
	record := map[string]any{
		"kind": "epoch", "step": r.at.Step, "epoch": epoch,
		"lr": r.schedule.Rate(r.at.Step - 1), "losses": r.at.means(r.at.Sums),
		"seconds": s.took.Seconds(), "data_wait_seconds": s.data.Seconds(), "images": s.images,
		"peak_memory_bytes": peakMemory(),
	}
	figures := r.at.means(r.at.Figures)
	for name, v := range figures {
		record[name] = v
	}
	r.warn(epoch, r.at.means(r.at.Sums), figures)
	if epoch%r.recipe.Evaluate.Every == 0 || epoch == r.recipe.Epochs {
		evaluated, err := r.evaluate(ctx)
		if errors.Is(err, ErrInterrupted) {
			return r.interrupt()
		}
		if err != nil {
			return r.keep(err)
		}
		if err := r.onFirst(func() error { return evaluated.write(r.folder.path, record) }); err != nil {
			return err
		}
		r.evaluated = evaluated
		if top1 := evaluated.judged(); top1 > r.at.Best || r.at.BestEpoch == 0 {
			r.at.Best, r.at.BestEpoch = top1, epoch
		}
		r.say("epoch %d/%d: %v (%.0f s)", epoch, r.recipe.Epochs, evaluated, s.took.Seconds())
	}
	if err := r.tellRates(record, s); err != nil {
		return err
	}
	r.at.startEpoch()
	if r.outOfPatience() && epoch < r.recipe.Epochs {
		r.say("the run ends here: top-1 has not risen since epoch %d, and early_stopping.patience is %d",
			r.at.BestEpoch, r.recipe.EarlyStopping.Patience)
	}
	err := r.onFirst(func() error {
		if err := r.metrics.Write(record); err != nil {
			return err
		}
		return r.folder.drawCurves()
	})
	if err != nil {
		return err
	}
	return r.save()
}

// say tells people, on the terminal and in the log.
func (r *run) say(format string, values ...any) {
	line := fmt.Sprintf(format, values...)
	r.progress.Println(line)
	r.folder.log(line)
}

// encoder is what the run is about.
func (r *run) encoder() *model.Encoder { return r.method.Encoder() }
