package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestWriteOrderAndAlignment(t *testing.T) {
	arrays := []Array{
		{Name: "u8", DType: U8, Shape: []int64{3}, Data: make([]byte, 3)},
		{Name: "f16", DType: F16, Shape: []int64{1}, Data: make([]byte, 2)},
		{Name: "z", DType: F32, Data: make([]byte, 4)},
		{Name: "a", DType: I32, Data: make([]byte, 4)},
		{Name: "i64", DType: I64, Data: make([]byte, 8)},
	}
	var b bytes.Buffer
	if err := Write(&b, nil, arrays); err != nil {
		t.Fatal(err)
	}
	if arrays[0].Name != "u8" {
		t.Error("Write reordered the caller's slice")
	}
	if n := binary.LittleEndian.Uint64(b.Bytes()); n%8 != 0 {
		t.Errorf("header of %d bytes is not padded to 8", n)
	}
	f, err := parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Names(), []string{"i64", "a", "z", "f16", "u8"}; !reflect.DeepEqual(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
	for _, info := range f.tensors {
		if at := f.dataStart + info.offset; at%info.DType.Size() != 0 {
			t.Errorf("%s at byte %d is not aligned", info.Name, at)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	failed := errors.New("device lost")
	for name, c := range map[string]struct {
		metadata map[string]string
		arrays   []Array
		want     string
	}{
		"same name":         {nil, []Array{{Name: "a", DType: U8, Data: []byte{1}}, {Name: "a", DType: U8, Data: []byte{1}}}, `two tensors are named "a"`},
		"reserved name":     {nil, []Array{{Name: "__metadata__", DType: U8, Data: []byte{1}}}, "__metadata__"},
		"short data":        {nil, []Array{{Name: "a", DType: F32, Shape: []int64{2}, Data: make([]byte, 7)}}, "7 bytes"},
		"short lazy data":   {nil, []Array{{Name: "a", DType: F32, Shape: []int64{2}, Load: func() ([]byte, error) { return make([]byte, 9), nil }}}, "9 bytes"},
		"load fails":        {nil, []Array{{Name: "a", DType: U8, Load: func() ([]byte, error) { return nil, failed }}}, "device lost"},
		"unknown dtype":     {nil, []Array{{Name: "a", DType: "F12"}}, `"F12"`},
		"negative shape":    {nil, []Array{{Name: "a", DType: U8, Shape: []int64{-1}}}, "negative"},
		"too large":         {nil, []Array{{Name: "a", DType: U8, Shape: []int64{math.MaxInt64}, Load: func() ([]byte, error) { return nil, nil }}, {Name: "b", DType: U8, Data: []byte{1}}}, "together"},
		"name not UTF-8":    {nil, []Array{{Name: "\xff", DType: U8, Data: []byte{1}}}, "UTF-8"},
		"value not UTF-8":   {map[string]string{"k": "\xff"}, nil, "UTF-8"},
		"metadata too long": {map[string]string{"k": strings.Repeat("x", MaxHeader)}, nil, "100000000"},
	} {
		err := Write(io.Discard, c.metadata, c.arrays)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

func TestWriteReportsFailingWriter(t *testing.T) {
	for _, limit := range []int{0, 8, 200} {
		w := &limitedWriter{limit: limit}
		err := Write(w, nil, []Array{{Name: "a", DType: U8, Shape: []int64{1000}, Data: make([]byte, 1000)}})
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

// limitedWriter fails once it has taken limit bytes.
type limitedWriter struct{ limit int }

func (w *limitedWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.limit)
	w.limit -= n
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}
