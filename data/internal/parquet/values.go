package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/format"
)

// This file and delta.go decode the values of Parquet pages
// (https://parquet.apache.org/docs/file-format/data-pages/encodings). What they
// allocate is bounded by a number of values that the caller vouches for, and by
// maxPageBytes; the library's decoders allocate what a page promises.

var errPageEnd = errors.New("a page that ends too early")

// span is where a value lies in the bytes of its page.
type span struct{ from, to uint32 }

// noValue and noNumber stand for a row without a value.
var noValue = span{1, 0}

const noNumber = math.MinInt64

// values are those of a page or a dictionary: numbers, or spans of data.
type values struct {
	data    []byte
	spans   []span
	numbers []int64
}

func (v *values) len() int { return max(len(v.spans), len(v.numbers)) }

// text is value i.
func (v *values) text(i int) []byte {
	s := v.spans[i]
	return v.data[s.from:s.to:s.to]
}

// decodePlain decodes n values that lie one after the other.
func decodePlain(kind format.Type, data []byte, n int) (*values, error) {
	if kind == format.ByteArray {
		return plainTexts(data, n)
	}
	width := 8
	if kind == format.Int32 {
		width = 4
	}
	if len(data) < width*n {
		return nil, errPageEnd
	}
	numbers := make([]int64, n)
	for i := range numbers {
		if width == 4 {
			numbers[i] = int64(int32(binary.LittleEndian.Uint32(data[4*i:])))
		} else {
			numbers[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
		}
	}
	return &values{numbers: numbers}, nil
}

func plainTexts(data []byte, n int) (*values, error) {
	if len(data) < 4*n {
		return nil, errPageEnd
	}
	spans := make([]span, n)
	at := 0
	for i := range spans {
		if len(data)-at < 4 {
			return nil, errPageEnd
		}
		length := binary.LittleEndian.Uint32(data[at:])
		at += 4
		if uint64(length) > uint64(len(data)-at) {
			return nil, errPageEnd
		}
		spans[i] = span{uint32(at), uint32(at) + length}
		at += int(length)
	}
	return &values{data: data, spans: spans}, nil
}

// decodeIndexed decodes n values given as indices into a dictionary.
func decodeIndexed(dictionary *values, data []byte, n int) (*values, error) {
	out := &values{data: dictionary.data}
	if n == 0 {
		return out, nil
	}
	if len(data) == 0 || data[0] > 32 {
		return nil, errPageEnd
	}
	indices, err := decodeRuns(data[1:], int(data[0]), n)
	if err != nil {
		return nil, err
	}
	for _, at := range indices {
		if int64(at) >= int64(dictionary.len()) {
			return nil, fmt.Errorf("entry %d of a dictionary of %d", at, dictionary.len())
		}
		if dictionary.numbers != nil {
			out.numbers = append(out.numbers, dictionary.numbers[at])
		} else {
			out.spans = append(out.spans, dictionary.spans[at])
		}
	}
	return out, nil
}

// decodeRuns decodes n numbers of the given width in bits, at most 32: runs of
// one number, and numbers packed together.
func decodeRuns(data []byte, width, n int) ([]uint32, error) {
	out := make([]uint32, 0, n)
	for len(out) < n {
		header, size := binary.Uvarint(data)
		if size <= 0 {
			return nil, errPageEnd
		}
		data = data[size:]
		left := n - len(out)
		if header&1 == 0 {
			length := (width + 7) / 8
			if len(data) < length {
				return nil, errPageEnd
			}
			value := uint32(bitsAt(data, 0, 8*length))
			data = data[length:]
			for range min(header>>1, uint64(left)) {
				out = append(out, value)
			}
			continue
		}
		// Groups of 8 numbers, each of as many bytes as a number has bits; the
		// last group may be cut behind the last number that counts.
		groups := int(min(header>>1, uint64(left+7)/8))
		count := min(8*groups, left)
		if len(data)*8 < count*width {
			return nil, errPageEnd
		}
		for i := range count {
			out = append(out, uint32(bitsAt(data, i*width, width)))
		}
		data = data[min(groups*width, len(data)):]
	}
	return out, nil
}

// bitsAt is the number in the width bits, at most 64, from the at-th on, which
// data must have. The lowest bits come first.
func bitsAt(data []byte, at, width int) uint64 {
	var value uint64
	for got := 0; got < width; {
		b := data[at/8] >> (at % 8)
		take := min(8-at%8, width-got)
		value |= uint64(b&byte(1<<take-1)) << got
		got += take
		at += take
	}
	return value
}
