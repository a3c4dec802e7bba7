package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Array is a tensor as bytes: little-endian, row-major elements.
type Array struct {
	Name  string
	DType DType
	Shape []int64 // empty for a scalar
	Data  []byte
	// Load, when set, takes the place of Data in Write: it is called once,
	// when the array's turn has come, and its bytes are used only until the
	// next array's Load. So a device's tensors can pass through one buffer,
	// and a view of memory is written without a copy.
	Load func() ([]byte, error)
}

// ByteSize is the size of the data that the dtype and shape ask for. It fails
// on an unknown dtype, a negative dimension or a product beyond 2^63−1.
func (a Array) ByteSize() (int64, error) {
	size, err := byteSize(a.DType, a.Shape)
	if err != nil {
		return 0, fmt.Errorf("tensor %q has %w", clip(a.Name), err)
	}
	return size, nil
}

// Write writes a safetensors file: tensors sorted by the width of their dtype,
// widest first (so that each is aligned), then by name. Equal input gives
// equal bytes.
func Write(w io.Writer, metadata map[string]string, arrays []Array) error {
	arrays = layout(arrays)
	header, err := encodeHeader(metadata, arrays)
	if err != nil {
		return err
	}
	return writeAll(w, header, arrays)
}

// layout returns the arrays in the order in which they are written.
func layout(arrays []Array) []Array {
	sorted := slices.Clone(arrays)
	slices.SortFunc(sorted, func(a, b Array) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), strings.Compare(a.Name, b.Name))
	})
	return sorted
}

func writeAll(w io.Writer, header []byte, arrays []Array) error {
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, a := range arrays {
		data := a.Data
		if a.Load != nil {
			var err error
			if data, err = a.Load(); err != nil {
				return fmt.Errorf("cannot fetch tensor %q: %w", clip(a.Name), err)
			}
		}
		if err := checkData(a, data); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

func checkData(a Array, data []byte) error {
	size, err := a.ByteSize()
	if err == nil && int64(len(data)) != size {
		err = fmt.Errorf("tensor %q has %d bytes of data, but its dtype and shape need %d", clip(a.Name), len(data), size)
	}
	return err
}

// encodeHeader returns the length prefix and the padded header of arrays that
// are already in their order.
func encodeHeader(metadata map[string]string, arrays []Array) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8)) // the length, filled in below
	b.WriteByte('{')
	if len(metadata) > 0 {
		b.WriteString(`"` + metadataKey + `":{`)
		for i, key := range slices.Sorted(maps.Keys(metadata)) {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writePair(&b, key, metadata[key]); err != nil {
				return nil, err
			}
		}
		b.WriteByte('}')
	}
	var offset int64
	seen := make(map[string]bool, len(arrays))
	for i, a := range arrays {
		size, err := a.ByteSize()
		if err != nil {
			return nil, err
		}
		switch {
		case a.Name == metadataKey:
			return nil, fmt.Errorf("a tensor cannot be named %s", metadataKey)
		case seen[a.Name]:
			return nil, fmt.Errorf("two tensors are named %q", clip(a.Name))
		case size > math.MaxInt64-offset:
			return nil, fmt.Errorf("the tensors have more than 2^63−1 bytes together")
		case a.Load == nil: // fail before the first byte is written
			if err := checkData(a, a.Data); err != nil {
				return nil, err
			}
		}
		seen[a.Name] = true
		if i > 0 || len(metadata) > 0 {
			b.WriteByte(',')
		}
		if err := writeString(&b, a.Name); err != nil {
			return nil, err
		}
		shape := a.Shape
		if shape == nil {
			shape = []int64{} // encoding/json writes a nil slice as null
		}
		entry, err := json.Marshal(struct {
			DType   DType    `json:"dtype"`
			Shape   []int64  `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}{a.DType, shape, [2]int64{offset, offset + size}})
		if err != nil {
			return nil, err
		}
		b.WriteByte(':')
		b.Write(entry)
		offset += size
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	length := b.Len() - 8
	if length > MaxHeader {
		return nil, fmt.Errorf("the names and metadata need a header of %d bytes, and safetensors allows %d", length, MaxHeader)
	}
	header := b.Bytes()
	binary.LittleEndian.PutUint64(header, uint64(length))
	return header, nil
}

func writePair(b *bytes.Buffer, key, value string) error {
	if err := writeString(b, key); err != nil {
		return err
	}
	b.WriteByte(':')
	return writeString(b, value)
}

// writeString writes s as JSON, leaving '<', '>' and '&' as they are.
func writeString(b *bytes.Buffer, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%q is not valid UTF-8, as names and metadata must be", clip(s))
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // Encode ends with a newline
	return nil
}
