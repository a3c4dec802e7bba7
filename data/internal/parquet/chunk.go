package parquet

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	// maxPageBytes bounds one page, which can only be unpacked whole.
	maxPageBytes = 1 << 30
	// maxPageHeader bounds a page's header, which may hold the smallest and
	// largest value.
	maxPageHeader = 8 << 20
)

// errPageChanged is for files that are written to while they are in use.
var errPageChanged = errors.New("a page that changed")

var errPageSize = fmt.Errorf("a page of more than %d bytes", maxPageBytes)

// chunk is a column in a row group: pages, one after the other, and
// maybe a dictionary before them.
type chunk struct {
	file       io.ReaderAt
	kind       format.Type
	levels     int // definition levels: a value is there at the highest only
	codec      format.CompressionCodec
	start, end int64
	rows       int

	index sync.Once
	err   error
	pages []pagePlace
	// dictionary is where the dictionary lies; its length is 0 without one.
	dictionary pagePlace
}

// place finds out where a column of a row group lies. Errors are phrased to
// follow the file's name.
func (f *File) place(g *group, column *Column) (*chunk, error) {
	if column.index >= len(g.columns) {
		return nil, damaged(fmt.Errorf("a row group without the column %s", column.Path))
	}
	placed := &g.columns[column.index]
	m := &placed.MetaData
	if placed.FilePath != "" {
		return nil, fmt.Errorf("keeps the column %s in another file; write it as one file", column.Path)
	}
	if placed.CryptoMetadata.Value != nil || placed.EncryptedColumnMetadata != nil {
		return nil, fmt.Errorf("has the column %s encrypted; decrypt it", column.Path)
	}
	if codecs[m.Codec] == 0 {
		return nil, fmt.Errorf("has the column %s compressed by %v; write it again with snappy, zstd or gzip", column.Path, m.Codec)
	}
	start := m.DataPageOffset
	if m.DictionaryPageOffset > 0 {
		start = min(start, m.DictionaryPageOffset)
	}
	if m.Type != column.element.Type.V || start < 4 || m.TotalCompressedSize < 0 || start > f.size || m.TotalCompressedSize > f.size-start {
		return nil, damaged(fmt.Errorf("a row group without the column %s", column.Path))
	}
	return &chunk{
		file: f.file, kind: m.Type, levels: column.levels, codec: m.Codec,
		start: start, end: start + m.TotalCompressedSize, rows: g.rows,
	}, nil
}

// pagePlace is where a page lies, with its header.
type pagePlace struct {
	at       int64
	length   int32 // of header and content
	unpacked int32 // length of the content, unpacked
	row      int32 // the first
}

// pageOf is the page that holds a row, once find has found the pages.
func (c *chunk) pageOf(row int) int {
	at, exact := slices.BinarySearchFunc(c.pages, int32(row), func(p pagePlace, row int32) int { return cmp.Compare(p.row, row) })
	if !exact {
		at--
	}
	return at
}

// find reads the headers of the pages, once.
func (c *chunk) find() error {
	c.index.Do(func() {
		if c.err = c.walk(); c.err != nil {
			c.err = damaged(c.err)
		}
	})
	return c.err
}

func (c *chunk) walk() error {
	row := 0
	for at := c.start; row < c.rows; {
		header, size, err := c.header(at)
		if err != nil {
			return err
		}
		place := pagePlace{at: at, length: int32(size) + header.CompressedPageSize, unpacked: header.UncompressedPageSize, row: int32(row)}
		switch n := pageRows(header); {
		case header.Type == format.DictionaryPage:
			c.dictionary = place
		case n < 0 || n > c.rows-row:
			return fmt.Errorf("a page of %d values where %d rows are left", n, c.rows-row)
		case n > 0:
			c.pages = append(c.pages, place)
			row += n
		}
		at += int64(place.length)
	}
	c.pages = slices.Clip(c.pages)
	return nil
}

// pageRows is the number of a data page's rows, of which each has one value or
// none.
func pageRows(h *format.PageHeader) int {
	switch {
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		return int(h.DataPageHeader.V.NumValues)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		return int(h.DataPageHeaderV2.V.NumValues)
	}
	return 0
}

// header reads the header of the page at the given place, and its size.
func (c *chunk) header(at int64) (*format.PageHeader, int, error) {
	if at >= c.end {
		return nil, 0, errPageEnd
	}
	// Nearly all are far smaller than this.
	for length := int64(256); ; length *= 16 {
		content := make([]byte, min(length, c.end-at))
		if _, err := c.file.ReadAt(content, at); err != nil {
			return nil, 0, err
		}
		header, size, err := parsePageHeader(content)
		if (errors.Is(err, errThriftEnd) || errors.Is(err, errThriftSize)) && length < min(maxPageHeader, c.end-at) {
			continue
		}
		if err == nil && int64(header.CompressedPageSize) > c.end-at-int64(size) {
			err = errPageEnd
		}
		return header, size, err
	}
}

// parsePageHeader parses the header at the start of content, and returns its
// size.
func parsePageHeader(content []byte) (*format.PageHeader, int, error) {
	size, err := thriftLength(content)
	if err != nil {
		return nil, 0, err
	}
	header := &format.PageHeader{}
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, content[:size], header); err != nil {
		return nil, 0, err
	}
	if header.CompressedPageSize < 0 || header.UncompressedPageSize < 0 {
		return nil, 0, errors.New("a page of negative size")
	}
	if max(header.CompressedPageSize, header.UncompressedPageSize) > maxPageBytes {
		return nil, 0, errPageSize
	}
	return header, size, nil
}

// read reads a page as it lies in the file, and checks its sum if it has one.
func (c *chunk) read(place pagePlace) (*format.PageHeader, []byte, error) {
	content := make([]byte, place.length)
	if _, err := c.file.ReadAt(content, place.at); err != nil {
		return nil, nil, err
	}
	header, size, err := parsePageHeader(content)
	if err != nil {
		return nil, nil, err
	}
	content = content[size:]
	if int(header.CompressedPageSize) != len(content) {
		return nil, nil, errPageChanged
	}
	if header.CRC != 0 && uint32(header.CRC) != crc32.ChecksumIEEE(content) {
		return nil, nil, errors.New("a page with a wrong checksum")
	}
	return header, content, nil
}

// readDictionary decodes the dictionary.
func (c *chunk) readDictionary() (*values, error) {
	if c.dictionary.length == 0 {
		return nil, errors.New("a page without its dictionary")
	}
	header, content, err := c.read(c.dictionary)
	if err != nil {
		return nil, err
	}
	if header.Type != format.DictionaryPage {
		return nil, errPageChanged
	}
	n := int(header.DictionaryPageHeader.V.NumValues)
	// Entries that no row uses may be there, but each takes bytes.
	if n < 0 || n > int(header.UncompressedPageSize) {
		return nil, errPageEnd
	}
	if content, err = decompress(c.codec, content, int(header.UncompressedPageSize)); err != nil {
		return nil, err
	}
	return decodePlain(c.kind, content, n)
}
