package parquet

import (
	"encoding/binary"
	"errors"
)

// decodeDelta decodes n numbers stored as differences (DELTA_BINARY_PACKED),
// and returns what follows them.
func decodeDelta(data []byte, n int) (numbers []int64, rest []byte, err error) {
	var head [3]uint64 // values in a block, parts of a block, values in all
	for i := range head {
		var size int
		if head[i], size = binary.Uvarint(data); size <= 0 {
			return nil, nil, errPageEnd
		}
		data = data[size:]
	}
	value, size := binary.Varint(data)
	if size <= 0 {
		return nil, nil, errPageEnd
	}
	data = data[size:]
	block, parts := head[0], head[1]
	if block == 0 || block > 1<<20 || parts == 0 || parts > block || block%parts != 0 || block/parts%8 != 0 || head[2] != uint64(n) {
		return nil, nil, errors.New("a page of differences that contradicts itself")
	}
	if n == 0 {
		return nil, data, nil
	}
	perPart := int(block / parts)
	numbers = append(make([]int64, 0, n), value)
	for len(numbers) < n {
		least, size := binary.Varint(data)
		if size <= 0 || len(data)-size < int(parts) {
			return nil, nil, errPageEnd
		}
		widths := data[size : size+int(parts)]
		data = data[size+int(parts):]
		for _, w := range widths {
			if len(numbers) == n {
				break // parts without values take no room
			}
			width := int(w)
			if width > 64 || len(data) < perPart/8*width {
				return nil, nil, errPageEnd
			}
			for i := range min(perPart, n-len(numbers)) {
				value += least + int64(bitsAt(data, i*width, width))
				numbers = append(numbers, value)
			}
			data = data[perPart/8*width:]
		}
	}
	return numbers, data, nil
}

// decodeDeltaTexts decodes n texts: all lengths, then all texts
// (DELTA_LENGTH_BYTE_ARRAY).
func decodeDeltaTexts(data []byte, n int) (*values, error) {
	lengths, data, err := decodeDelta(data, n)
	if err != nil {
		return nil, err
	}
	out := &values{data: data, spans: make([]span, n)}
	at := 0
	for i, length := range lengths {
		if length < 0 || length > int64(len(data)-at) {
			return nil, errPageEnd
		}
		out.spans[i] = span{uint32(at), uint32(at + int(length))}
		at += int(length)
	}
	return out, nil
}

// decodeDeltaPrefixes decodes n texts that share beginnings with the one
// before: the lengths of those, then the rests (DELTA_BYTE_ARRAY).
func decodeDeltaPrefixes(data []byte, n int) (*values, error) {
	shared, data, err := decodeDelta(data, n)
	if err != nil {
		return nil, err
	}
	rests, err := decodeDeltaTexts(data, n)
	if err != nil {
		return nil, err
	}
	out := &values{spans: make([]span, n)}
	var before span
	for i := range out.spans {
		rest := rests.text(i)
		if shared[i] < 0 || shared[i] > int64(before.to-before.from) {
			return nil, errPageEnd
		}
		from := len(out.data)
		if from+int(shared[i])+len(rest) > maxPageBytes {
			return nil, errPageSize
		}
		out.data = append(out.data, out.data[before.from:before.from+uint32(shared[i])]...)
		out.data = append(out.data, rest...)
		before = span{uint32(from), uint32(len(out.data))}
		out.spans[i] = before
	}
	return out, nil
}
