package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// known opens one of the files that pyarrow and datasets wrote. What is in
// their rows is compared in package data.
func known(t *testing.T, name string) (*File, []byte) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "testdata", "parquet", name+".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return f, content
}

func TestFile(t *testing.T) {
	f, _ := known(t, "defaults")
	var columns []string
	for _, c := range f.Columns() {
		columns = append(columns, c.Path+" "+c.Type())
	}
	if want := []string{"id INT64", "image.bytes BYTE_ARRAY", "image.path BYTE_ARRAY (STRING)", "tags.list.element a list of BYTE_ARRAY (STRING)", "label INT64"}; !slices.Equal(columns, want) {
		t.Errorf("columns %q, want %q", columns, want)
	}
	for path, kind := range map[string]Kind{"id": Numbers, "image.bytes": Bytes, "image.path": Texts, "tags.list.element": Other} {
		if got := f.Column(path).Kind(); got != kind {
			t.Errorf("%s is of kind %d, want %d", path, got, kind)
		}
	}
	if f.Column("image") != nil || f.Rows() != 40 || !slices.Equal(f.Groups(), []int{0, 9, 18, 27, 36}) {
		t.Errorf("%d rows in groups %v", f.Rows(), f.Groups())
	}
	if f.Metadata("huggingface") != "" || !strings.HasPrefix(f.Metadata("ARROW:schema"), "/////") {
		t.Error("the writer's notes are not found")
	}
	numbers := 0
	err := f.Each(f.Column("id"), func(row int, v Value) error {
		if int(v.Number) != row || row != numbers {
			t.Errorf("row %d has the number %d", row, v.Number)
		}
		numbers++
		return nil
	})
	if err != nil || numbers != 40 {
		t.Errorf("%d numbers, %v", numbers, err)
	}
}

// Texts that share their beginnings with the ones before.
func TestPrefixes(t *testing.T) {
	f, _ := known(t, "delta-gzip")
	rows := 0
	err := f.Each(f.Column("image.path"), func(row int, v Value) error {
		if want := fmt.Sprintf("%d.jpg", row); string(v.Text) != want || v.Null {
			t.Errorf("row %d is %q, want %q", row, v.Text, want)
		}
		rows++
		return nil
	})
	if err != nil || rows != 70 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// A cache keeps to its bytes, and what it keeps is not unpacked again.
func TestCache(t *testing.T) {
	f, _ := known(t, "plain-zstd-v2")
	column := f.Column("image.bytes")
	all := NewCache(1 << 20)
	r, err := f.Reader(column, all)
	if err != nil {
		t.Fatal(err)
	}
	var want [][]byte
	for row := range f.Rows() {
		text, there, err := r.Text(row)
		if err != nil || !there {
			t.Fatalf("row %d: %v, %v", row, there, err)
		}
		want = append(want, bytes.Clone(text))
	}
	pages := len(r.chunks[0].pages)
	if pages < 5 || len(all.blocks) != pages || all.recent.Len() != pages {
		t.Fatalf("%d of %d pages are kept", len(all.blocks), pages)
	}
	kept := all.recent.Back().Value.(*block)
	if _, _, err := r.Text(0); err != nil || all.recent.Front().Value.(*block) != kept {
		t.Error("the page of row 0 was unpacked again")
	}
	small := NewCache(1500)
	if r, err = f.Reader(column, small); err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, row := range []int{0, 39, 1, 20, 0, 21, 38, 5, 30, 10, 0, 39} {
		if text, _, err := r.Text(row); err != nil || !bytes.Equal(text, want[row]) {
			t.Fatalf("row %d: %v", row, err)
		}
		sum := int64(0)
		for at := small.recent.Front(); at != nil; at = at.Next() {
			sum += at.Value.(*block).bytes
		}
		if sum != small.bytes || sum > 1500 && small.recent.Len() > 1 || len(small.blocks) != small.recent.Len() {
			t.Errorf("%d bytes in %d pages, %d counted", sum, small.recent.Len(), small.bytes)
		}
		most = max(most, small.recent.Len())
	}
	if most < 2 {
		t.Errorf("at most %d pages were kept", most)
	}
}

// Memory follows the bytes that are there, not what a page says of itself.
func TestPagesThatPromiseTooMuch(t *testing.T) {
	for codec := range codecs {
		took := allocated(func() {
			if _, err := decompress(codec, []byte("\xff\xff\xff\x7fxxxxxxxxxxxxxxxx"), 1<<29); err == nil {
				t.Errorf("%v: 20 bytes are unpacked to %d", codec, 1<<29)
			}
		})
		if took > 1<<20 {
			t.Errorf("%v: %d bytes were allocated", codec, took)
		}
	}
}

// changed is the file with other metadata.
func changed(t *testing.T, content []byte, change func(*format.FileMetaData)) []byte {
	t.Helper()
	metadata, err := readFooter(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	change(metadata)
	footer, err := thrift.Marshal(&thrift.CompactProtocol{}, metadata)
	if err != nil {
		t.Fatal(err)
	}
	length := int(binary.LittleEndian.Uint32(content[len(content)-8:]))
	out := append(bytes.Clone(content[:len(content)-8-length]), footer...)
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(footer))), "PAR1"...)
}

