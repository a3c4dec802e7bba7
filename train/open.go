package train

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cone/infer"
	"cone/model"
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
	"cone/weights/dialect"
)

// Choice says which weights make a model.
type Choice struct {
	// Checkpoint of a run: "last", "best", "epoch-NNNN", or a file.
	Checkpoint string
	// Average takes the moving average of the weights.
	Average bool
	// Weights is a file whose weights take the place of the checkpoint's.
	Weights string
	// Change adapts the recipe, for instance to other data; nil leaves it.
	Change func(recipe.Recipe) (recipe.Recipe, error)
}

// UseModel opens a trained model and calls use with it, on a thread that is
// ready to compute. The path is a run's folder, a checkpoint, or what cone
// export --to safetensors wrote: a folder with model.safetensors and
// config.json, or the safetensors file with config.json beside it.
func UseModel(path string, c Choice, e Engine, use func(*infer.Model) error) error {
	return tensor.Run(func() error {
		e.Prepare()
		m, err := openModel(path, c, e)
		if err != nil {
			return err
		}
		defer m.Free()
		return use(m)
	})
}

func openModel(path string, choice Choice, e Engine) (*infer.Model, error) {
	if file, config, ok := exported(path); ok {
		if choice.Average || choice.Weights != "" {
			return nil, fmt.Errorf("%s is an exported model with one set of weights: leave out --ema and --weights", path)
		}
		return openExported(file, config, choice, e)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no model in %s: give a run's folder, a checkpoint, or an exported folder", path)
	}
	c, err := FindCheckpoint(path, choice.Checkpoint)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if choice.Change != nil {
		if c.Recipe, err = choice.Change(c.Recipe); err != nil {
			return nil, err
		}
	}
	if choice.Average {
		if err := c.UseAverage(); err != nil {
			return nil, err
		}
	}
	r := c.Recipe.FinalStage()
	if choice.Weights == "" {
		return c.model(r, e, c.load)
	}
	source, err := weights.OpenAny(choice.Weights)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	m, err := c.model(r, e, loadFile(source, choice.Weights, r.Model))
	if err == nil {
		m.Path = choice.Weights
	}
	return m, err
}

// model makes the checkpoint's encoder as the recipe r has it, with the weights
// that load gives.
func (c *Checkpoint) model(r recipe.Recipe, e Engine, load func([]*nn.Entry) error) (*infer.Model, error) {
	dtype, precision := e.Precision(r.Precision)
	encoder, err := c.filled(r, dtype, e.Device, load)
	if err != nil {
		return nil, err
	}
	return &infer.Model{
		Encoder: encoder, Precision: precision,
		Input: infer.NewInput(r.Data.Mean, r.Data.Std, c.Channels, dtype, e.Device),
		Path:  c.Path, Recipe: r, Classes: c.Classes, Channels: c.Channels, Size: c.Size,
		Classifier: r.Method.TrainsClassifier(),
	}, nil
}

// Encoder makes the checkpoint's encoder in float32 on the CPU (inside
// tensor.Run). The caller frees it.
func (c *Checkpoint) Encoder() (*model.Encoder, error) {
	return c.filled(c.Recipe.FinalStage(), tensor.Float32, tensor.CPU, c.load)
}

// filled makes an encoder with the weights that load gives.
func (c *Checkpoint) filled(r recipe.Recipe, d tensor.DType, on tensor.Device, load func([]*nn.Entry) error) (*model.Encoder, error) {
	encoder, err := newEncoder(r, len(c.Classes), c.Channels, d, on)
	if err != nil {
		return nil, err
	}
	var entries []*nn.Entry
	for _, entry := range encoder.Tree.Entries() {
		entries = append(entries, &nn.Entry{Name: c.encoder + entry.Name, Value: entry.Value})
	}
	if err := load(entries); err != nil {
		encoder.Free()
		return nil, err
	}
	return encoder, nil
}

// loadFile fills a whole encoder, classifier included, from a file of weights.
func loadFile(source weights.Source, file string, m recipe.Model) func([]*nn.Entry) error {
	return func(entries []*nn.Entry) error {
		plan, err := fill(entries, source, file, namesOf(m))
		if err != nil {
			return err
		}
		for _, name := range plan.Fresh {
			if !strings.HasSuffix(name, "num_batches_tracked") {
				return fmt.Errorf("%s is %s without %s: import it with cone import and train it first", file, plan.Dialect, name)
			}
		}
		return nil
	}
}

// exported finds the weights and the description of an exported model.
func exported(path string) (file, config string, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", false
	}
	folder, file := path, filepath.Join(path, "model.safetensors")
	if !info.IsDir() {
		folder, file = filepath.Dir(path), path
	}
	config = filepath.Join(folder, "config.json")
	for _, name := range []string{file, config} {
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			return "", "", false
		}
	}
	source, err := weights.OpenAny(file)
	if err != nil {
		return file, config, true // and the error follows
	}
	defer source.Close()
	d, err := dialect.Detect(source)
	return file, config, err != nil || d != dialect.Cone
}

// openExported makes the model that a config.json describes.
func openExported(file, config string, choice Choice, e Engine) (m *infer.Model, err error) {
	c, err := readTimm(config)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", config, err)
	}
	if choice.Change != nil {
		if c.Recipe, err = choice.Change(c.Recipe); err != nil {
			return nil, err
		}
	}
	source, err := weights.OpenAny(file)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	if err := weights.Verify(file); err != nil && !errors.Is(err, weights.ErrNoChecksum) {
		return nil, err
	}
	c.Path, c.encoder = file, weightsPrefix
	classifier := len(c.Classes) > 0
	load := loadFile(source, file, c.Recipe.Model)
	if !classifier {
		c.Classes = []string{"-"} // the network needs some classifier
		load = func(entries []*nn.Entry) error {
			options := namesOf(c.Recipe.Model)
			options.DropClassifier = true
			_, err := fill(entries, source, file, options)
			return err
		}
	}
	if m, err = c.model(c.Recipe, e, load); err != nil {
		return nil, err
	}
	if !classifier {
		m.Classes, m.Classifier = nil, false
	}
	return m, nil
}
