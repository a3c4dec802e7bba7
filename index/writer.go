package index

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"

	"cone/weights"
)

// Writer makes a file. Nothing is at its path before Close.
type Writer struct {
	path   string
	meta   Meta
	labels []int32
	small  [sectionCount][]byte // the sections that fit in memory
	// Vectors, their sketches and thumbnails are too large for memory: they
	// wait in files without names.
	vectors, sketches, thumbnails *spool
	row, sketched                 []byte
	unit                          []float32
	err                           error // the first; nothing can follow it
}

// spool is a file without a name, to be written once and read once.
type spool struct {
	file   *os.File
	length uint64
	sum    uint32
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, ".cone-index-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return &spool{file: f}, nil
}

func (s *spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.length += uint64(n)
	s.sum = crc32.Update(s.sum, castagnoli, p[:n])
	return n, err
}

// Create begins a file that will replace any at path. Either Close or Abort
// must follow. Meta's Classes and Extra may still change until Close, through
// SetMeta.
func Create(path string, m Meta) (*Writer, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("cannot make the index %s: %w", path, err)
	}
	w := &Writer{path: path, meta: m}
	for _, s := range []**spool{&w.vectors, &w.sketches, &w.thumbnails} {
		var err error
		if *s, err = newSpool(filepath.Dir(path)); err != nil {
			w.Abort()
			return nil, fmt.Errorf("cannot make the index %s: %w", path, err)
		}
	}
	return w, nil
}

// SetMeta replaces what Create was given. Dim and Precision must stay.
func (w *Writer) SetMeta(m Meta) error {
	if m.Dim != w.meta.Dim || m.Precision != w.meta.Precision {
		return fmt.Errorf("the vectors of %s are %d × %s and cannot become %d × %s", w.path, w.meta.Dim, w.meta.Precision, m.Dim, m.Precision)
	}
	w.meta = m
	return nil
}

// Add adds entries and their vectors, N×D, which it brings to length 1; a zero
// vector stays one. Values must be finite.
func (w *Writer) Add(vectors []float32, entries []Entry) error {
	if len(vectors) != len(entries)*w.meta.Dim {
		return fmt.Errorf("%d entries of %d dimensions cannot have %d values", len(entries), w.meta.Dim, len(vectors))
	}
	unit := make([]float32, w.meta.Dim)
	for i, e := range entries {
		if err := normalise(unit, vectors[i*w.meta.Dim:][:w.meta.Dim]); err != nil {
			return fmt.Errorf("the vector of %s %w", e.Name, err)
		}
		var scale float32
		w.row, scale = encode(w.row[:0], unit, &w.meta)
		if err := w.add(w.row, scale, e); err != nil {
			return err
		}
	}
	return nil
}

// add adds an entry, its vector being encoded already.
func (w *Writer) add(row []byte, scale float32, e Entry) error {
	if w.err != nil {
		return w.err
	}
	if _, err := w.vectors.Write(row); err != nil {
		return w.fail(err)
	}
	if len(e.Thumbnail) > 0 {
		if _, err := w.thumbnails.Write(e.Thumbnail); err != nil {
			return w.fail(err)
		}
	}
	w.labels = append(w.labels, e.Label)
	added := byte(0)
	if e.Added {
		added = 1
	}
	s, order := &w.small, binary.LittleEndian
	if w.meta.sketched() {
		w.unit = w.unit[:0]
		for d := range w.meta.Dim {
			if w.meta.Precision == FP16 {
				w.unit = append(w.unit, ofHalf(order.Uint16(row[2*d:])))
			} else {
				w.unit = append(w.unit, math.Float32frombits(order.Uint32(row[4*d:])))
			}
		}
		var off float32
		w.sketched, scale, off = sketch(w.sketched[:0], w.unit, &w.meta)
		if _, err := w.sketches.Write(w.sketched); err != nil {
			return w.fail(err)
		}
		s[errorSection] = order.AppendUint32(s[errorSection], math.Float32bits(off))
	}
	s[addedSection] = append(s[addedSection], added)
	s[scaleSection] = order.AppendUint32(s[scaleSection], math.Float32bits(scale))
	s[nameSection] = append(s[nameSection], e.Name...)
	s[nameEndSection] = order.AppendUint64(s[nameEndSection], uint64(len(s[nameSection])))
	s[thumbnailEndSection] = order.AppendUint64(s[thumbnailEndSection], w.thumbnails.length)
	return nil
}

