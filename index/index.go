package index

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"

	"cone/index/internal/kernel"
)

// Index is an open file. Its methods may be called from several goroutines, but
// none after Close.
//
// The file is mapped into memory. Programs that replace it by renaming another
// one over it, as this package does, disturb nothing. One that cuts it short
// does: methods then return an error, and Vector, which has none to return,
// panics with one. Only a cut in the very milliseconds in which Search compares
// vectors ends the process with SIGBUS, for compiled loops cannot recover.
type Index struct {
	path     string
	file     *os.File
	data     []byte
	sections [sectionCount]section
	meta     Meta
	labels   []int32
	added    []byte

	graph struct {
		sync.Mutex
		*kernel.Graph // nil before the first approximate search
	}
}

// Open maps a file and checks what Entry and Search rely on. The sums of
// vectors, names and thumbnails are left to Verify: opening reads few bytes for
// each entry.
func Open(path string) (*Index, error) {
	// Asked before opening: a named pipe would block.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	x := &Index{path: path, file: f}
	if err := x.open(); err != nil {
		x.Close()
		return nil, fmt.Errorf("cannot read %s as an index: %w", path, err)
	}
	return x, nil
}

func (x *Index) open() error {
	info, err := x.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size < headerSize {
		return fmt.Errorf("it has only %d bytes", size)
	}
	if size != int64(int(size)) {
		return fmt.Errorf("its %d bytes are too many for this machine", size)
	}
	if x.data, err = unix.Mmap(int(x.file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("it cannot be mapped into memory: %w", err)
	}
	return x.guarded(x.parse)
}

// parse checks the file. Nothing in it is believed before.
func (x *Index) parse() error {
	var err error
	if x.sections, err = parseHeader(x.data, uint64(len(x.data))); err != nil {
		return err
	}
	for _, i := range []int{metaSection, labelSection, addedSection} {
		if err := x.checkSum(i); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(x.section(metaSection), &x.meta); err != nil {
		return fmt.Errorf("its description is no JSON of ours: %w", err)
	}
	if err := x.meta.check(); err != nil {
		return err
	}
	labels := x.section(labelSection)
	n := len(labels) / 4
	want := map[int]int{labelSection: 4 * n, addedSection: n, scaleSection: 4 * n, errorSection: 0, nameEndSection: 8 * n, thumbnailEndSection: 8 * n}
	if x.meta.sketched() {
		want[errorSection] = 4 * n
	}
	for i := range sectionCount {
		length, fixed := want[i]
		if got := len(x.section(i)); fixed && got != length {
			return fmt.Errorf("its %s have %d bytes, and %d entries need %d", sectionNames[i], got, n, length)
		}
	}
	rows := []struct{ section, n, stride int }{{vectorSection, n, x.meta.stride()}, {sketchSection, n, x.meta.sketchStride()}}
	if !x.meta.sketched() {
		rows[1].n = 0
	}
	for _, r := range rows {
		// A division, so that nothing overflows.
		if length := len(x.section(r.section)); length%r.stride != 0 || length/r.stride != r.n {
			return fmt.Errorf("its %s have %d bytes, and %d need %d each", sectionNames[r.section], length, r.n, r.stride)
		}
	}
	x.added = append([]byte(nil), x.section(addedSection)...)
	x.labels = make([]int32, n)
	for i := range x.labels {
		x.labels[i] = int32(binary.LittleEndian.Uint32(labels[4*i:]))
		if x.labels[i] < 0 || int(x.labels[i]) >= len(x.meta.Classes) {
			return fmt.Errorf("entry %d has the label %d, and there are %d classes", i, x.labels[i], len(x.meta.Classes))
		}
	}
	return nil
}

func (x *Index) section(i int) []byte {
	s := x.sections[i]
	return x.data[s.offset : s.offset+s.length : s.offset+s.length]
}

func (x *Index) checkSum(i int) error {
	if crc32.Checksum(x.section(i), castagnoli) != x.sections[i].sum {
		return fmt.Errorf("its %s are damaged", sectionNames[i])
	}
	return nil
}

var errCut = errors.New("the file was cut short while it was in use")

// guarded calls f, which reads the mapped file. A fault of the memory, there
// being no file behind it any more, becomes an error.
func (x *Index) guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
			err = errCut
		}
	}()
	return f()
}

