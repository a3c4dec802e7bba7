package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync"

	"cone/weights"
)

// maxRecord bounds a line of a metrics file, so that a damaged file cannot
// fill the memory.
const maxRecord = 16 << 20

// Metrics appends records to a JSON-lines file, by custom metrics.jsonl. It may
// be used from several goroutines.
type Metrics struct {
	mu   sync.Mutex
	path string
	file *os.File
	size int64
}

// OpenMetrics opens the file at path, or creates it. A last line that a
// killed process left half-written is removed.
func OpenMetrics(path string) (*Metrics, error) {
	m := &Metrics{path: path}
	if err := m.open(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Metrics) open() error {
	f, err := os.OpenFile(m.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return fmt.Errorf("cannot open the metrics file: %w", err)
	}
	size, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("cannot open the metrics file %s: %w", m.path, err)
	}
	m.file, m.size = f, size
	return nil
}

// wholeLines is the length of the file up to its last newline.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	block := make([]byte, 64<<10)
	for end := info.Size(); end > 0; {
		start := max(0, end-int64(len(block)))
		part := block[:end-start]
		if _, err := f.ReadAt(part, start); err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

// Write appends one record, a struct or a map with string keys, and hands it
// to the operating system at once. NaN and infinities in maps and slices
// become null; struct fields that may be so should be of type Float. Records
// that carry an integer "step" take part in Keep.
func (m *Metrics) Write(record any) error {
	line, err := json.Marshal(record)
	var unsupported *json.UnsupportedValueError
	if errors.As(err, &unsupported) && unsupported.Value.CanFloat() {
		line, err = json.Marshal(finite(reflect.ValueOf(record)))
	}
	if err != nil {
		return fmt.Errorf("cannot write a record to %s: %w", m.path, err)
	}
	line = append(line, '\n')

	m.mu.Lock()
	defer m.mu.Unlock()
	if len(line) > maxRecord {
		return fmt.Errorf("cannot write a record of %d bytes to %s: at most %d are allowed", len(line), m.path, maxRecord)
	}
	if _, err := m.file.Write(line); err != nil {
		// Half a line would spoil the next record.
		return errors.Join(fmt.Errorf("cannot write to the metrics file: %w", err), m.file.Truncate(m.size))
	}
	m.size += int64(len(line))
	return nil
}

// finite copies maps, slices and pointers with non-finite numbers as nil.
func finite(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return Float(v.Float())
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return finite(v.Elem())
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			break
		}
		copied := make(map[string]any, v.Len())
		for pairs := v.MapRange(); pairs.Next(); {
			copied[pairs.Key().String()] = finite(pairs.Value())
		}
		return copied
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			break // bytes, which encoding/json writes as base64
		}
		copied := make([]any, v.Len())
		for i := range copied {
			copied[i] = finite(v.Index(i))
		}
		return copied
	case reflect.Invalid:
		return nil
	}
	return v.Interface()
}

// Keep drops the records that keep refuses, so that the file of a run resumed
// from a checkpoint reads like the file of an uninterrupted one. Records
// without a "step" stay.
func (m *Metrics) Keep(keep func(kind string, step int64) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := weights.WriteFileAtomic(m.path, func(w io.Writer) error {
		return eachLine(m.path, func(line []byte) error {
			var record struct {
				Kind string `json:"kind"`
				Step *int64 `json:"step"`
			}
			if err := json.Unmarshal(line, &record); err != nil {
				return err
			}
			if record.Step != nil && !keep(record.Kind, *record.Step) {
				return nil
			}
			_, err := w.Write(append(line, '\n'))
			return err
		})
	})
	if err != nil {
		return err
	}
	old := m.file // of the file that was replaced
	if err := m.open(); err != nil {
		return err
	}
	return old.Close()
}

// Sync waits until all records are on disk.
func (m *Metrics) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.file.Sync()
}

// Close closes the file.
func (m *Metrics) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.file.Close()
}

// ReadMetrics reads every record of a metrics file into a T. A half-written
// last line is left out.
func ReadMetrics[T any](path string) ([]T, error) {
	var records []T
	err := eachLine(path, func(line []byte) error {
		var record T
		if err := json.Unmarshal(line, &record); err != nil {
			return err
		}
		records = append(records, record)
		return nil
	})
	return records, err
}

// eachLine calls visit for each line that ends with a newline, without it.
func eachLine(path string, visit func(line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read the metrics file: %w", err)
	}
	defer f.Close()
	size, err := wholeLines(f)
	if err != nil {
		return fmt.Errorf("cannot read the metrics file %s: %w", path, err)
	}
	lines := bufio.NewScanner(io.NewSectionReader(f, 0, size))
	lines.Buffer(nil, maxRecord)
	number := 0
	for lines.Scan() {
		number++
		if err := visit(lines.Bytes()); err != nil {
			return fmt.Errorf("line %d of %s is not a metrics record: %w", number, path, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("cannot read line %d of %s: %w", number+1, path, err)
	}
	return nil
}