func (w *Writer) fail(err error) error {
	w.err = fmt.Errorf("cannot write the index %s: %w", w.path, err)
	return w.err
}

// Len is the number of entries so far.
func (w *Writer) Len() int { return len(w.labels) }

// Abort leaves what is at the path as it was. After Close it does nothing.
func (w *Writer) Abort() {
	for _, s := range []*spool{w.vectors, w.sketches, w.thumbnails} {
		if s != nil {
			s.file.Close()
		}
	}
	w.vectors, w.sketches, w.thumbnails = nil, nil, nil
	w.err = errors.New("the index is closed")
}

// Close writes the file and puts it at its path, whole or not at all.
func (w *Writer) Close() error {
	defer w.Abort()
	if w.err != nil {
		return w.err
	}
	for i, label := range w.labels {
		if label < 0 || int(label) >= len(w.meta.Classes) {
			return fmt.Errorf("cannot make the index %s: entry %d has the label %d, and there are %d classes", w.path, i, label, len(w.meta.Classes))
		}
		w.small[labelSection] = binary.LittleEndian.AppendUint32(w.small[labelSection], uint32(label))
	}
	text, err := json.Marshal(w.meta)
	if err != nil {
		return w.fail(err)
	}
	w.small[metaSection] = text

	var sections [sectionCount]section
	for i := range sections {
		b := w.small[i]
		sections[i] = section{length: uint64(len(b)), sum: crc32.Checksum(b, castagnoli)}
	}
	spools := map[int]*spool{vectorSection: w.vectors, sketchSection: w.sketches, thumbnailSection: w.thumbnails}
	for i, s := range spools {
		sections[i] = section{length: s.length, sum: s.sum}
	}
	layOut(&sections)
	return weights.WriteFileAtomic(w.path, func(out io.Writer) error {
		at, err := out.Write(encodeHeader(&sections))
		if err != nil {
			return err
		}
		end := uint64(at)
		for i, s := range sections {
			if _, err := out.Write(make([]byte, s.offset-end)); err != nil {
				return err
			}
			var from io.Reader = bytes.NewReader(w.small[i])
			if p, ok := spools[i]; ok {
				if _, err := p.file.Seek(0, io.SeekStart); err != nil {
					return err
				}
				from = p.file
			}
			if _, err := io.Copy(out, from); err != nil {
				return err
			}
			end = s.offset + s.length
		}
		return nil
	})
}

// normalise writes v at length 1 to unit.
func normalise(unit, v []float32) error {
	var squares float64
	for _, x := range v {
		squares += float64(x) * float64(x)
	}
	// Squares of float32 neither overflow nor vanish in float64.
	if math.IsNaN(squares) || math.IsInf(squares, 0) {
		return errors.New("holds values that are not finite")
	}
	length := math.Sqrt(squares)
	if length == 0 {
		clear(unit)
		return nil
	}
	for i, x := range v {
		unit[i] = float32(float64(x) / length)
	}
	return nil
}

// encode appends a vector as the file holds it, a stride long.
func encode(row []byte, unit []float32, m *Meta) (encoded []byte, scale float32) {
	start := len(row)
	switch m.Precision {
	case FP32:
		for _, x := range unit {
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(x))
		}
	case FP16:
		for _, x := range unit {
			row = binary.LittleEndian.AppendUint16(row, halfOf(x))
		}
	case INT8:
		row, scale = quantize(row, unit)
	}
	return append(row, make([]byte, start+m.stride()-len(row))...), scale
}
