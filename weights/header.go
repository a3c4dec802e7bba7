package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"unicode/utf8"
)

// MaxHeader is the largest header in bytes that the format allows.
const MaxHeader = 100_000_000

const metadataKey = "__metadata__"

// Info describes a tensor in a file.
type Info struct {
	Name  string
	DType DType
	Shape []int64 // no entry for a scalar
	Size  int64   // bytes

	offset int64 // of the first byte, from the start of the data
}

// parseHeader reads the JSON header of a file whose data has dataSize bytes.
// The tensors come back in the order of their data.
func parseHeader(header []byte, dataSize int64) ([]Info, map[string]string, error) {
	switch {
	case len(header) == 0 || header[0] != '{':
		return nil, nil, errors.New("its header does not start with '{'")
	case !utf8.Valid(header):
		return nil, nil, errors.New("its header is not valid UTF-8")
	case !json.Valid(header):
		return nil, nil, errors.New("its header is not valid JSON")
	case loneSurrogate(header):
		return nil, nil, errors.New("its header holds half of a UTF-16 surrogate pair")
	}
	// encoding/json keeps the last of two equal keys and ignores the case of
	// struct keys, so the tokens are read one by one. The text is known to be
	// valid JSON from here on.
	p := parser{json.NewDecoder(bytes.NewReader(header))}
	p.UseNumber()

	var (
		tensors  []Info
		metadata = map[string]string{}
	)
	err := p.object(func(name string) error {
		if name == metadataKey {
			return p.object(func(key string) error {
				value, err := p.string()
				if err != nil {
					return fmt.Errorf("the value of %q in %s is not a string", clip(key), metadataKey)
				}
				metadata[key] = value
				return nil
			})
		}
		t, err := p.tensor(name, dataSize)
		if err != nil {
			return fmt.Errorf("tensor %q has %w", clip(name), err)
		}
		tensors = append(tensors, t)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if err := contiguous(tensors, dataSize); err != nil {
		return nil, nil, err
	}
	return tensors, metadata, nil
}

// contiguous sorts the tensors by position and checks that they cover the
// data without a gap or an overlap.
func contiguous(tensors []Info, dataSize int64) error {
	sort.Slice(tensors, func(i, j int) bool {
		a, b := tensors[i], tensors[j]
		if a.offset != b.offset {
			return a.offset < b.offset
		}
		if a.Size != b.Size { // an empty tensor sits before its neighbour
			return a.Size < b.Size
		}
		return a.Name < b.Name
	})
	var end int64
	for _, t := range tensors {
		if t.offset != end {
			return fmt.Errorf("tensor %q starts at byte %d of the data, but the one before it ends at %d", clip(t.Name), t.offset, end)
		}
		end += t.Size
	}
	if end != dataSize {
		return fmt.Errorf("its tensors need %d bytes of data, but %d are there", end, dataSize)
	}
	return nil
}

// parser walks the tokens of a header.
type parser struct{ *json.Decoder }

// object reads an object and calls value once per key, before the value.
func (p parser) object(value func(key string) error) error {
	if t, err := p.Token(); err != nil || t != json.Delim('{') {
		return errors.New("a value in its header is not an object")
	}
	seen := map[string]bool{}
	for p.More() {
		key, err := p.string()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("its header holds the key %q twice", clip(key))
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := p.Token()
	return err
}

func (p parser) string() (string, error) {
	t, err := p.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", errors.New("a value in its header is not a string")
	}
	return s, nil
}

// counts reads an array of non-negative integers.
func (p parser) counts() ([]int64, error) {
	if t, err := p.Token(); err != nil || t != json.Delim('[') {
		return nil, errors.New("no array")
	}
	values := []int64{}
	for p.More() {
		t, err := p.Token()
		if err != nil {
			return nil, err
		}
		text, _ := t.(json.Number)
		// 63 bits: the values are used as int64.
		n, err := strconv.ParseUint(string(text), 10, 63)
		if err != nil {
			return nil, errors.New("an entry that is no integer from 0 to 2^63−1")
		}
		values = append(values, int64(n))
	}
	_, err := p.Token()
	return values, err
}

// tensor reads the description of one tensor. Keys other than the format's
// three are skipped, as the reference implementation does.
func (p parser) tensor(name string, dataSize int64) (Info, error) {
	t := Info{Name: name}
	var offsets []int64
	err := p.object(func(key string) (err error) {
		switch key {
		case "dtype":
			var s string
			s, err = p.string()
			t.DType = DType(s)
		case "shape":
			t.Shape, err = p.counts()
		case "data_offsets":
			offsets, err = p.counts()
		default:
			var skipped json.RawMessage
			err = p.Decode(&skipped)
		}
		if err != nil {
			return fmt.Errorf("a bad %q: %w", clip(key), err)
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	if t.DType == "" || t.Shape == nil || offsets == nil {
		return t, errors.New("no dtype, shape or data_offsets")
	}
	if t.Size, err = byteSize(t.DType, t.Shape); err != nil {
		return t, err
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] || offsets[1] > dataSize {
		return t, fmt.Errorf("data_offsets %s that are no range of the %d bytes of data", clip(fmt.Sprint(offsets)), dataSize)
	}
	if t.offset = offsets[0]; offsets[1]-offsets[0] != t.Size {
		return t, fmt.Errorf("%d bytes of data, but its dtype and shape need %d", offsets[1]-offsets[0], t.Size)
	}
	return t, nil
}

// loneSurrogate reports an escape \uD800…\uDFFF in valid JSON that is not
// half of a pair: encoding/json would replace it silently, so that two
// different names could become one.
func loneSurrogate(text []byte) bool {
	unit := func(i int) (uint64, bool) {
		if i+6 > len(text) || text[i] != '\\' || text[i+1] != 'u' {
			return 0, false
		}
		u, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16)
		return u, err == nil
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		u, ok := unit(i)
		switch {
		case !ok:
			i++ // a two-byte escape; its second byte may be a backslash
		case u >= 0xD800 && u < 0xDC00:
			low, ok := unit(i + 6)
			if !ok || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 11
		case u >= 0xDC00 && u <= 0xDFFF:
			return true
		default:
			i += 5
		}
	}
	return false
}

// readHeader reads the length and the header of a file of size bytes.
func readHeader(r io.ReaderAt, size int64) ([]byte, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, fmt.Errorf("it has only %d bytes", size)
	}
	if err := readAt(r, prefix[:], 0); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > MaxHeader {
		return nil, fmt.Errorf("its header would have %d bytes, and %d are allowed", length, MaxHeader)
	}
	if length > uint64(size)-8 {
		return nil, fmt.Errorf("its header would have %d bytes, and only %d follow; the file may be cut off", length, size-8)
	}
	header := make([]byte, length)
	return header, readAt(r, header, 8)
}

// readAt fills buf; a reader may report io.EOF together with the last byte.
func readAt(r io.ReaderAt, buf []byte, offset int64) error {
	n, err := r.ReadAt(buf, offset)
	if n == len(buf) {
		return nil
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
