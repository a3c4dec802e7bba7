package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestTorchWriter: what is written, is read; storages begin at multiples of 64
// bytes and are not compressed, so that Python can map them.
func TestTorchWriter(t *testing.T) {
	s, err := OpenTorch(filepath.Join("testdata", "torch", "types-1.pth"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var want []Array
	for _, name := range s.Names() {
		a, err := s.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, a)
	}
	var w TorchWriter
	top, err := w.StateDict(want)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := w.Write(&b, "x", top); err != nil {
		t.Fatal(err)
	}
	f, err := NewTorch(bytes.NewReader(b.Bytes()), int64(b.Len()), "x.pth")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Names(), s.Names()) {
		t.Errorf("names %q, want %q", f.Names(), s.Names())
	}
	for _, a := range want {
		if got, err := f.Read(a.Name); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%s is %v, %v; want %v", a.Name, got, err, a)
		}
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range z.File {
		at, err := e.DataOffset()
		if err != nil || at%64 != 0 || e.Method != zip.Store {
			t.Errorf("%s begins at %d, method %d: %v", e.Name, at, e.Method, err)
		}
	}
}

func TestTorchWriterErrors(t *testing.T) {
	lost := errors.New("device lost")
	for want, arrays := range map[string][]Array{
		"a .pth cannot hold": {{Name: "a", DType: U16, Shape: []int64{1}, Data: make([]byte, 2)}},
		"two tensors":        {{Name: "a", DType: U8, Data: make([]byte, 1)}, {Name: "a", DType: U8, Data: make([]byte, 1)}},
		"at most 4 GiB":      {{Name: "a", DType: U8, Shape: []int64{1 << 32}}},
		"need 4":             {{Name: "a", DType: F32, Data: make([]byte, 3)}},
		"device lost":        {{Name: "a", DType: F32, Load: func() ([]byte, error) { return nil, lost }}},
	} {
		var w TorchWriter
		top, err := w.StateDict(arrays)
		if err == nil {
			err = w.Write(&bytes.Buffer{}, "x", top)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
