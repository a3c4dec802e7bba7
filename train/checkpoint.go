package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
)

// Keys of a checkpoint's metadata.
const (
	keyFormat   = "cone.format"
	keyPosition = "cone.position"
	keyRecipe   = "cone.recipe"
	keyClasses  = "cone.classes"
	keyChannels = "cone.channels"
)

// format is the version of the layout of checkpoints.
const format = "1"

var dtypeNames = map[tensor.DType]weights.DType{
	tensor.Uint8: "U8", tensor.Int32: "I32", tensor.Int64: "I64", tensor.Bool: "BOOL",
	tensor.Float16: "F16", tensor.BFloat16: "BF16", tensor.Float32: "F32", tensor.Float64: "F64",
}

// state is every tensor that a checkpoint carries.
func (r *run) state() []*nn.Entry {
	return append(r.method.State(), r.optimizer.State()...)
}

// save writes the run as checkpoints/last, keeping the one before as
// checkpoints/previous until the new one is whole on disk and beyond.
func (r *run) save() error {
	metadata, err := r.metadata()
	if err != nil {
		return err
	}
	last, previous := r.folder.checkpoint("last"), r.folder.checkpoint("previous")
	next := r.folder.checkpoint("next")
	var failed error
	tensor.Scope(func() {
		if bad := firstNotFinite(r.encoder().Tree.Parameters()); bad != "" {
			failed = fmt.Errorf("after step %d the weights of %s are no longer finite: the last good checkpoint is kept; lower optim.lr or set optim.clip_norm", r.at.Step, bad)
			return
		}
		var arrays []weights.Array
		for _, e := range append(r.state(), randomState(r.engine.Device)...) {
			arrays = append(arrays, arrayOf(e))
		}
		_, failed = weights.WriteCheckpoint(next, metadata, arrays)
	})
	if failed != nil {
		return failed
	}
	if err := os.Rename(last, previous); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot keep the checkpoint before: %w", err)
	}
	if err := os.Rename(next, last); err != nil {
		return fmt.Errorf("cannot name the new checkpoint: %w", err)
	}
	if every := r.recipe.Checkpoint.EveryEpochs; every > 0 && r.at.Batch == 0 && r.at.Count == 0 && r.at.Epoch%every == 0 {
		return r.folder.copyLast(fmt.Sprintf("epoch-%04d", r.at.Epoch))
	}
	return nil
}

func (r *run) metadata() (map[string]string, error) {
	at, err := json.Marshal(r.at)
	if err != nil {
		return nil, err
	}
	resolved, err := r.recipe.Marshal()
	if err != nil {
		return nil, err
	}
	classes, err := json.Marshal(r.train.Classes)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		keyFormat: format, keyPosition: string(at), keyRecipe: string(resolved),
		keyClasses: string(classes), keyChannels: fmt.Sprint(r.train.Channels),
	}, nil
}

// randomState is libtorch's random streams, as entries. They belong to the
// enclosing scope.
func randomState(on tensor.Device) []*nn.Entry {
	out := []*nn.Entry{{Name: "random.cpu", Value: tensor.RandomState(tensor.CPU)}}
	if !on.IsCPU() {
		out = append(out, &nn.Entry{Name: "random.device", Value: tensor.RandomState(on)})
	}
	return out
}

func firstNotFinite(entries []*nn.Entry) (name string) {
	tensor.NoGrad(func() {
		for _, e := range entries {
			// The norm is infinite or NaN as soon as one element is.
			if n := tensor.L2Norm([]tensor.Tensor{e.Value.Detach()}); n-n != 0 {
				name = e.Name
				return
			}
		}
	})
	return name
}

func arrayOf(e *nn.Entry) weights.Array {
	shape := []int64{}
	for _, s := range e.Value.Shape() {
		shape = append(shape, int64(s))
	}
	return weights.Array{Name: e.Name, DType: dtypeNames[e.Value.DType()], Shape: shape, Load: func() (raw []byte, err error) {
		e.Value.Detach().Bytes(func(b []byte) { raw = append(raw, b...) })
		return raw, nil
	}}
}

