package data

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"cone/picture"
)

// fileSource is a collection of picture files.
type fileSource struct {
	root    string // the files' names are relative to it
	classes []string
	files   names
	labels  []int32
}

func (f *fileSource) Len() int           { return len(f.labels) }
func (f *fileSource) Classes() []string  { return f.classes }
func (f *fileSource) Label(i int) int    { return int(f.labels[i]) }
func (f *fileSource) Size() picture.Size { return picture.Size{} }
func (f *fileSource) Close() error       { return nil }

func (f *fileSource) Name(i int) string {
	name := f.files.get(i)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.root, name)
}

func (f *fileSource) Read(i int, buffer *[]byte) ([]byte, error) {
	return readPicture(f.Name(i), buffer)
}

func (f *fileSource) add(name string, label int) {
	f.files.add(name)
	f.labels = append(f.labels, int32(label))
}

func (f *fileSource) clip() {
	f.files.clip()
	f.labels = slices.Clip(slices.Clone(f.labels))
}

// openRegular opens the file at path, and says what it is. The remedy is for
// what is no regular file, and not even opened: to open a named pipe is to wait
// for a writer. Every error names the path.
func openRegular(path, remedy string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file; %s", path, remedy)
	}
	file, err := os.Open(path)
	return file, info, err
}

// readPicture reads a file into buffer. Every error names the file.
func readPicture(path string, buffer *[]byte) ([]byte, error) {
	file, info, err := openRegular(path, "put a picture in its place")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > maxPictureBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d of any picture that is read", path, info.Size(), maxPictureBytes)
	}
	*buffer = slices.Grow((*buffer)[:0], int(info.Size()))[:info.Size()]
	switch _, err := io.ReadFull(file, *buffer); {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s became shorter while it was read", path)
	case err != nil:
		return nil, err
	}
	return *buffer, nil
}
