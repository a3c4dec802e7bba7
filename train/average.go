package train

import (
	"fmt"
	"os"
	"path/filepath"

	"cone/model"
	"cone/nn"
	"cone/optim"
	"cone/report"
	"cone/tensor"
)

// What the names of the encoder's weights and of their moving average begin
// with in a checkpoint.
const (
	weightsPrefix = "encoder_q."
	averagePrefix = "encoder_ema."
)

// average is the moving average of the evaluated encoder, as the recipe's ema
// has it.
type average struct {
	encoder *model.Encoder
	ema     *optim.EMA
}

// newAverage is nil where the recipe has no average. It draws nothing from the
// random streams, so that the weights become the same with it and without.
func (r *run) newAverage(channels int, d tensor.DType) (*average, error) {
	if r.recipe.EMA.Decay == 0 {
		return nil, nil
	}
	var e *model.Encoder
	var err error
	tensor.Scope(func() {
		before := randomState(r.engine.Device)
		e, err = newEncoder(r.recipe, len(r.data.Train.Classes()), channels, d, r.engine.Device)
		setRandomState(r.engine.Device, before)
	})
	if err != nil {
		return nil, err
	}
	return &average{e, optim.NewEMA(e.Tree, r.encoder().Tree, r.recipe.EMA, r.loader.BatchesPerEpoch())}, nil
}

// state is what a checkpoint must carry.
func (a *average) state() []*nn.Entry {
	var out []*nn.Entry
	for _, e := range a.encoder.Tree.Entries() {
		out = append(out, &nn.Entry{Name: averagePrefix + e.Name, Value: e.Value, Buffer: true})
	}
	return out
}

// evaluation is of the weights and, where there is one, of their average.
type evaluation struct {
	weights report.Result
	average *report.Result
}

// judged is the top-1 that `best` and early stopping go by.
func (e evaluation) judged() float64 {
	if e.average != nil {
		return float64(e.average.Top1)
	}
	return float64(e.weights.Top1)
}

// averageFolder holds the average's evaluation files inside a run.
const averageFolder = "ema"

// write leaves the evaluation's files in the run's folder and its figures in
// the epoch's record.
func (e evaluation) write(path string, record map[string]any) error {
	w := e.weights
	record["n"] = w.N
	record["top1"], record["top5"], record["nll"], record["ece"] = w.Top1, w.Top5, w.NLL, w.ECE
	if w.KNNTop1 != nil {
		record["knn_top1"] = *w.KNNTop1
	}
	if err := w.WriteFiles(path); err != nil || e.average == nil {
		return err
	}
	a := e.average
	record["ema_top1"], record["ema_top5"], record["ema_nll"], record["ema_ece"] = a.Top1, a.Top5, a.NLL, a.ECE
	path = filepath.Join(path, averageFolder)
	if err := os.MkdirAll(path, 0o777); err != nil {
		return fmt.Errorf("cannot make the folder for the moving average's evaluation: %w", err)
	}
	return a.WriteFiles(path)
}

func (e evaluation) String() string {
	top1 := fmt.Sprintf("top-1 %.2f %%", 100*e.weights.Top1)
	if e.average != nil {
		top1 += fmt.Sprintf(" (moving average %.2f %%)", 100*e.average.Top1)
	}
	if e.weights.KNNTop1 != nil {
		top1 += fmt.Sprintf(" (nearest neighbors %.2f %%)", 100**e.weights.KNNTop1)
	}
	return fmt.Sprintf("%s, NLL %.4f, calibration error %.4f", top1, e.weights.NLL, e.weights.ECE)
}

// UseAverage makes Evaluate take the moving average of the weights.
func (c *Checkpoint) UseAverage() error {
	if c.Recipe.EMA.Decay == 0 {
		return fmt.Errorf("%s holds no moving average: its run had ema.decay 0", c.Path)
	}
	c.encoder = averagePrefix
	return nil
}
