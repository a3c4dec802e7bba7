package weights

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"cone/weights/pickle"
)

// torchTensor is a view of a storage.
type torchTensor struct {
	dtype   DType
	shape   []int64
	strides []int64 // in elements
	offset  int64   // in elements
	size    int64   // bytes of all elements, row-major
	storage *torchStorage
}

// torchStorage is a run of numbers that tensors may share.
type torchStorage struct {
	key      string
	dtype    DType
	elements int64
	bytes    int64
}

// maxRank is torch's own bound on dimensions.
const maxRank = 64

// torchLoader reads the pickle of a file.
type torchLoader struct {
	storageClass map[*pickle.Class]DType
	elementClass map[*pickle.Class]DType
	storages     map[string]*torchStorage
	// size is the number of bytes of a storage where it is known by now, else
	// nil (old files have the storages after the pickle).
	size func(key string) (int64, error)
}

func newTorchLoader(size func(string) (int64, error)) *torchLoader {
	return &torchLoader{
		storageClass: map[*pickle.Class]DType{}, elementClass: map[*pickle.Class]DType{},
		storages: map[string]*torchStorage{}, size: size,
	}
}

func (l *torchLoader) hooks() pickle.Hooks {
	return pickle.Hooks{Find: l.findClass, Persistent: l.persistent}
}

// persistent finds a storage by ("storage", class, key, device, elements) and,
// in old files, None for a view.
func (l *torchLoader) persistent(id any) (any, error) {
	t, ok := id.(pickle.Tuple)
	if !ok || len(t) < 5 || t[0] != "storage" {
		return nil, errors.New("it refers to something else than a storage")
	}
	class, ok := t[1].(*pickle.Class)
	if !ok {
		return nil, errors.New("it refers to a storage without a type")
	}
	dtype, ok := l.storageClass[class]
	key, ok2 := t[2].(string)
	elements, ok3 := t[4].(int64)
	if !ok || !ok2 || !ok3 || elements < 0 {
		return nil, errors.New("it refers to a storage without a type, key or size")
	}
	if len(t) > 5 && t[5] != nil {
		return nil, fmt.Errorf("storage %q is a view of another one, as only PyTorch before 0.4 wrote them: load the file there and save it again", clip(key))
	}
	size, err := byteSize(dtype, []int64{elements})
	if err != nil {
		return nil, fmt.Errorf("storage %q has %w", clip(key), err)
	}
	if l.size != nil {
		there, err := l.size(key)
		if err != nil {
			return nil, err
		}
		if there != size {
			return nil, fmt.Errorf("storage %q has %d bytes, but the file says that it has %d", clip(key), there, size)
		}
	}
	known, ok := l.storages[key]
	if !ok {
		known = &torchStorage{key: key, dtype: dtype, elements: elements, bytes: size}
		l.storages[key] = known
	}
	if known.bytes != size || known.dtype != dtype {
		return nil, fmt.Errorf("storage %q has two types or sizes", clip(key))
	}
	return known, nil
}

// rebuild makes a tensor of (storage, offset, shape, strides, …); version 3
// names the type of its elements as the seventh argument.
func (l *torchLoader) rebuild(function string, a pickle.Tuple) (*torchTensor, error) {
	if len(a) < 4 {
		return nil, fmt.Errorf("it makes a tensor of %d arguments", len(a))
	}
	storage, ok := a[0].(*torchStorage)
	offset, ok2 := a[1].(int64)
	shape, ok3 := integers(a[2])
	strides, ok4 := integers(a[3])
	if !ok || !ok2 || !ok3 || !ok4 {
		return nil, errors.New("it makes a tensor without a storage, offset, shape or strides")
	}
	t := &torchTensor{dtype: storage.dtype, shape: shape, strides: strides, offset: offset, storage: storage}
	if function == "_rebuild_tensor_v3" {
		if len(a) < 7 {
			return nil, errors.New("it makes a tensor without a type")
		}
		class, _ := a[6].(*pickle.Class)
		if t.dtype, ok = l.elementClass[class]; !ok {
			return nil, errors.New("it makes a tensor of an unknown type")
		}
	}
	return t, t.check()
}

func integers(v any) ([]int64, bool) {
	t, ok := v.(pickle.Tuple)
	if !ok || len(t) > maxRank {
		return nil, false
	}
	out := make([]int64, len(t))
	for i, e := range t {
		if out[i], ok = e.(int64); !ok {
			return nil, false
		}
	}
	return out, true
}

// check makes sure that every element lies inside the storage, and that the
// tensor is no larger than it.
func (t *torchTensor) check() (err error) {
	if len(t.shape) != len(t.strides) {
		return fmt.Errorf("it makes a tensor of %d dimensions with %d strides", len(t.shape), len(t.strides))
	}
	if t.size, err = byteSize(t.dtype, t.shape); err != nil {
		return fmt.Errorf("it makes a tensor of %w", err)
	}
	outside := fmt.Errorf("it makes a tensor of shape %v that reaches outside its storage %q of %d bytes", t.shape, clip(t.storage.key), t.storage.bytes)
	if t.offset < 0 {
		return outside
	}
	if t.size == 0 {
		return nil
	}
	last := t.offset
	for i, n := range t.shape {
		if t.strides[i] < 0 || n > 1 && t.strides[i] > (math.MaxInt64-last)/(n-1) {
			return outside
		}
		last += t.strides[i] * (n - 1)
	}
	if last >= t.storage.bytes/t.dtype.Size() {
		return outside
	}
	if t.size > t.storage.bytes {
		return fmt.Errorf("it makes a tensor of shape %v that repeats the elements of storage %q: call .contiguous() before torch.save", t.shape, clip(t.storage.key))
	}
	return nil
}

// contiguous says whether the elements lie row-major without gaps.
func (t *torchTensor) contiguous() bool {
	want := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] > 1 && t.strides[i] != want {
			return false
		}
		want *= t.shape[i]
	}
	return true
}

// gather reads a tensor's elements. The storage is read as a whole, so that a
// checksum over it can be checked, and kept for the next tensor in it.
func (t *Torch) gather(v *torchTensor) ([]byte, error) {
	if v.size == 0 {
		return []byte{}, nil
	}
	if t.lastKey != v.storage.key || t.last == nil {
		t.lastKey, t.last = v.storage.key, nil
		raw := make([]byte, v.storage.bytes)
		if err := t.storages.read(v.storage.key, raw); err != nil {
			return nil, err
		}
		t.last = raw
	}
	width := v.dtype.Size()
	var out []byte
	switch {
	case v.contiguous() && v.size == v.storage.bytes:
		out, t.last = t.last, nil // most storages have one tensor
	case v.contiguous():
		out = slices.Clone(t.last[v.offset*width:][:v.size])
	default:
		out = make([]byte, 0, v.size)
		out = v.walk(out, t.last, 0, v.offset, width)
	}
	if t.storages.bigEndian() {
		swap(out, v.dtype)
	}
	return out, nil
}

// walk appends the elements below one index of a dimension, row-major.
func (t *torchTensor) walk(out, raw []byte, dim int, at, width int64) []byte {
	if dim == len(t.shape) {
		return append(out, raw[at*width:][:width]...)
	}
	for i := range t.shape[dim] {
		out = t.walk(out, raw, dim+1, at+i*t.strides[dim], width)
	}
	return out
}

// swap turns the bytes of every number around.
func swap(b []byte, d DType) {
	width := int(d.Size())
	if d == C64 {
		width = 4
	}
	if width == 1 {
		return
	}
	for i := 0; i < len(b); i += width {
		slices.Reverse(b[i : i+width])
	}
}
