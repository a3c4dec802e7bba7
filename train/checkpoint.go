package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"cone/data"
	"cone/nn"
	"cone/picture"
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
	keyImages   = "cone.images"
	keySize     = "cone.size"
	keyCompute  = "cone.compute"
	keyRanks    = "cone.ranks" // how many processes; missing means one
)

// format is the version of the layout of checkpoints.
const format = "1"

var dtypeNames = map[tensor.DType]weights.DType{
	tensor.Uint8: "U8", tensor.Int32: "I32", tensor.Int64: "I64", tensor.Bool: "BOOL",
	tensor.Float16: "F16", tensor.BFloat16: "BF16", tensor.Float32: "F32", tensor.Float64: "F64",
}

// state is every tensor that a checkpoint carries.
func (r *run) state() []*nn.Entry {
	all := append(r.method.State(), r.optimizer.State()...)
	if r.average != nil {
		all = append(all, r.average.state()...)
	}
	return all
}

// save writes the run as checkpoints/last, keeping the one before as
// checkpoints/previous until the new one is whole on disk and beyond.
func (r *run) save() error {
	// The records up to the checkpoint must survive whatever it survives.
	if err := r.onFirst(r.metrics.Sync); err != nil {
		return fmt.Errorf("cannot write the metrics to disk: %w", err)
	}
	metadata, err := r.metadata()
	if err != nil {
		return err
	}
	last, previous := r.folder.checkpoint("last"), r.folder.checkpoint("previous")
	next := r.folder.checkpoint("next")
	var failed error
	tensor.Scope(func() {
		if bad := firstNotFinite(r.state()); bad != "" {
			failed = fmt.Errorf("after step %d (epoch %d) %s is no longer finite: %s; lower optim.lr, set optim.clip_norm, or use float32",
				r.at.Step, r.at.shownEpoch(), bad, r.kept())
			return
		}
		random := r.randomStates()
		if !r.first() {
			return
		}
		var arrays []weights.Array
		for _, e := range append(r.state(), random...) {
			arrays = append(arrays, arrayOf(e))
		}
		_, failed = weights.WriteCheckpoint(next, metadata, arrays)
	})
	if failed != nil || !r.first() {
		return failed
	}
	if err := os.Rename(last, previous); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot keep the checkpoint before: %w", err)
	}
	if err := os.Rename(next, last); err != nil {
		return fmt.Errorf("cannot name the new checkpoint: %w", err)
	}
	return r.nameCheckpoint()
}

// nameCheckpoint gives checkpoints/last its further names when it is the end
// of an epoch. A run that was killed before it got to this does it when it is
// taken up again.
func (r *run) nameCheckpoint() error {
	if r.at.Epoch == 0 || r.at.Batch > 0 || r.at.atEpochEnd() {
		return nil
	}
	if every := r.recipe.Checkpoint.EveryEpochs; every > 0 && r.at.Epoch%every == 0 {
		if err := r.folder.copyCheckpoint("last", fmt.Sprintf("epoch-%04d", r.at.Epoch)); err != nil {
			return err
		}
	}
	if r.at.BestEpoch == r.at.Epoch {
		return r.folder.copyCheckpoint("last", "best")
	}
	return nil
}

// kept says what is left when the run must stop here.
func (r *run) kept() string {
	if _, err := os.Stat(r.folder.checkpoint("last")); err != nil {
		return "nothing was saved yet"
	}
	return "the last good checkpoint is kept in " + r.folder.path
}

func (r *run) metadata() (map[string]string, error) {
	at, err := json.Marshal(r.at)
	if err != nil {
		return nil, err
	}
	resolved, err := r.whole.Marshal()
	if err != nil {
		return nil, err
	}
	classes, err := json.Marshal(r.data.Train.Classes())
	if err != nil {
		return nil, err
	}
	size := r.data.Train.Size()
	m := map[string]string{
		keySize:   fmt.Sprint(size.Height, size.Width),
		keyFormat: format, keyPosition: string(at), keyRecipe: string(resolved),
		keyClasses: string(classes), keyChannels: fmt.Sprint(data.Channels(r.data.Train)),
		keyImages: fmt.Sprint(r.data.Train.Len()), keyCompute: r.precision.Compute.String(),
	}
	if !r.alone() {
		m[keyRanks] = fmt.Sprint(r.engine.group().Size())
	}
	return m, nil
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

// setRandomState restores what randomState returned.
func setRandomState(on tensor.Device, states []*nn.Entry) {
	tensor.SetRandomState(tensor.CPU, states[0].Value)
	if len(states) > 1 {
		tensor.SetRandomState(on, states[1].Value)
	}
}

// firstNotFinite names the first entry with an infinite or NaN element, or "".
func firstNotFinite(entries []*nn.Entry) (name string) {
	tensor.NoGrad(func() {
		for _, e := range entries {
			if d := e.Value.DType(); d != tensor.Float32 && d != tensor.Float64 {
				continue // counters and indices
			}
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
	// Size is that of the pictures before any transform; it is not Known where
	// they have various sizes, and in files of older versions.
	Size    picture.Size
	images  int    // in the training set
	encoder string // what the names of the weights to evaluate begin with
	at      position
	file    *weights.File
	// Corruptions are for Evaluate; a file has none.
	Corruptions Corruptions
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
	c := &Checkpoint{Path: path, file: file, encoder: weightsPrefix}
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
	if _, err = fmt.Sscan(m[keyChannels]+" "+m[keyImages], &c.Channels, &c.images); err != nil {
		return err
	}
	if text, ok := m[keySize]; ok {
		c.Size.Channels = c.Channels
		_, err = fmt.Sscan(text, &c.Size.Height, &c.Size.Width)
	}
	return err
}

// Source is the file with the checkpoint's tensors.
func (c *Checkpoint) Source() weights.Source { return c.file }

// EncoderPrefix is what the names of the weights to evaluate begin with.
func (c *Checkpoint) EncoderPrefix() string { return c.encoder }

// Epoch is how many epochs were finished; whole is false within one.
func (c *Checkpoint) Epoch() (finished int, whole bool) { return c.at.Epoch, c.at.Batch == 0 }

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
