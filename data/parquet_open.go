package data

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go/format"
)

// parquetFile is an open file.
type parquetFile struct {
	path string
	file io.ReaderAt
	shut func() error
}

// rowGroup is a part of a file, some columns of which matter here.
type rowGroup struct {
	file     *parquetFile
	firstRow int // in the file
	bytes    columnChunk
	path     *columnChunk // nil without such a column
}

// parquetPart is a source while it is being opened.
type parquetPart struct {
	*parquetSource
	declared []string         // class names that the files declare
	texts    map[string]int32 // labels that are names; nil for numbers
}

// readParquet opens files and reads all labels.
func readParquet(paths []string) (part *parquetPart, err error) {
	part = &parquetPart{parquetSource: &parquetSource{}}
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
	// Checked before opening: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; put the Parquet file in its place", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	f := &parquetFile{path: path, file: file, shut: file.Close}
	p.files = append(p.files, f)
	if err := p.add(f, info.Size()); err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	return nil
}

// add reads a file's metadata and labels. Errors are phrased to follow its name.
func (p *parquetPart) add(f *parquetFile, size int64) error {
	metadata, err := readFooter(f.file, size)
	if err != nil {
		return err
	}
	columns, err := parquetColumns(metadata.Schema)
	if err != nil {
		return err
	}
	chosen, err := chooseColumns(columns)
	if err != nil {
		return err
	}
	if err := p.declare(metadata); err != nil {
		return err
	}
	texts := chosen.label.element.Type.V == format.ByteArray
	switch {
	case texts && p.texts == nil && len(p.labels) > 0, !texts && p.texts != nil:
		return fmt.Errorf("has %s in the column %s, unlike the files before it; convert it", chosen.label.kind(), chosen.label.path)
	case texts && p.texts == nil:
		p.texts = map[string]int32{}
	}
	rows := 0
	for i := range metadata.RowGroups {
		g := &metadata.RowGroups[i]
		// Rows can be far smaller than a byte, but not in a collection of
		// pictures: so memory stays in proportion to the file.
		if g.NumRows < 0 || g.NumRows > 8*size-int64(rows) || g.NumRows > math.MaxInt32-int64(p.Len()) {
			return damaged(fmt.Errorf("a row group of %d rows", g.NumRows))
		}
		if g.NumRows == 0 {
			continue
		}
		if err := p.addGroup(f, g, chosen, rows, size); err != nil {
			return err
		}
		rows += int(g.NumRows)
	}
	return nil
}

func (p *parquetPart) addGroup(f *parquetFile, g *format.RowGroup, chosen chosenColumns, firstRow int, size int64) error {
	group := &rowGroup{file: f, firstRow: firstRow}
	if err := group.bytes.place(f, g, chosen.bytes, size); err != nil {
		return err
	}
	if chosen.path != nil {
		group.path = &columnChunk{}
		if err := group.path.place(f, g, *chosen.path, size); err != nil {
			return err
		}
	}
	var label columnChunk
	if err := label.place(f, g, chosen.label, size); err != nil {
		return err
	}
	p.first = append(p.first, p.Len())
	p.groups = append(p.groups, group)
	return p.readLabels(&label, chosen.label.path, firstRow)
}

// place finds out where a column of a row group lies.
func (c *columnChunk) place(f *parquetFile, g *format.RowGroup, column parquetColumn, size int64) error {
	if column.index >= len(g.Columns) {
		return damaged(fmt.Errorf("a row group without the column %s", column.path))
	}
	chunk := &g.Columns[column.index]
	m := &chunk.MetaData
	if chunk.FilePath != "" {
		return fmt.Errorf("keeps the column %s in another file; write it as one file", column.path)
	}
	if chunk.CryptoMetadata.Value != nil || chunk.EncryptedColumnMetadata != nil {
		return fmt.Errorf("has the column %s encrypted; decrypt it", column.path)
	}
	if !slices.Contains(codecs, m.Codec) {
		return fmt.Errorf("has the column %s compressed by %v; write it again with snappy, zstd or gzip", column.path, m.Codec)
	}
	start := m.DataPageOffset
	if m.DictionaryPageOffset > 0 {
		start = min(start, m.DictionaryPageOffset)
	}
	if m.Type != column.element.Type.V || start < 4 || m.TotalCompressedSize < 0 || start > size || m.TotalCompressedSize > size-start {
		return damaged(fmt.Errorf("a row group without the column %s", column.path))
	}
	*c = columnChunk{
		file: f.file, kind: m.Type, levels: column.levels, codec: m.Codec,
		start: start, end: start + m.TotalCompressedSize, rows: int(g.NumRows),
	}
	return nil
}
