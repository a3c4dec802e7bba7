package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/format"
)

// readPage decodes a page to one value per row: noValue or noNumber where
// there is none.
func (c *chunk) readPage(place pagePlace, dictionary func() (*values, error)) (*values, error) {
	header, content, err := c.read(place)
	if err != nil {
		return nil, err
	}
	n := pageRows(header)
	if n == 0 || n > c.rows-int(place.row) {
		return nil, errPageChanged
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
	return c.spread(found, there), nil
}

// cutLevels takes the definition levels off a page of the first version.
func (c *chunk) cutLevels(encoding format.Encoding, content []byte) (levels, rest []byte, err error) {
	if c.levels == 0 {
		return nil, content, nil
	}
	if encoding != format.RLE {
		return nil, nil, fmt.Errorf("levels in the encoding %v", encoding)
	}
	if len(content) < 4 {
		return nil, nil, errPageEnd
	}
	length := int64(binary.LittleEndian.Uint32(content))
	if length > int64(len(content)-4) {
		return nil, nil, errPageEnd
	}
	return content[4 : 4+length], content[4+length:], nil
}

// present says which of n rows have a value, and how many do.
func (c *chunk) present(levels []byte, n int) (there []bool, count int, err error) {
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

// spread gives every row its value, or noValue or noNumber.
func (c *chunk) spread(found *values, there []bool) *values {
	out := &values{data: found.data}
	at := 0
	for _, has := range there {
		if c.kind == format.ByteArray {
			out.spans = append(out.spans, noValue)
			if has {
				out.spans[len(out.spans)-1] = found.spans[at]
			}
		} else {
			out.numbers = append(out.numbers, noNumber)
			if has {
				out.numbers[len(out.numbers)-1] = found.numbers[at]
			}
		}
		if has {
			at++
		}
	}
	return out
}

func (c *chunk) decode(encoding format.Encoding, content []byte, n int, dictionary func() (*values, error)) (*values, error) {
	texts := c.kind == format.ByteArray
	switch {
	case encoding == format.Plain:
		return decodePlain(c.kind, content, n)
	//lint:ignore SA1019 old writers still name it so
	case encoding == format.PlainDictionary || encoding == format.RLEDictionary:
		entries, err := dictionary()
		if err != nil {
			return nil, err
		}
		return decodeIndexed(entries, content, n)
	case encoding == format.DeltaBinaryPacked && !texts:
		numbers, _, err := decodeDelta(content, n)
		return &values{numbers: numbers}, err
	case encoding == format.DeltaLengthByteArray && texts:
		return decodeDeltaTexts(content, n)
	case encoding == format.DeltaByteArray && texts:
		return decodeDeltaPrefixes(content, n)
	}
	return nil, fmt.Errorf("the encoding %v", encoding)
}
