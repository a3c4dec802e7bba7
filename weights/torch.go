package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"slices"

	"cone/weights/pickle"
)

// Torch is an open file of Python's torch.save (.pth, .pt, .tar): a zip as
// PyTorch writes it since 1.6, or the row of pickles of before, as torchvision
// still publishes its networks. It is read by package pickle, so nothing in it
// is executed, and everything that the file says about sizes is checked
// against what is there. Its methods must not be called at the same time.
//
// The tensors that Names lists are those of the network, found by this rule:
//
//  1. If the file's top is a dict with tensors in it, that is the network.
//  2. Else the first of the keys "state_dict", "model", "model_state_dict",
//     "module", "network" and "net" that holds a dict leads there, once or
//     twice.
//  3. Where every name begins with "module." (DistributedDataParallel) or
//     "_orig_mod." (torch.compile), these go.
//
// A top-level "optimizer" that is torch.optim's state_dict adds tensors of the
// names "optimizer.state.INDEX.KEY", which Names does not list.
type Torch struct {
	path     string
	closer   io.Closer
	storages storages
	root     any
	names    []string
	tensors  map[string]*torchTensor
	groups   [][]int64 // of the optimizer: the indices of its parameters
	lastKey  string    // the storage that was read last, for its neighbours
	last     []byte
}

// storages are the container of the numbers behind tensors.
type storages interface {
	// size is the number of bytes of a storage.
	size(key string) (int64, error)
	// read reads a storage into dst, which has its size.
	read(key string, dst []byte) error
	// bigEndian says in which order the bytes of a number lie.
	bigEndian() bool
}

// budget is the memory that the values of a pickle may take up in a file of
// the given size. The addend is for small files, where names and shapes weigh
// more than numbers.
func budget(size int64) int64 { return size + 4<<20 }

// OpenTorch reads and checks everything but the numbers. The caller closes the
// file.
func OpenTorch(path string) (*Torch, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	t, err := NewTorch(f, size, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	t.closer = f
	return t, nil
}

// NewTorch reads data of size bytes. The path only appears in errors.
func NewTorch(r io.ReaderAt, size int64, path string) (*Torch, error) {
	t := &Torch{path: path}
	var err error
	switch kind, sniffErr := sniff(r, size); {
	case sniffErr != nil:
		err = sniffErr
	case kind == kindZip:
		err = t.openZip(r, size)
	case kind == kindLegacy:
		err = t.openLegacy(r, size)
	default:
		err = errors.New("it is not one")
	}
	if err == nil {
		err = t.findState()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s as a file of torch.save: %w", path, err)
	}
	return t, nil
}

// Kinds of files.
const (
	kindUnknown = iota
	kindZip
	kindLegacy
	kindSafetensors
)

// legacyMagic is the integer that begins old files, as its pickle.
var legacyMagic = []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.")

var legacyNumber, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

// sniff tells the kind of a file by its first bytes.
func sniff(r io.ReaderAt, size int64) (int, error) {
	head := make([]byte, min(size, 512))
	if err := readAt(r, head, 0); err != nil {
		return kindUnknown, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return kindZip, nil
	case bytes.HasPrefix(head, legacyMagic):
		return kindLegacy, nil
	case len(head) > 8 && head[8] == '{':
		return kindSafetensors, nil
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return kindUnknown, errors.New("it is a tar file; if PyTorch before 0.1.10 made it, load it there and save it again with a newer torch.save")
	case len(head) > 1 && head[0] == 0x80 && head[1] <= 5:
		return kindUnknown, errors.New("it is a bare pickle; load it in Python and save its tensors with torch.save")
	}
	return kindUnknown, nil
}

// Close closes the file that OpenTorch opened.
func (t *Torch) Close() error {
	if t.closer == nil {
		return nil
	}
	return t.closer.Close()
}

// Names lists the network's tensors in the order of the state_dict.
func (t *Torch) Names() []string { return slices.Clone(t.names) }

// Metadata is empty: such files have none.
func (t *Torch) Metadata() map[string]string { return map[string]string{} }

// Info describes a tensor; ok is false when the file has none of that name.
func (t *Torch) Info(name string) (info Info, ok bool) {
	v, ok := t.tensors[name]
	if !ok {
		return Info{}, false
	}
	return Info{Name: name, DType: v.dtype, Shape: slices.Clone(v.shape), Size: v.size}, true
}

// Read reads one tensor into fresh memory, row-major and little-endian.
func (t *Torch) Read(name string) (Array, error) {
	v, ok := t.tensors[name]
	if !ok {
		return Array{}, fmt.Errorf("%s holds no tensor %q", t.path, clip(name))
	}
	data, err := t.gather(v)
	if err != nil {
		return Array{}, fmt.Errorf("cannot read tensor %q from %s: %w", clip(name), t.path, err)
	}
	return Array{Name: name, DType: v.dtype, Shape: slices.Clone(v.shape), Data: data}, nil
}

// Number is an integer at the top of the file, as the authors' "epoch".
func (t *Torch) Number(key string) (n int64, ok bool) {
	root, isDict := t.root.(*pickle.Dict)
	if !isDict {
		return 0, false
	}
	v, _ := root.Get(key)
	n, ok = v.(int64)
	return n, ok
}

// OptimizerGroups are the indices of the optimizer's parameters, group by
// group; none where the file has no optimizer.
func (t *Torch) OptimizerGroups() [][]int64 { return t.groups }

// Source is an open file of named tensors.
type Source interface {
	// Names lists the tensors in the order of the file.
	Names() []string
	// Info describes a tensor; ok is false when there is none of that name.
	Info(name string) (info Info, ok bool)
	// Read reads one tensor into fresh memory.
	Read(name string) (Array, error)
	// Metadata is empty where the format has none.
	Metadata() map[string]string
	Close() error
}

// OpenAny opens a safetensors file (checkpoints of ours are such files) or a
// file of torch.save, whichever it is by its contents. The caller closes it.
func OpenAny(path string) (Source, error) {
	f, size, err := openRegular(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("there is no file %s", path)
		}
		return nil, err
	}
	kind, err := sniff(f, size)
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	switch kind {
	case kindSafetensors:
		return Open(path)
	case kindZip, kindLegacy:
		return OpenTorch(path)
	}
	return nil, fmt.Errorf("%s is neither a safetensors file nor one of torch.save", path)
}
