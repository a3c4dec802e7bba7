package parquet

import (
	"encoding/binary"
	"errors"
)

var (
	errThriftEnd    = errors.New("metadata that ends too early")
	errThriftNested = errors.New("metadata that is nested too deeply")
	errThriftSize   = errors.New("metadata that declares more than it holds")
	errThriftType   = errors.New("metadata of an unknown type")
)

// thriftLength is the length of the struct at the start of content, in
// Thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
//
// It is here to look before the library does, which allocates what a length in
// the file promises: whatever passes takes memory in proportion to its bytes.
func thriftLength(content []byte) (int, error) {
	w := thriftWalk{content: content, structs: 64 + len(content)/bytesPerStruct}
	if err := w.fields(0); err != nil {
		return 0, err
	}
	return w.at, nil
}

// bytesPerStruct is less than what the structs in lists take in real files on
// average; the library may take a thousand bytes for each.
const bytesPerStruct = 8

type thriftWalk struct {
	content []byte
	at      int
	structs int // how many more structs lists may have
}

func (w *thriftWalk) byte() (byte, error) {
	if w.at >= len(w.content) {
		return 0, errThriftEnd
	}
	w.at++
	return w.content[w.at-1], nil
}

func (w *thriftWalk) varint() (uint64, error) {
	v, n := binary.Uvarint(w.content[w.at:])
	if n <= 0 {
		return 0, errThriftEnd
	}
	w.at += n
	return v, nil
}

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(len(w.content)-w.at) {
		return errThriftSize
	}
	w.at += int(n)
	return nil
}

// fields passes over a struct.
func (w *thriftWalk) fields(depth int) error {
	for {
		b, err := w.byte()
		if err != nil || b == 0 {
			return err
		}
		if b>>4 == 0 { // the field's number follows, else it is a difference
			if _, err := w.varint(); err != nil {
				return err
			}
		}
		if err := w.value(b&15, false, depth+1); err != nil {
			return err
		}
	}
}

// value passes over a value. A boolean field's is in its type; a list's
// elements take a byte each.
func (w *thriftWalk) value(kind byte, element bool, depth int) error {
	if depth > 24 {
		return errThriftNested
	}
	switch kind {
	case 1, 2: // booleans
		if element {
			return w.skip(1)
		}
		return nil
	case 3: // a byte
		return w.skip(1)
	case 4, 5, 6: // integers
		_, err := w.varint()
		return err
	case 7: // a float64
		return w.skip(8)
	case 8: // a string
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case 9, 10: // a list, a set
		return w.list(depth)
	case 12: // a struct
		if element {
			if w.structs--; w.structs < 0 {
				return errThriftSize
			}
		}
		return w.fields(depth)
	}
	return errThriftType // Parquet has no maps
}

func (w *thriftWalk) list(depth int) error {
	b, err := w.byte()
	if err != nil {
		return err
	}
	size := uint64(b >> 4)
	if size == 15 {
		if size, err = w.varint(); err != nil {
			return err
		}
	}
	// Each element takes a byte at least, so that this ends with the content.
	for range size {
		if err := w.value(b&15, true, depth+1); err != nil {
			return err
		}
	}
	return nil
}
