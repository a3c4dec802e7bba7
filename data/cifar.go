package data

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The binary version of CIFAR (https://www.cs.toronto.edu/~kriz/cifar.html):
// records of one label (CIFAR-10) or two (CIFAR-100: coarse and fine) and
// 32×32 pixels, red, then green, then blue.
const (
	cifarSide   = 32
	cifarPixels = 3 * cifarSide * cifarSide
)

// cifar is one of the two collections.
type cifar struct {
	name        string
	folder      string // inside the archive
	train, test []string
	labels      int // bytes of labels before the pixels; the last one counts
	classes     int
	names       string // file of class names
}

var cifars = []cifar{
	{
		"CIFAR-10", "cifar-10-batches-bin",
		[]string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
		[]string{"test_batch.bin"}, 1, 10, "batches.meta.txt",
	},
	{"CIFAR-100", "cifar-100-binary", []string{"train.bin"}, []string{"test.bin"}, 2, 100, "fine_label_names.txt"},
}

// findCIFAR says which collection lies in dir, and where exactly; nil if none.
func findCIFAR(dir string) (string, *cifar) {
	for i, c := range cifars {
		for _, folder := range []string{dir, filepath.Join(dir, c.folder)} {
			if _, err := os.Stat(filepath.Join(folder, c.train[0])); err == nil {
				return folder, &cifars[i]
			}
		}
	}
	return "", nil
}

// openCIFAR reads CIFAR-10 or CIFAR-100, whichever lies in dir, with its fine
// labels, as uint8 N×32×32×3.
func openCIFAR(dir string) (train, test Source, err error) {
	folder, c := findCIFAR(dir)
	if c == nil {
		return nil, nil, fmt.Errorf("%s holds neither data_batch_1.bin nor train.bin; name the folder with CIFAR's binary version", dir)
	}
	names, err := readClassNames(filepath.Join(folder, c.names), c.classes)
	if err != nil {
		return nil, nil, err
	}
	if names == nil {
		names = numberNames(c.classes)
	}
	if len(names) != c.classes {
		return nil, nil, fmt.Errorf("%s names %d classes, but %s has %d; fetch it again", filepath.Join(folder, c.names), len(names), c.name, c.classes)
	}
	var parts [2]*Dataset
	for i, files := range [][]string{c.train, c.test} {
		d := &Dataset{Height: cifarSide, Width: cifarSide, Channels: 3, ClassNames: names, Origin: filepath.Join(folder, files[0])}
		if len(files) > 1 {
			d.Origin += " and its like"
		}
		for _, file := range files {
			path := filepath.Join(folder, file)
			content, err := readCIFARFile(path)
			if err != nil {
				return nil, nil, err
			}
			if err := c.add(d, content); err != nil {
				return nil, nil, fmt.Errorf("%s %w", path, err)
			}
		}
		parts[i] = d
	}
	return parts[0], parts[1], nil
}

// maxCIFARFile is beyond the size of any of the files.
const maxCIFARFile = 1 << 28

func readCIFARFile(path string) ([]byte, error) {
	file, _, err := openRegular(path, "unpack the archive again")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is missing; unpack the archive again", path)
	case err != nil:
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxCIFARFile+1))
	if err == nil && len(content) > maxCIFARFile {
		err = fmt.Errorf("%s has more than the %d bytes of any file of CIFAR's binary version; unpack the archive again", path, maxCIFARFile)
	}
	return content, err
}

// add appends a file's records. Errors are phrased to follow its name.
func (c cifar) add(d *Dataset, content []byte) error {
	record := c.labels + cifarPixels
	if len(content) == 0 || len(content)%record != 0 {
		return fmt.Errorf("has %d bytes, which are no whole number of %s's records of %d; unpack the archive again", len(content), c.name, record)
	}
	for at := 0; at < len(content); at += record {
		label := content[at+c.labels-1]
		if int(label) >= c.classes {
			return fmt.Errorf("has the label %d in record %d, but %s has %d classes; unpack the archive again", label, at/record, c.name, c.classes)
		}
		d.Labels = append(d.Labels, int64(label))
		planes := content[at+c.labels : at+record]
		for p := range cifarSide * cifarSide {
			d.Pixels = append(d.Pixels, planes[p], planes[cifarSide*cifarSide+p], planes[2*cifarSide*cifarSide+p])
		}
	}
	return nil
}
