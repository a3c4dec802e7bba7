package predict

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"cone/weights"
)

// npyHeader is the length of the file's beginning: what numpy itself writes for
// small arrays, a multiple of 64.
const npyHeader = 128

// NPY writes an array N×D of float32 as numpy's format 1.0 has it
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), and
// the names of its rows beside it, a line each, with .tsv for .npy and the label
// after a tab where it is known. fill calls add for every row.
func NPY(path string, fill func(add func(name, label string, row []float32) error) error) error {
	names := strings.TrimSuffix(path, ".npy") + ".tsv"
	return weights.WriteFileAtomic(names, func(list io.Writer) error {
		return weights.ReplaceFile(path, func(f *os.File) error { return writeNPY(f, list, fill) })
	})
}

func writeNPY(f *os.File, list io.Writer, fill func(add func(name, label string, row []float32) error) error) error {
	if _, err := f.Write(make([]byte, npyHeader)); err != nil {
		return err
	}
	rows, dim := 0, 0
	w := bufio.NewWriterSize(f, 1<<16)
	var raw []byte
	err := fill(func(name, label string, row []float32) error {
		rows, dim, raw = rows+1, len(row), raw[:0]
		for _, v := range row {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
		line := oneLine.Replace(name)
		if label != "" {
			line += "\t" + oneLine.Replace(label)
		}
		_, err := fmt.Fprintln(list, line)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = f.WriteAt(npyStart(rows, dim), 0)
	return err
}

// oneLine keeps a name to its field of its line.
var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)

// npyStart is the magic, the version and the description of the array, padded
// by spaces up to a line feed.
func npyStart(rows, dim int) []byte {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	out := append([]byte("\x93NUMPY\x01\x00"), npyHeader-10, 0)
	out = append(out, text...)
	for len(out) < npyHeader-1 {
		out = append(out, ' ')
	}
	return append(out, '\n')
}
