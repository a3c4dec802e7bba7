package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"cone/picture"
)

// Paths is a collection of picture files without classes: every label is 0.
// Nothing is looked at before it is read.
func Paths(paths []string) Source {
	s := &pathSource{fileSource{labels: make([]int32, len(paths))}}
	for _, p := range paths {
		s.files.add(p)
	}
	return s
}

type pathSource struct{ fileSource }

func (s *pathSource) Name(i int) string { return s.files.get(i) }

func (s *pathSource) Read(i int, buffer *[]byte) ([]byte, error) {
	content, err := readPicture(s.Name(i), buffer)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", s.Name(i))
	}
	return content, err
}

// Encoded is a collection of the one picture that an encoded file in memory
// holds, without classes.
func Encoded(name string, content []byte) Source { return &encodedSource{name, content} }

type encodedSource struct {
	name    string
	content []byte
}

func (s *encodedSource) Len() int                          { return 1 }
func (s *encodedSource) Classes() []string                 { return nil }
func (s *encodedSource) Label(int) int                     { return 0 }
func (s *encodedSource) Name(int) string                   { return s.name }
func (s *encodedSource) Size() picture.Size                { return picture.Size{} }
func (s *encodedSource) Read(int, *[]byte) ([]byte, error) { return s.content, nil }
func (s *encodedSource) Close() error                      { return nil }

// EachPicture visits the pictures in a folder and below it, each folder's
// entries by name, as they are found. Hidden ones are left out and links
// followed.
func EachPicture(dir string, visit func(path string) error) error {
	return eachPicture(dir, nil, visit)
}

func eachPicture(dir string, above []fs.FileInfo, visit func(path string) error) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		return fmt.Errorf("%s is a link to a folder above it; remove it", dir)
	}
	above = append(above, info)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.Name()[0] == '.':
		case isFolder(dir, e):
			err = eachPicture(path, above, visit)
		case isPicture(e.Name()):
			err = visit(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