// Metadata that contradicts the file.
func TestMetadataThatLies(t *testing.T) {
	_, content := known(t, "required")
	column := func(m *format.FileMetaData) *format.ColumnChunk { return &m.RowGroups[0].Columns[0] }
	for name, test := range map[string]struct {
		change func(*format.FileMetaData)
		want   string
	}{
		"nothing":       {func(*format.FileMetaData) {}, ""},
		"no rows":       {func(m *format.FileMetaData) { m.RowGroups[0].NumRows = 0 }, ""},
		"negative rows": {func(m *format.FileMetaData) { m.RowGroups[0].NumRows = -1 }, "is a damaged Parquet file (a row group of -1 rows); fetch it again"},
		"too many rows": {func(m *format.FileMetaData) { m.RowGroups[0].NumRows = 1 << 40 }, "is a damaged Parquet file (a row group of 1099511627776 rows); fetch it again"},
		"more rows":     {func(m *format.FileMetaData) { m.RowGroups[0].NumRows = 3 }, "is a damaged Parquet file (a page that ends too early); fetch it again"},
		"fewer rows":    {func(m *format.FileMetaData) { m.RowGroups[0].NumRows = 1 }, "is a damaged Parquet file (a page of 2 values where 1 rows are left); fetch it again"},
		"no such place": {func(m *format.FileMetaData) {
			column(m).MetaData.DataPageOffset, column(m).MetaData.DictionaryPageOffset = 1<<40, 0
		}, "is a damaged Parquet file (a row group without the column image); fetch it again"},
		"a long chunk":       {func(m *format.FileMetaData) { column(m).MetaData.TotalCompressedSize = 1 << 40 }, "is a damaged Parquet file (a row group without the column image); fetch it again"},
		"fewer columns":      {func(m *format.FileMetaData) { m.RowGroups[0].Columns = nil }, "is a damaged Parquet file (a row group without the column image); fetch it again"},
		"another file":       {func(m *format.FileMetaData) { column(m).FilePath = "other" }, "keeps the column image in another file; write it as one file"},
		"other type":         {func(m *format.FileMetaData) { column(m).MetaData.Type = format.Int64 }, "is a damaged Parquet file (a row group without the column image); fetch it again"},
		"no schema":          {func(m *format.FileMetaData) { m.Schema = m.Schema[:1] }, "is a damaged Parquet file (a schema of 1 elements); fetch it again"},
		"schema's end":       {func(m *format.FileMetaData) { m.Schema[0].NumChildren.V = 1 }, "is a damaged Parquet file (a schema that contradicts itself); fetch it again"},
		"a long name":        {func(m *format.FileMetaData) { m.Schema[1].Name = strings.Repeat("x", 5000) }, "is a damaged Parquet file (a column with a very long name); fetch it again"},
		"LZO":                {func(m *format.FileMetaData) { column(m).MetaData.Codec = format.LZO }, "has the column image compressed by LZO; write it again with snappy, zstd or gzip"},
		"a codec of no name": {func(m *format.FileMetaData) { column(m).MetaData.Codec = 99 }, "has the column image compressed by CompressionCodec(?); write it again"},
	} {
		t.Run(name, func(t *testing.T) {
			lies := changed(t, content, test.change)
			f, err := Open(bytes.NewReader(lies), int64(len(lies)))
			if err == nil {
				err = f.Each(f.Column("image"), func(int, Value) error { return nil })
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// A page whose sum is wrong is not read.
func TestChecksum(t *testing.T) {
	f, content := known(t, "index-checksum")
	r, err := f.Reader(f.Column("image.bytes"), NewCache(0))
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := r.Text(3)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, text)
	if at < 0 {
		t.Skip("the page is packed too well")
	}
	content[at] ^= 1
	if r, err = f.Reader(f.Column("image.bytes"), NewCache(0)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Text(3); err == nil || err.Error() != "lies in a damaged part of the file (a page with a wrong checksum); fetch it again" {
		t.Errorf("a page with another bit: %v", err)
	}
}
