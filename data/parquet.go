package data

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"cone/data/internal/parquet"
	"cone/picture"
	"cone/recipe"
)

// parquetSource is a collection in Parquet files as the Hugging Face hub has
// them (https://huggingface.co/docs/hub/datasets-image): a column image,
// struct{bytes, path} or binary, and a label.
type parquetSource struct {
	classes []string
	labels  []int32
	files   []*parquetFile
	first   []int // index of each file's first row
	shards  []int // index of each row group's first row
	pages   *parquet.Cache
}

// parquetFile is an open file that has rows.
type parquetFile struct {
	path     string
	file     *os.File
	pictures *parquet.Reader
	names    *parquet.Reader // of files with the pictures; nil without the column
}

// parquetCacheBytes bounds the unpacked pages that a source keeps.
const parquetCacheBytes = 256 << 20

// openParquet opens the files that the settings name: by the patterns Train
// and Test, or train-*.parquet and validation-*.parquet (val, valid, test), in
// the folder or its subfolder data. Without test files the test part is nil.
//
// Labels are integers, with the class names that the files' metadata declares
// or else numbers, or texts, which are the names of the classes, sorted.
func openParquet(d recipe.Data) (train, test Source, err error) {
	trainFiles, testFiles, err := parquetParts(d)
	if err != nil {
		return nil, nil, err
	}
	first, err := readParquet(trainFiles)
	if err != nil {
		return nil, nil, err
	}
	names, err := first.names()
	if err != nil {
		return nil, nil, errors.Join(err, first.Close())
	}
	if err := first.nameClasses(names); err != nil {
		return nil, nil, errors.Join(err, first.Close())
	}
	if len(testFiles) == 0 {
		return first.parquetSource, nil, nil
	}
	second, err := readParquet(testFiles)
	if err == nil {
		if err = second.agree(first); err == nil {
			err = second.nameClasses(names)
		}
		if err != nil {
			err = errors.Join(err, second.Close())
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, first.Close())
	}
	return first.parquetSource, second.parquetSource, nil
}

// hubTestNames are testNames in the hub's preference: its test parts may have
// no labels.
var hubTestNames = []string{"validation", "val", "valid", "test"}

// parquetParts finds the files of both parts.
func parquetParts(d recipe.Data) (train, test []string, err error) {
	info, err := os.Stat(d.Path)
	if err != nil || !info.IsDir() {
		// The path itself is a file or a pattern.
		if train, err = matchFiles("", d.Path); err == nil && d.Test != "" {
			if test, err = matchFiles(filepath.Dir(train[0]), d.Test); err == nil {
				err = overlap(train, test)
			}
		}
		return train, test, err
	}
	var missing error
	for _, dir := range []string{d.Path, filepath.Join(d.Path, "data")} {
		train, test, err = folderParts(dir, d, ".parquet", hubTestNames)
		if err == nil && len(train) > 0 {
			return train, test, nil
		}
		if missing == nil {
			missing = err
		}
	}
	if missing != nil {
		return nil, nil, missing
	}
	return nil, nil, fmt.Errorf("%s holds no Parquet files to train on, such as train-00000-of-00001.parquet; name them in data.train", d.Path)
}

func (p *parquetSource) Len() int           { return len(p.labels) }
func (p *parquetSource) Classes() []string  { return p.classes }
func (p *parquetSource) Label(i int) int    { return int(p.labels[i]) }
func (p *parquetSource) Size() picture.Size { return picture.Size{} }
func (p *parquetSource) Shards() []int      { return p.shards }

// Name is the picture's file and row, counted from 0.
func (p *parquetSource) Name(i int) string {
	file, row := p.locate(i)
	return fmt.Sprintf("%s: row %d", file.path, row)
}

// Close closes the files.
func (p *parquetSource) Close() error {
	var all []error
	for _, f := range p.files {
		all = append(all, f.file.Close())
	}
	p.files = nil
	return errors.Join(all...)
}

// locate finds the file of image i, and the row in it.
func (p *parquetSource) locate(i int) (file *parquetFile, row int) {
	at, exact := slices.BinarySearch(p.first, i)
	if !exact {
		at--
	}
	return p.files[at], i - p.first[at]
}

func (p *parquetSource) Read(i int, buffer *[]byte) ([]byte, error) {
	file, row := p.locate(i)
	content, err := file.read(row, buffer)
	if err != nil {
		return nil, fmt.Errorf("%s %w", p.Name(i), err)
	}
	return content, nil
}

// read returns the bytes in a row, or, where there are none, those of the file
// that the row names. Errors are phrased to follow the row's name.
func (f *parquetFile) read(row int, buffer *[]byte) ([]byte, error) {
	content, ok, err := f.pictures.Text(row)
	if err != nil || ok {
		return content, err
	}
	if f.names != nil {
		name, ok, err := f.names.Text(row)
		if err != nil {
			return nil, err
		}
		if path := string(name); ok && path != "" {
			// A file is to name no others on this machine.
			if !filepath.IsLocal(path) {
				return nil, fmt.Errorf("names the file %.200q, which is not in or below the folder of the Parquet file; embed the pictures", path)
			}
			content, err := readPicture(filepath.Join(filepath.Dir(f.path), path), buffer)
			if err != nil {
				return nil, fmt.Errorf("names a file that cannot be read: %w", err)
			}
			return content, nil
		}
	}
	return nil, errors.New("holds no picture; remove the row")
}
