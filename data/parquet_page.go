package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
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

var errPageSize = fmt.Errorf("a page of more than %d bytes", maxPageBytes)

// columnChunk is a column in a row group: pages, one after the other, and
// maybe a dictionary before them.
type columnChunk struct {
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

// pagePlace is where a page lies, with its header.
type pagePlace struct {
	at     int64
	length int32 // of header and content
	row    int32 // the first
}

// find reads the headers of the pages, once.
func (c *columnChunk) find() error {
	c.index.Do(func() {
		if c.err = c.walk(); c.err != nil {
			c.err = damaged(c.err)
		}
	})
	return c.err
}

func (c *columnChunk) walk() error {
	row := 0
	for at := c.start; row < c.rows; {
		header, size, err := c.header(at)
		if err != nil {
			return err
		}
		place := pagePlace{at: at, length: int32(size) + header.CompressedPageSize, row: int32(row)}
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
func (c *columnChunk) header(at int64) (*format.PageHeader, int, error) {
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
func (c *columnChunk) read(place pagePlace) (*format.PageHeader, []byte, error) {
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
		return nil, nil, errors.New("a page that changed")
	}
	if header.CRC != 0 && uint32(header.CRC) != crc32.ChecksumIEEE(content) {
		return nil, nil, errors.New("a page with a wrong checksum")
	}
	return header, content, nil
}

// readDictionary decodes the dictionary; it is nil without one.
func (c *columnChunk) readDictionary() (*columnValues, error) {
	if c.dictionary.length == 0 {
		return nil, nil
	}
	header, content, err := c.read(c.dictionary)
	if err != nil {
		return nil, err
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

// readPage decodes a page to one value per row, noValue and −1 for those
// without one.
func (c *columnChunk) readPage(place pagePlace, dictionary *columnValues) (*columnValues, error) {
	header, content, err := c.read(place)
	if err != nil {
		return nil, err
	}
	n := pageRows(header)
	if n > c.rows {
		return nil, errors.New("a page that changed")
	}
	var levels []byte
	var encoding format.Encoding
	if header.Type == format.DataPage {
		encoding = header.DataPageHeader.V.Encoding
		if content, err = decompress(c.codec, content, int(header.UncompressedPageSize)); err != nil {
			return nil, err
		}
		if levels, content, err = c.cutLevels(header.DataPageHeader.V.DefinitionLevelEncoding, content); err != nil {
			return nil, err
		}
	} else {
		h := header.DataPageHeaderV2.V
		encoding = h.Encoding
		before := int64(h.RepetitionLevelsByteLength) + int64(h.DefinitionLevelsByteLength)
		if h.RepetitionLevelsByteLength < 0 || h.DefinitionLevelsByteLength < 0 || before > int64(min(len(content), int(header.UncompressedPageSize))) {
			return nil, errPageEnd
		}
		levels, content = content[h.RepetitionLevelsByteLength:before], content[before:]
		if !h.IsCompressed.Valid || h.IsCompressed.V {
			if content, err = decompress(c.codec, content, int(header.UncompressedPageSize)-int(before)); err != nil {
				return nil, err
			}
		}
	}
	there, count, err := c.present(levels, n)
	if err != nil {
		return nil, err
	}
	found, err := c.decode(encoding, content, count, dictionary)
	if err != nil || count == n {
		return found, err
	}
	return spread(found, there), nil
}

// cutLevels takes the definition levels off a page of the first version.
func (c *columnChunk) cutLevels(encoding format.Encoding, content []byte) (levels, rest []byte, err error) {
	if c.levels == 0 {
		return nil, content, nil
	}
	if encoding != format.RLE {
		return nil, nil, fmt.Errorf("levels in the encoding %v", encoding)
	}
	if len(content) < 4 {
		return nil, nil, errPageEnd
	}
	length := int64(content[0]) | int64(content[1])<<8 | int64(content[2])<<16 | int64(content[3])<<24
	if length > int64(len(content)-4) {
		return nil, nil, errPageEnd
	}
	return content[4 : 4+length], content[4+length:], nil
}

// present says which of n rows have a value, and how many do.
func (c *columnChunk) present(levels []byte, n int) (there []bool, count int, err error) {
	if c.levels == 0 {
		return nil, n, nil
	}
	width := 1
	for 1<<width <= c.levels {
		width++
	}
	runs, err := decodeRuns(levels, width, n)
	if err != nil {
		return nil, 0, err
	}
	there = make([]bool, n)
	for i, level := range runs {
		if int(level) == c.levels {
			there[i] = true
			count++
		}
	}
	return there, count, nil
}

// spread gives every row its value.
func spread(found *columnValues, there []bool) *columnValues {
	out := &columnValues{data: found.data}
	at := 0
	for _, has := range there {
		switch {
		case found.numbers != nil && has:
			out.numbers = append(out.numbers, found.numbers[at])
		case has:
			out.spans = append(out.spans, found.spans[at])
		default:
			// Which kind the page has does not matter where it has no value.
			out.numbers = append(out.numbers, -1)
		}
		if has {
			at++
		}
	}
	return out
}

func (c *columnChunk) decode(encoding format.Encoding, content []byte, n int, dictionary *columnValues) (*columnValues, error) {
	texts := c.kind == format.ByteArray
	switch {
	case encoding == format.Plain:
		return decodePlain(c.kind, content, n)
	case encoding == format.PlainDictionary || encoding == format.RLEDictionary:
		return decodeIndexed(dictionary, content, n)
	case encoding == format.DeltaBinaryPacked && !texts:
		numbers, _, err := decodeDelta(content, n)
		return &columnValues{numbers: numbers}, err
	case encoding == format.DeltaLengthByteArray && texts:
		return decodeDeltaTexts(content, n)
	case encoding == format.DeltaByteArray && texts:
		return decodeDeltaPrefixes(content, n)
	}
	return nil, fmt.Errorf("the encoding %v", encoding)
}

// unzstd decodes whole frames, and no more than its result has room for.
var unzstd = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // only wrong options are an error
	}
	return d
})

// decompress unpacks a page of the given size.
func decompress(codec format.CompressionCodec, content []byte, size int) ([]byte, error) {
	var out []byte
	var err error
	switch codec {
	case format.Uncompressed:
		out = content
	case format.Snappy:
		if n, err := snappy.DecodedLen(content); err != nil || n != size {
			return nil, errors.New("a page of another size than it says")
		}
		out, err = snappy.Decode(make([]byte, size), content)
	case format.Zstd:
		out, err = unzstd().DecodeAll(content, make([]byte, 0, size))
	case format.Gzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(content)); err == nil {
			out = make([]byte, size)
			_, err = io.ReadFull(r, out)
		}
	default:
		return nil, errCodec{codec}
	}
	if err == nil && len(out) != size {
		err = errors.New("a page of another size than it says")
	}
	return out, err
}
