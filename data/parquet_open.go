package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"cone/data/internal/parquet"
)

// parquetPart is a source while it is being opened.
type parquetPart struct {
	*parquetSource
	declared []string         // class names that the files declare
	texts    map[string]int32 // labels that are names; nil for numbers
}

// readParquet opens files and reads all labels.
func readParquet(paths []string) (part *parquetPart, err error) {
	part = &parquetPart{parquetSource: &parquetSource{pages: parquet.NewCache(parquetCacheBytes)}}
	defer func() {
		if err != nil {
			err = errors.Join(err, part.Close())
			part = nil
		}
	}()
	for _, path := range paths {
		if err := part.open(path); err != nil {
			return part, err
		}
	}
	if part.Len() == 0 {
		return part, fmt.Errorf("%s holds no rows; name other files in data.train", strings.Join(paths, ", "))
	}
	return part, nil
}

// open adds the file at path. Every error names it.
func (p *parquetPart) open(path string) error {
	file, info, err := openRegular(path, "put the Parquet file in its place")
	if err != nil {
		return err
	}
	first := p.Len()
	f := &parquetFile{path: path, file: file}
	if err := p.add(f, info.Size()); err != nil {
		return errors.Join(fmt.Errorf("%s %w", path, err), file.Close())
	}
	if p.Len() == first {
		return file.Close()
	}
	p.files, p.first = append(p.files, f), append(p.first, first)
	return nil
}

// add reads a file's metadata and labels. Errors are phrased to follow its name.
func (p *parquetPart) add(f *parquetFile, size int64) error {
	content, err := parquet.Open(f.file, size)
	if err != nil {
		return err
	}
	image, names, label, err := chooseColumns(content)
	if err != nil {
		return err
	}
	if err := p.declare(content); err != nil {
		return err
	}
	texts := label.Kind() != parquet.Numbers
	switch {
	case texts && p.texts == nil && len(p.labels) > 0, !texts && p.texts != nil:
		return fmt.Errorf("has %s in the column %s, unlike the files before it; convert it", label.Type(), label.Path)
	case texts && p.texts == nil:
		p.texts = map[string]int32{}
	case content.Rows() > math.MaxInt32-p.Len():
		return fmt.Errorf("makes the rows more than the %d that a collection can have; name fewer files", math.MaxInt32)
	}
	if f.pictures, err = content.Reader(image, p.pages); err != nil {
		return err
	}
	if names != nil {
		if f.names, err = content.Reader(names, p.pages); err != nil {
			return err
		}
	}
	for _, row := range content.Groups() {
		p.shards = append(p.shards, p.Len()+row)
	}
	return p.readLabels(content, label)
}

// imageColumns and labelColumns are the names under which pictures and labels
// are looked for, in order.
var (
	imageColumns = []string{"image", "img"}
	labelColumns = []string{"label", "labels", "fine_label"}
)

// chooseColumns finds the columns with the pictures, with the names of files
// that hold them (nil without), and with the labels. Errors are phrased to
// follow the file's name.
func chooseColumns(f *parquet.File) (image, names, label *parquet.Column, err error) {
	for _, name := range imageColumns {
		if image = f.Column(name + ".bytes"); image != nil {
			names = f.Column(name + ".path")
			break
		}
		if image = f.Column(name); image != nil {
			break
		}
	}
	if image == nil {
		return nil, nil, nil, fmt.Errorf("has no column image of encoded pictures (struct{bytes, path} or binary) but only %s; rename or add it", listColumns(f))
	}
	if image.Kind() != parquet.Bytes {
		return nil, nil, nil, fmt.Errorf("has %s in the column %s where encoded pictures (binary) are needed; convert it", image.Type(), image.Path)
	}
	if names != nil && names.Kind() != parquet.Texts && names.Kind() != parquet.Bytes {
		names = nil
	}
	for _, name := range labelColumns {
		if label = f.Column(name); label != nil {
			break
		}
	}
	if label == nil {
		return nil, nil, nil, fmt.Errorf("has no column %s but only %s; rename or add it", strings.Join(labelColumns, " or "), listColumns(f))
	}
	if !slices.Contains([]parquet.Kind{parquet.Numbers, parquet.Texts, parquet.Bytes}, label.Kind()) {
		return nil, nil, nil, fmt.Errorf("has %s in the column %s where one integer or class name per row is needed; convert it", label.Type(), label.Path)
	}
	return image, names, label, nil
}

// listColumns lists what a file has, for people.
func listColumns(f *parquet.File) string {
	const shown = 20
	var names []string
	for i, c := range f.Columns() {
		if i == shown {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%.60s", c.Path))
	}
	return strings.Join(names, ", ")
}
