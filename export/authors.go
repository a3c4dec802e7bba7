package export

import (
	"fmt"
	"io"

	"cone/optim"
	"cone/train"
	"cone/weights"
	"cone/weights/dialect"
	"cone/weights/pickle"
)

// wrapper is what DistributedDataParallel puts before every name.
const wrapper = "module."

// Authors writes the whole state as the program of CoNe's authors saves it at
// the end of an epoch: {"model", "optimizer", "scaler", "epoch"}.
func Authors(c *train.Checkpoint, path string) error {
	if c.Recipe.Method.Name != "cone" {
		return fmt.Errorf("%s was trained by %s, and the authors' checkpoints hold a run of CoNe: export it as pth or safetensors", c.Path, c.Recipe.Method.Name)
	}
	switch r := c.Recipe; {
	case r.Optim.Name != "sgd":
		return fmt.Errorf("%s was trained by %s, and the authors' checkpoints hold the state of SGD: export it as pth or safetensors", c.Path, r.Optim.Name)
	case r.HasStages() || len(r.Model.Freeze) > 0:
		return fmt.Errorf("%s was trained in part only (linear.epochs or model.freeze), which the authors' program cannot go on with: export it as pth or safetensors", c.Path)
	}
	epoch, whole := c.Epoch()
	if !whole {
		return fmt.Errorf("%s was saved within epoch %d, and the authors' program goes on between epochs: resume the run to the end of the epoch, or choose another --checkpoint", c.Path, epoch+1)
	}
	all, err := entries(c)
	if err != nil {
		return err
	}
	var w weights.TorchWriter
	arrays, err := bank(c)
	if err != nil {
		return err
	}
	for _, prefix := range []string{dialect.Query, dialect.Key} {
		for _, e := range all {
			a, err := array(c, prefix+e.name, wrapper+prefix+e.name)
			if err != nil {
				return err
			}
			arrays = append(arrays, a)
		}
	}
	network, err := w.StateDict(arrays)
	if err != nil {
		return err
	}
	optimizer, err := optimizer(c, &w, all)
	if err != nil {
		return err
	}
	// What torch.cuda.amp.GradScaler starts with: this program scales nothing.
	scaler := dict("scale", 65536.0, "growth_factor", 2.0, "backoff_factor", 0.5, "growth_interval", int64(2000), "_growth_tracker", int64(0))
	top := dict("model", network, "optimizer", optimizer, "scaler", scaler, "epoch", int64(epoch))
	return weights.WriteFileAtomic(path, func(out io.Writer) error { return w.Write(out, archive, top) })
}

// dict makes a dict of keys and values in turn.
func dict(pairs ...any) *pickle.Dict {
	d := pickle.NewDict()
	for i := 0; i < len(pairs); i += 2 {
		_ = d.Set(pairs[i], pairs[i+1]) // the keys are strings
	}
	return d
}

// bank lists the authors' buffers: entries lie side by side there.
func bank(c *train.Checkpoint) ([]weights.Array, error) {
	var out []weights.Array
	for _, b := range []struct {
		name, as  string
		transpose bool
	}{
		{dialect.BankEmbedding, "queue", true}, {dialect.BankPosition, "queue_ptr", false},
		{dialect.BankProbability, "queue_label_prob", true}, {dialect.BankLabel, "queue_label", false},
	} {
		a, err := array(c, b.name, wrapper+b.as)
		if err != nil {
			return nil, err
		}
		if b.transpose {
			rows, columns, width := a.Shape[0], a.Shape[1], a.DType.Size()
			load := a.Load
			a.Shape = []int64{columns, rows}
			a.Load = func() ([]byte, error) {
				data, err := load()
				return transpose(data, int(rows), int(columns), int(width)), err
			}
		}
		if len(a.Shape) == 0 { // the authors' position is a vector of one
			a.Shape = []int64{1}
		}
		out = append(out, a)
	}
	return out, nil
}

// transpose turns rows of elements of so many bytes into columns.
func transpose(data []byte, rows, columns, width int) []byte {
	out := make([]byte, len(data))
	if len(data) < rows*columns*width {
		return nil // it could not be read
	}
	for r := range rows {
		for c := range columns {
			copy(out[(c*rows+r)*width:][:width], data[(r*columns+c)*width:])
		}
	}
	return out
}

// optimizer is the state_dict of the torch.optim.SGD that the authors give all
// parameters of both encoders; only those of the query encoder have momenta.
func optimizer(c *train.Checkpoint, w *weights.TorchWriter, all []entry) (any, error) {
	state, indices := pickle.NewDict(), &pickle.List{}
	for _, prefix := range []string{dialect.Query, dialect.Key} {
		for _, e := range all {
			if e.buffer {
				continue
			}
			index := int64(len(indices.Items))
			indices.Items = append(indices.Items, index)
			if prefix != dialect.Query {
				continue
			}
			a, err := array(c, dialect.Momentum+e.name, e.name)
			if err != nil {
				return nil, err
			}
			v, err := w.Tensor(a)
			if err != nil {
				return nil, err
			}
			if err := state.Set(index, dict("momentum_buffer", v)); err != nil {
				return nil, err
			}
		}
	}
	o := c.Recipe.Optim
	group := dict("lr", optim.FullRate(o, c.Recipe.Batch), "momentum", o.Momentum, "dampening", int64(0), "weight_decay", o.WeightDecay, "nesterov", o.Nesterov,
		"maximize", false, "foreach", nil, "differentiable", false, "params", indices)
	return dict("state", state, "param_groups", &pickle.List{Items: []any{group}}), nil
}
