// Package parquet reads columns of Parquet files
// (https://parquet.apache.org/docs/file-format) as collections of pictures
// need them: texts, bytes and integers, one or none in each row. Texts and
// bytes are at hand by their row, whatever the file's writer did.
//
// The metadata is parsed by parquet-go's packages format and encoding/thrift.
// The pages are decoded here, for two reasons. parquet-go finds a row by a page
// index; most files have none, and it then unpacks every page before the row,
// in row groups that may hold a whole collection, while here the pages'
// headers, read once, say where each row lies. And parquet-go's decoders
// allocate what a page promises, while here memory follows the bytes that are
// there, since files come from anywhere.
package parquet

import (
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go/format"
)

// File is a Parquet file. Its methods may be called by any number of goroutines
// at once. Errors are phrased to follow the file's name.
type File struct {
	file     io.ReaderAt
	size     int64
	rows     int
	columns  []Column
	metadata []format.KeyValue
	groups   []group
}

// group is a row group that has rows.
type group struct {
	first   int // row
	rows    int
	columns []format.ColumnChunk
}

// Open reads the metadata of a file of the given size. The file stays the
// caller's to close.
func Open(file io.ReaderAt, size int64) (*File, error) {
	metadata, err := readFooter(file, size)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, size: size, metadata: metadata.KeyValueMetadata}
	if f.columns, err = flatten(metadata.Schema); err != nil {
		return nil, err
	}
	for i := range metadata.RowGroups {
		g := &metadata.RowGroups[i]
		// Rows can be far smaller than a byte, but not in a collection of
		// pictures: so memory stays in proportion to the file.
		if g.NumRows < 0 || g.NumRows > min(8*size, math.MaxInt32)-int64(f.rows) {
			return nil, damaged(fmt.Errorf("a row group of %d rows", g.NumRows))
		}
		if g.NumRows > 0 {
			f.groups = append(f.groups, group{f.rows, int(g.NumRows), g.Columns})
			f.rows += int(g.NumRows)
		}
	}
	return f, nil
}

// Rows is the number of rows.
func (f *File) Rows() int { return f.rows }

// Groups are the first rows of the row groups.
func (f *File) Groups() []int {
	first := make([]int, len(f.groups))
	for i, g := range f.groups {
		first[i] = g.first
	}
	return first
}

// Columns are the file's columns in order.
func (f *File) Columns() []Column { return f.columns }

// Column is the column with the path, or nil.
func (f *File) Column(path string) *Column {
	for i := range f.columns {
		if f.columns[i].Path == path {
			return &f.columns[i]
		}
	}
	return nil
}

// Metadata is what the file's writer noted under a key, or "".
func (f *File) Metadata(key string) string {
	for _, entry := range f.metadata {
		if entry.Key == key {
			return entry.Value
		}
	}
	return ""
}
