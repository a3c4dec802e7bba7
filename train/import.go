package train

import (
	"errors"
	"fmt"
	"strings"

	"cone/data"
	"cone/nn"
	"cone/recipe"
	"cone/report"
	"cone/tensor"
	"cone/weights"
	"cone/weights/dialect"
)

// ImportOptions say what to take from a file of weights.
type ImportOptions struct {
	// Whole takes the whole state of a checkpoint of CoNe's authors, to go on
	// training: both encoders, the bank, the momenta, the epoch.
	Whole bool
	// DropClassifier starts a new classifier, for other classes.
	DropClassifier bool
}

// Import makes a run of the recipe whose query encoder is that of a file. It
// can be evaluated as it is, and trained with Resume: from its first epoch,
// or, after a whole import, from where the authors' program stood. The key
// encoder is a copy of the query encoder unless the whole state is taken.
// It returns what was taken and the epoch at which training would go on.
func Import(r recipe.Recipe, folderPath string, e Engine, file string, o ImportOptions) (taken *dialect.Plan, epoch int, err error) {
	if err := r.Validate(); err != nil {
		return nil, 0, err
	}
	if r.HasStages() {
		return nil, 0, fmt.Errorf("linear.epochs is %d, and an imported run has one stage: set linear.epochs=0, or start both with cone train --init %s", r.Linear.Epochs, file)
	}
	source, err := weights.OpenAny(file)
	if err != nil {
		return nil, 0, err
	}
	defer source.Close()
	if o.Whole {
		if epoch, err = checkWhole(source, file, r); err != nil {
			return nil, 0, err
		}
	}
	collection, err := data.Open(r.Data)
	if err != nil {
		return nil, 0, err
	}
	defer collection.Close()
	p := plan{recipe: r, whole: r}
	if err := p.resolve(collection.Train.Len()); err != nil {
		return nil, 0, err
	}
	err = tensor.Run(func() error {
		e.Prepare()
		run := &run{recipe: p.recipe, whole: p.whole, engine: e, data: collection}
		defer run.free()
		if err := run.build(); err != nil {
			return err
		}
		if taken, err = run.take(source, file, o); err != nil {
			return err
		}
		run.at = position{Epoch: epoch, Step: epoch * run.loader.BatchesPerEpoch()}
		return run.createImported(folderPath, file)
	})
	return taken, epoch, err
}

// checkWhole makes sure that the file and the recipe can go on training
// together, and says at which epoch.
func checkWhole(source weights.Source, file string, r recipe.Recipe) (int, error) {
	t, ok := source.(*weights.Torch)
	d, err := dialect.Detect(source)
	if err != nil {
		return 0, fmt.Errorf("%s cannot be used: %w", file, err)
	}
	if d == dialect.Cone {
		return 0, fmt.Errorf("%s is a checkpoint of this program: continue its run with cone train --resume", file)
	}
	if !ok || d != dialect.Authors {
		return 0, fmt.Errorf("%s is %s, not the state of a training run: import it without --whole", file, d)
	}
	if r.Optim.Name != "sgd" {
		return 0, fmt.Errorf("optim.name is %s, but %s has the momenta of SGD: set optim.name=sgd, or import without --whole", r.Optim.Name, file)
	}
	if r.Method.Name != "cone" {
		return 0, fmt.Errorf("method.name is %s, but %s is the state of a run of CoNe: set method.name=cone, or import without --whole", r.Method.Name, file)
	}
	if len(t.OptimizerGroups()) != 1 {
		return 0, fmt.Errorf("%s has an optimizer of %d parameter groups, and CoNe's authors have one: import it without --whole", file, len(t.OptimizerGroups()))
	}
	epoch, ok := t.Number("epoch")
	if !ok || epoch < 0 {
		return 0, fmt.Errorf("%s does not say how many epochs it was trained: import it without --whole", file)
	}
	if epoch > int64(r.Epochs) {
		return 0, fmt.Errorf("%s was trained for %d epochs, but epochs is %d: raise it", file, epoch, r.Epochs)
	}
	return int(epoch), nil
}

// take fills the fresh run with what the file has.
func (r *run) take(source weights.Source, file string, o ImportOptions) (*dialect.Plan, error) {
	var entries []*nn.Entry
	for _, e := range r.state() {
		// Other programs know no moving average: it starts from what they have.
		if !strings.HasPrefix(e.Name, averagePrefix) && (o.Whole || strings.HasPrefix(e.Name, dialect.Query)) {
			entries = append(entries, e)
		}
	}
	options := namesOf(r.recipe.Model)
	options.DropClassifier = o.DropClassifier
	plan, err := fill(entries, source, file, options)
	if err != nil {
		return nil, err
	}
	if r.average != nil {
		r.average.encoder.Tree.CopyFrom(r.encoder().Tree)
	}
	if o.Whole {
		err = r.checkBank(file)
	} else {
		r.copyToKey()
	}
	tensor.Scope(func() {
		if bad := firstNotFinite(r.state()); err == nil && bad != "" {
			err = fmt.Errorf("%s cannot be used: %s holds infinite or undefined numbers", file, bad)
		}
	})
	return plan, err
}

// copyToKey makes the key encoder, where the method has one, a copy of the
// query encoder.
func (r *run) copyToKey() {
	query := map[string]*nn.Entry{}
	for _, e := range under(dialect.Query, r.state()) {
		query[strings.TrimPrefix(e.Name, dialect.Query)] = e
	}
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			for _, e := range under(dialect.Key, r.state()) {
				e.Value.CopyFrom(query[strings.TrimPrefix(e.Name, dialect.Key)].Value)
			}
		})
	})
}

// checkBank makes sure that labels and position, which index memory, are
// within their bounds.
func (r *run) checkBank(file string) error {
	classes := int64(len(r.data.Train.Classes()))
	for _, e := range r.state() {
		var limit int64
		switch e.Name {
		case dialect.BankLabel:
			limit = classes
		case dialect.BankPosition:
			limit = int64(r.recipe.Method.CoNe.BankSize)
		default:
			continue
		}
		var numbers []int64
		tensor.Scope(func() { numbers = tensor.To[int64](e.Value.ToDevice(tensor.CPU)) })
		for _, n := range numbers {
			if n < 0 || n >= limit {
				return fmt.Errorf("%s cannot be used: %s holds %d, and only 0 to %d make sense", file, e.Name, n, limit-1)
			}
		}
	}
	return nil
}

// createImported writes the run's folder.
func (r *run) createImported(path, file string) (err error) {
	if r.folder, err = createFolder(path); err != nil {
		return err
	}
	defer r.folder.close()
	if err := r.recipe.Save(r.folder.file("recipe.yaml")); err != nil {
		return err
	}
	if r.metrics, err = report.OpenMetrics(r.folder.file("metrics.jsonl")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.metrics.Close()) }()
	r.folder.log("imported " + file)
	return explainFullDisk(r.save(), path)
}