// whole says whether the file has the length that was mapped.
func (x *Index) whole() error {
	if info, err := x.file.Stat(); err != nil || info.Size() < int64(len(x.data)) {
		return errCut
	}
	return nil
}

// Close unmaps the file.
func (x *Index) Close() error {
	x.graph.Lock()
	defer x.graph.Unlock()
	if x.graph.Graph != nil {
		x.graph.Free()
		x.graph.Graph = nil
	}
	var err error
	if x.data != nil {
		err = unix.Munmap(x.data)
		x.data = nil
	}
	return errors.Join(err, x.file.Close())
}

// Path is where the file was opened.
func (x *Index) Path() string { return x.path }

// Meta describes the file. The maps and slices in it are the index's own.
func (x *Index) Meta() Meta { return x.meta }

// Len is N.
func (x *Index) Len() int { return len(x.labels) }

// Label is the label of entry i.
func (x *Index) Label(i int) int32 { return x.labels[i] }

// Added says whether entry i came after training.
func (x *Index) Added(i int) bool { return x.added[i] != 0 }

// Entry reads entry i. Its bytes are copies.
func (x *Index) Entry(i int) (e Entry, err error) {
	if i < 0 || i >= x.Len() {
		return e, fmt.Errorf("%s has %d entries, and none of number %d", x.path, x.Len(), i)
	}
	err = x.guarded(func() error {
		name, err := x.piece(nameEndSection, nameSection, i)
		if err != nil {
			return err
		}
		thumbnail, err := x.piece(thumbnailEndSection, thumbnailSection, i)
		if err != nil {
			return err
		}
		e = Entry{Name: string(name), Label: x.labels[i], Added: x.Added(i), Thumbnail: append([]byte(nil), thumbnail...)}
		return nil
	})
	if err != nil {
		return Entry{}, fmt.Errorf("cannot read entry %d of %s: %w", i, x.path, err)
	}
	return e, nil
}

// piece is the part i of a section whose parts' ends another section has.
func (x *Index) piece(ends, of, i int) ([]byte, error) {
	var start uint64
	if i > 0 {
		start = binary.LittleEndian.Uint64(x.section(ends)[8*(i-1):])
	}
	end := binary.LittleEndian.Uint64(x.section(ends)[8*i:])
	all := x.section(of)
	if start > end || end > uint64(len(all)) {
		return nil, fmt.Errorf("its %s are damaged", sectionNames[ends])
	}
	return all[start:end], nil
}

// Vector is the vector of entry i, D values of length 1 but for what the
// precision rounds. It is in dst's memory when that suffices.
func (x *Index) Vector(i int, dst []float32) []float32 {
	if cap(dst) < x.meta.Dim {
		dst = make([]float32, x.meta.Dim)
	}
	dst = dst[:x.meta.Dim]
	err := x.guarded(func() error {
		x.decode(dst, i)
		return nil
	})
	if err != nil {
		panic(fmt.Errorf("cannot read vector %d of %s: %w", i, x.path, err))
	}
	return dst
}

// row is vector i as the file holds it.
func (x *Index) row(i int) []byte {
	stride := x.meta.stride()
	return x.section(vectorSection)[i*stride:][:stride]
}

func (x *Index) scale(i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(x.section(scaleSection)[4*i:]))
}

func (x *Index) decode(dst []float32, i int) {
	row := x.row(i)
	switch x.meta.Precision {
	case FP32:
		for d := range dst {
			dst[d] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*d:]))
		}
	case FP16:
		for d := range dst {
			dst[d] = ofHalf(binary.LittleEndian.Uint16(row[2*d:]))
		}
	case INT8:
		scale := x.scale(i)
		for d := range dst {
			dst[d] = scale * float32(int8(row[d]))
		}
	}
}

// Verify reads the whole file and compares every section with its sum.
func (x *Index) Verify() error {
	err := x.guarded(func() error {
		if err := x.whole(); err != nil {
			return err
		}
		for i := range x.sections {
			if err := x.checkSum(i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s cannot be used: %w; make it anew", x.path, err)
	}
	return nil
}