// Checkpoint is an opened checkpoint file.
type Checkpoint struct {
	Path     string
	Recipe   recipe.Recipe
	Classes  []string
	Channels int
	at       position
	file     *weights.File
}

// OpenCheckpoint reads a checkpoint's metadata after checking every byte of
// the file against its checksum.
func OpenCheckpoint(path string) (*Checkpoint, error) {
	if err := weights.Verify(path); err != nil {
		return nil, err
	}
	file, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Path: path, file: file}
	if err := c.readMetadata(); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s is not a checkpoint of this program: %w", path, err)
	}
	return c, nil
}

func (c *Checkpoint) readMetadata() (err error) {
	m := c.file.Metadata()
	if m[keyFormat] != format {
		return fmt.Errorf("its format is %q, this version reads %q", m[keyFormat], format)
	}
	if c.Recipe, err = recipe.Parse(c.Path, []byte(m[keyRecipe])); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(m[keyPosition]), &c.at); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(m[keyClasses]), &c.Classes); err != nil {
		return err
	}
	_, err = fmt.Sscan(m[keyChannels], &c.Channels)
	return err
}

// Close closes the file.
func (c *Checkpoint) Close() error { return c.file.Close() }

// load overwrites the entries with what the checkpoint holds under their names.
func (c *Checkpoint) load(entries []*nn.Entry) (err error) {
	tensor.NoGrad(func() {
		for _, e := range entries {
			info, ok := c.file.Info(e.Name)
			if !ok {
				err = fmt.Errorf("%s has no tensor %s: it was made by another method or network", c.Path, e.Name)
				return
			}
			if fmt.Sprint(info.Shape) != fmt.Sprint(e.Value.Shape()) || info.DType != dtypeNames[e.Value.DType()] {
				err = fmt.Errorf("%s: %s is %s%v there and %v here", c.Path, e.Name, info.DType, info.Shape, e.Value.Detach())
				return
			}
			var array weights.Array
			if array, err = c.file.Read(e.Name); err != nil {
				return
			}
			tensor.Scope(func() {
				e.Value.CopyFrom(tensor.FromBytes(array.Data, e.Value.DType(), e.Value.Shape()...))
			})
		}
	})
	return err
}

// restore takes the run to where the checkpoint was made.
func (r *run) restore(c *Checkpoint) error {
	if err := c.load(r.state()); err != nil {
		return err
	}
	if m, ok := r.method.(interface{ Restored() }); ok {
		m.Restored()
	}
	var err error
	tensor.Scope(func() {
		states := randomState(r.engine.Device)
		if err = c.load(states); err == nil {
			tensor.SetRandomState(tensor.CPU, states[0].Value)
			if len(states) > 1 {
				tensor.SetRandomState(r.engine.Device, states[1].Value)
			}
		}
	})
	r.at = c.at
	return err
}

// newestCheckpoint opens the run's newest sound checkpoint. Damaged ones are
// passed over, each with a warning.
func (f folder) newestCheckpoint(warn func(string)) (*Checkpoint, error) {
	paths, _ := filepath.Glob(filepath.Join(f.path, checkpointFolder, "*.safetensors"))
	type candidate struct {
		path string
		time int64
	}
	var found []candidate
	for _, p := range paths {
		if strings.HasPrefix(filepath.Base(p), ".") {
			continue
		}
		if info, err := os.Stat(p); err == nil {
			found = append(found, candidate{p, info.ModTime().UnixNano()})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].time > found[j].time })
	for _, c := range found {
		opened, err := OpenCheckpoint(c.path)
		if err == nil {
			return opened, nil
		}
		warn(fmt.Sprintf("warning: %v; trying the checkpoint before", err))
	}
	return nil, fmt.Errorf("%s has no usable checkpoint: start the run anew with cone train", f.path)
}
