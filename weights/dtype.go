package weights

import (
	"fmt"
	"math"
)

// DType names the type of a tensor's elements as safetensors spells it.
type DType string

// The element types that occupy whole bytes.
const (
	Bool   DType = "BOOL"
	U8     DType = "U8"
	I8     DType = "I8"
	F8E5M2 DType = "F8_E5M2"
	F8E4M3 DType = "F8_E4M3"
	F8E8M0 DType = "F8_E8M0"
	I16    DType = "I16"
	U16    DType = "U16"
	F16    DType = "F16"
	BF16   DType = "BF16"
	I32    DType = "I32"
	U32    DType = "U32"
	F32    DType = "F32"
	I64    DType = "I64"
	U64    DType = "U64"
	F64    DType = "F64"
	C64    DType = "C64" // two float32
)

// unknown is the Size of a type that this package does not know.
const unknown = 0

// Size is the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int64 {
	switch d {
	case Bool, U8, I8, F8E5M2, F8E4M3, F8E8M0:
		return 1
	case I16, U16, F16, BF16:
		return 2
	case I32, U32, F32:
		return 4
	case I64, U64, F64, C64:
		return 8
	}
	return unknown
}

// byteSize is the number of bytes that elements of type d fill in the given
// shape; a shape of rank 0 is a single element.
func byteSize(d DType, shape []int64) (int64, error) {
	size := d.Size()
	if size == unknown {
		return 0, fmt.Errorf("unknown dtype %q", clip(string(d)))
	}
	for _, n := range shape {
		if n < 0 {
			return 0, fmt.Errorf("negative dimension %d in its shape", n)
		}
	}
	// Every step is checked, also when a later dimension is 0, as the
	// reference implementation does.
	for _, n := range shape {
		if n != 0 && size > math.MaxInt64/n {
			return 0, fmt.Errorf("a shape too large to count in bytes")
		}
		size *= n
	}
	return size, nil
}

// clip shortens a name from a file so that a message stays one readable line.
func clip(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
