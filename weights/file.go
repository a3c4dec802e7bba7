package weights

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// File is an open safetensors file. Its methods may be called from several
// goroutines.
type File struct {
	path      string
	r         io.ReaderAt
	closer    io.Closer
	tensors   []Info
	index     map[string]int
	metadata  map[string]string
	dataStart int64
}

// Open reads and checks the header of a safetensors file. Tensor data is read
// only on demand. The caller closes the file.
func Open(path string) (*File, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	file, err := NewFile(f, size, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	file.closer = f
	return file, nil
}

func openRegular(path string) (f *os.File, size int64, err error) {
	// Asked before opening: a named pipe would block.
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// NewFile reads and checks the header of safetensors data of size bytes. The
// path only appears in errors.
func NewFile(r io.ReaderAt, size int64, path string) (*File, error) {
	header, err := readHeader(r, size)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s as safetensors: %w", path, err)
	}
	dataStart := 8 + int64(len(header))
	tensors, metadata, err := parseHeader(header, size-dataStart)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s as safetensors: %w", path, err)
	}
	index := make(map[string]int, len(tensors))
	for i, t := range tensors {
		index[t.Name] = i
	}
	return &File{path: path, r: r, tensors: tensors, index: index, metadata: metadata, dataStart: dataStart}, nil
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names lists the tensors in the order of their data in the file.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.Name
	}
	return names
}

// Metadata returns a copy of the file's metadata, empty when there is none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Info describes a tensor; ok is false when the file has none of that name.
func (f *File) Info(name string) (info Info, ok bool) {
	i, ok := f.index[name]
	if !ok {
		return Info{}, false
	}
	info = f.tensors[i]
	info.Shape = slices.Clone(info.Shape)
	return info, true
}

// Read reads one tensor into fresh memory.
func (f *File) Read(name string) (Array, error) {
	info, ok := f.Info(name)
	if !ok {
		return Array{}, f.missing(name)
	}
	a := Array{Name: name, DType: info.DType, Shape: info.Shape, Data: make([]byte, info.Size)}
	return a, f.ReadInto(name, a.Data)
}

// ReadInto reads one tensor into dst, which must have exactly its size in bytes.
func (f *File) ReadInto(name string, dst []byte) error {
	i, ok := f.index[name]
	if !ok {
		return f.missing(name)
	}
	t := f.tensors[i]
	if int64(len(dst)) != t.Size {
		return fmt.Errorf("tensor %q in %s has %d bytes, but the buffer for it has %d", clip(name), f.path, t.Size, len(dst))
	}
	if err := readAt(f.r, dst, f.dataStart+t.offset); err != nil {
		return fmt.Errorf("cannot read tensor %q from %s: %w", clip(name), f.path, err)
	}
	return nil
}

func (f *File) missing(name string) error {
	return fmt.Errorf("%s holds no tensor %q", f.path, clip(name))
}
