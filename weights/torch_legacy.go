package weights

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"

	"cone/weights/pickle"
)

// legacyVersion is the only protocol of torch.save before 1.6.
const legacyVersion = 1001

// torchLegacy is the container of PyTorch before 1.6: five pickles (a magic
// number, the version, the machine, the values, the keys of the storages), then
// each storage as its number of elements (int64) and its bytes.
type torchLegacy struct {
	r      io.ReaderAt
	places map[string][2]int64 // first byte, size
	big    bool
}

// countingReader knows how many bytes were taken.
type countingReader struct {
	*bufio.Reader
	taken int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.taken += int64(n)
	return n, err
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.Reader.ReadByte()
	if err == nil {
		c.taken++
	}
	return b, err
}

func (t *Torch) openLegacy(r io.ReaderAt, size int64) error {
	in := &countingReader{Reader: bufio.NewReader(io.NewSectionReader(r, 0, size))}
	loader := newTorchLoader(nil)
	next := func() (any, error) { return pickle.Decode(in, budget(size), loader.hooks()) }
	magic, err := next()
	if err != nil {
		return err
	}
	if n, ok := magic.(*big.Int); !ok || n.Cmp(legacyNumber) != 0 {
		return errors.New("it has a wrong magic number")
	}
	version, err := next()
	if err != nil {
		return err
	}
	if version != int64(legacyVersion) {
		return fmt.Errorf("its version is not %d", legacyVersion)
	}
	machine, err := next()
	if err != nil {
		return err
	}
	l := &torchLegacy{r: r, places: map[string][2]int64{}}
	if d, ok := machine.(*pickle.Dict); ok {
		little, _ := d.Get("little_endian")
		l.big = little == false
	}
	if t.root, err = next(); err != nil {
		return err
	}
	keys, err := next()
	if err != nil {
		return err
	}
	t.storages = l
	return l.locate(keys, loader.storages, in.taken, size)
}

// locate finds the storages, which begin at the byte at.
func (l *torchLegacy) locate(keys any, known map[string]*torchStorage, at, size int64) error {
	list, ok := keys.(*pickle.List)
	if !ok {
		return errors.New("it has no list of storages")
	}
	for _, k := range list.Items {
		key, _ := k.(string)
		storage := known[key]
		if storage == nil {
			return fmt.Errorf("storage %q has no tensor", clip(key))
		}
		if _, twice := l.places[key]; twice {
			return fmt.Errorf("it holds storage %q twice", clip(key))
		}
		var count [8]byte
		if at > size-int64(len(count)) {
			return cutOffStorage(key)
		}
		if err := readAt(l.r, count[:], at); err != nil {
			return err
		}
		order := binary.ByteOrder(binary.LittleEndian)
		if l.big {
			order = binary.BigEndian
		}
		if n := order.Uint64(count[:]); n != uint64(storage.elements) {
			return fmt.Errorf("storage %q has %d elements, but the file says that it has %d", clip(key), n, storage.elements)
		}
		at += int64(len(count))
		if storage.bytes > size-at {
			return cutOffStorage(key)
		}
		l.places[key] = [2]int64{at, storage.bytes}
		at += storage.bytes
	}
	for key := range known {
		if _, ok := l.places[key]; !ok {
			return fmt.Errorf("storage %q is missing", clip(key))
		}
	}
	return nil
}

func cutOffStorage(key string) error {
	return fmt.Errorf("storage %q reaches beyond its end; the file may be cut off", clip(key))
}

func (l *torchLegacy) bigEndian() bool { return l.big }

func (l *torchLegacy) size(key string) (int64, error) { return l.places[key][1], nil }

func (l *torchLegacy) read(key string, dst []byte) error {
	return readAt(l.r, dst, l.places[key][0])
}
