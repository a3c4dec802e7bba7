package parquet

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/format"
)

// allocated is what f allocates, in bytes, freed or not.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// readAll reads every column of a file that can be read, in order and then by
// row backwards: both must say the same, and take memory in proportion to the
// file.
func readAll(t *testing.T, content []byte) {
	var f *File
	var err error
	open := func() { f, err = Open(bytes.NewReader(content), int64(len(content))) }
	if took := allocated(open); took > 8<<20+2000*len(content) {
		t.Fatalf("opening %d bytes allocated %d", len(content), took)
	}
	if err != nil {
		return
	}
	for i := range f.Columns() {
		c := &f.Columns()[i]
		kind := c.Kind()
		if kind == Other {
			continue
		}
		var texts [][]byte
		rows := 0
		err := f.Each(c, func(row int, v Value) error {
			if row != rows {
				t.Fatalf("row %d comes as row %d", row, rows)
			}
			rows++
			if kind == Numbers && v.Text != nil || kind != Numbers && (v.Text == nil) != v.Null && len(v.Text) > 0 {
				t.Fatalf("%v in a column of kind %d", v, kind)
			}
			text := bytes.Clone(v.Text)
			if !v.Null && text == nil {
				text = []byte{}
			}
			texts = append(texts, text)
			return nil
		})
		if err == nil && rows != f.Rows() {
			t.Fatalf("%d of %d rows", rows, f.Rows())
		}
		if kind == Numbers {
			continue
		}
		r, err := f.Reader(c, NewCache(1<<10))
		if err != nil {
			continue
		}
		// The last rows, of which there may be millions.
		for row := f.Rows() - 1; row >= max(0, f.Rows()-100); row-- {
			text, there, err := r.Text(row)
			if row < len(texts) && (err != nil || there != (texts[row] != nil) || !bytes.Equal(text, texts[row])) {
				t.Fatalf("row %d of %s is %q, %v, by itself, and %q in order", row, c.Path, text, err, texts[row])
			}
		}
	}
}

// FuzzFile gives any bytes to the reader. The seeds are the files of other
// programs.
func FuzzFile(f *testing.F) {
	for _, pattern := range []string{"*.parquet", "refused/*.parquet"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "parquet", pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("%d files, %v", len(files), err)
		}
		for _, path := range files {
			content, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		// Packed pages expand, at most as codecs says.
		if took := allocated(func() { readAll(t, content) }); took > 64<<20+200_000*len(content) {
			t.Fatalf("%d bytes were allocated for %d", took, len(content))
		}
	})
}

// FuzzPage gives any bytes to the decoders of pages.
func FuzzPage(f *testing.F) {
	text := []byte("\x03\x00\x00\x00abc\x00\x00\x00\x00\x01\x00\x00\x00d")
	f.Add(text, uint8(format.Plain), true, uint8(0), uint16(3), []byte{})
	f.Add(append([]byte{4, 0, 0, 0, 3, 0b101, 2, 1}, text...), uint8(format.Plain), true, uint8(1), uint16(5), []byte{})
	f.Add([]byte{2, 3, 0b00100100, 4, 1}, uint8(format.RLEDictionary), true, uint8(0), uint16(6), text)
	//lint:ignore SA1019 old writers still name it so
	f.Add([]byte{2, 3, 0b00100100, 4, 1}, uint8(format.PlainDictionary), false, uint8(0), uint16(6), bytes.Repeat([]byte{1, 2, 3, 4}, 6))
	f.Add([]byte{0x80, 1, 4, 3, 2, 2, 0, 0, 0, 0}, uint8(format.DeltaBinaryPacked), false, uint8(0), uint16(3), []byte{})
	f.Add([]byte{8, 1, 3, 2, 0, 2, 0b100100, 0, 'a', 'b', 'c', 'd'}, uint8(format.DeltaLengthByteArray), true, uint8(0), uint16(3), []byte{})
	f.Add([]byte{8, 1, 2, 0, 2, 1, 1, 8, 1, 2, 4, 1, 1, 2, 'a', 'b', 'c'}, uint8(format.DeltaByteArray), true, uint8(0), uint16(2), []byte{})
	f.Fuzz(func(t *testing.T, content []byte, encoding uint8, texts bool, levels uint8, rows uint16, entries []byte) {
		kind := format.Int32
		if texts {
			kind = format.ByteArray
		}
		n := max(1, int(rows))
		c := &chunk{kind: kind, levels: int(levels % 4)}
		took := allocated(func() {
			levels, rest, err := c.cutLevels(format.RLE, content)
			if err != nil {
				return
			}
			there, count, err := c.present(levels, n)
			if err != nil {
				return
			}
			v, err := c.decode(format.Encoding(encoding), rest, count, func() (*values, error) {
				return decodePlain(kind, entries, len(entries)/5)
			})
			if err != nil {
				return
			}
			if count < n {
				v = c.spread(v, there)
			}
			if v.len() != n {
				t.Fatalf("%d values in %d rows", v.len(), n)
			}
			nulls := 0
			for i := range n {
				if v.value(kind, i).Null {
					nulls++
				}
			}
			if want := n - count; nulls != want && !slices.Contains(v.numbers, noNumber) {
				t.Fatalf("%d rows without a value, want %d", nulls, want)
			}
		})
		// Texts may repeat what the one before them begins with.
		if took > 1<<20+200*n+10*len(content)+n*len(content)*4 {
			t.Fatalf("%d bytes were allocated for %d values in %d bytes", took, n, len(content))
		}
	})
}
