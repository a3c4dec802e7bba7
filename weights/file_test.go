package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// pythonArrays are the contents of testdata/python.safetensors, in file order.
func pythonArrays() (map[string]string, []Array) {
	return map[string]string{"note": `<é> "quoted"`}, []Array{
		{Name: "scalar", DType: I64, Shape: []int64{}, Data: []byte{7, 0, 0, 0, 0, 0, 0, 0}},
		{Name: "a.bias", DType: F32, Shape: []int64{2}, Data: floats(-1.5, 2.25)},
		{Name: "b.weight", DType: F32, Shape: []int64{2, 3}, Data: floats(0, .25, .5, .75, 1, 1.25)},
		{Name: "empty", DType: F16, Shape: []int64{0, 3}, Data: []byte{}},
		{Name: "mask", DType: Bool, Shape: []int64{3}, Data: []byte{1, 0, 1}},
	}
}

func TestReadPythonFile(t *testing.T) {
	f, err := Open(filepath.Join("testdata", "python.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	metadata, arrays := pythonArrays()
	if got := f.Metadata(); !reflect.DeepEqual(got, metadata) {
		t.Errorf("metadata %q, want %q", got, metadata)
	}
	var names []string
	for _, want := range arrays {
		names = append(names, want.Name)
		got, err := f.Read(want.Name)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Read(%q) = %+v, %v; want %+v", want.Name, got, err, want)
		}
		info, ok := f.Info(want.Name)
		if !ok || info.DType != want.DType || info.Size != int64(len(want.Data)) || !reflect.DeepEqual(info.Shape, want.Shape) {
			t.Errorf("Info(%q) = %+v, %v", want.Name, info, ok)
		}
	}
	if got := f.Names(); !reflect.DeepEqual(got, names) {
		t.Errorf("names %q, want %q", got, names)
	}
}

func TestWriteEqualsPythonFile(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "python.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	metadata, arrays := pythonArrays()
	lazy := make([]Array, len(arrays))
	for i, a := range arrays {
		lazy[i] = Array{Name: a.Name, DType: a.DType, Shape: a.Shape, Load: func() ([]byte, error) { return a.Data, nil }}
	}
	for _, arrays := range [][]Array{arrays, lazy} {
		for range arrays { // the order given makes no difference
			arrays = append(arrays[1:], arrays[0])
			var got bytes.Buffer
			if err := Write(&got, metadata, arrays); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Fatalf("\n got %q\nwant %q", got.Bytes(), want)
			}
		}
	}
}

func TestReadErrorsNameFileAndTensor(t *testing.T) {
	path := filepath.Join("testdata", "python.safetensors")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Read("fc.weight")
	for _, err := range []error{err, f.ReadInto("fc.weight", nil), f.ReadInto("a.bias", make([]byte, 7)), f.ReadInto("a.bias", make([]byte, 9))} {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v does not name %s", err, path)
		}
	}
	if _, ok := f.Info("fc.weight"); ok {
		t.Error("Info found a tensor that is not there")
	}
	dir := t.TempDir()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("opening a folder: %v", err)
	}
}

// encode builds a file from a header as text.
func encode(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func parse(b []byte) (*File, error) {
	return NewFile(bytes.NewReader(b), int64(len(b)), "x.safetensors")
}

func entry(name, dtype, shape string, from, to int) string {
	return fmt.Sprintf(`"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, name, dtype, shape, from, to)
}

func TestAcceptsLegalHeaders(t *testing.T) {
	for name, b := range map[string][]byte{
		"no tensors":            encode(`{}`, 0),
		"padding":               encode(`{}      `, 0),
		"empty metadata":        encode(`{"__metadata__":{}}`, 0),
		"scalar":                encode(`{`+entry("a", "F64", "[]", 0, 8)+`}`, 8),
		"empty tensor":          encode(`{`+entry("a", "F64", "[3,0]", 0, 0)+`}`, 0),
		"data in another order": encode(`{`+entry("a", "U8", "[1]", 2, 3)+`,`+entry("b", "BF16", "[1]", 0, 2)+`}`, 3),
		"empty tensors between": encode(`{`+entry("z", "U8", "[2]", 0, 2)+`,`+entry("b", "U8", "[0]", 2, 2)+`,`+entry("c", "U8", "[0]", 0, 0)+`,`+entry("d", "U8", "[1]", 2, 3)+`}`, 3),
		"further keys":          encode(`{"a":{"extra":{"b":[1,{"c":null}]},"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1),
		"surrogate pair":        encode(`{`+entry(`😀`, "U8", "[1]", 0, 1)+`}`, 1),
		"escaped backslash":     encode(`{`+entry(`a\\ud800`, "U8", "[1]", 0, 1)+`}`, 1),
	} {
		if _, err := parse(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRejectsBadFiles(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, MaxHeader+1)
	for name, c := range map[string]struct {
		data []byte
		want string // part of the message
	}{
		"empty file":               {nil, "0 bytes"},
		"seven bytes":              {make([]byte, 7), "7 bytes"},
		"empty header":             {make([]byte, 8), "'{'"},
		"header too large":         {append(huge, make([]byte, 64)...), "100000000 are allowed"},
		"header length wraps":      {bytes.Repeat([]byte{0xff}, 16), "100000000 are allowed"},
		"header beyond file":       {encode(`{}`, 0)[:9], "only 1 follow"},
		"leading space":            {encode(` {}`, 0), "'{'"},
		"array":                    {encode(`[]`, 0), "'{'"},
		"cut JSON":                 {encode(`{"a":`, 0), "valid JSON"},
		"text after header":        {encode(`{} x`, 0), "valid JSON"},
		"invalid UTF-8":            {encode("{\"\xff\":1}", 0), "UTF-8"},
		"lone surrogate":           {encode(`{`+entry(`\ud800`, "U8", "[1]", 0, 1)+`}`, 1), "surrogate"},
		"reversed surrogates":      {encode(`{`+entry(`\udc00\ud800`, "U8", "[1]", 0, 1)+`}`, 1), "surrogate"},
		"duplicate tensor":         {encode(`{`+entry("a", "U8", "[1]", 0, 1)+`,`+entry("a", "U8", "[1]", 1, 2)+`}`, 2), `"a" twice`},
		"duplicate by escape":      {encode(`{`+entry("a", "U8", "[1]", 0, 1)+`,`+entry(`\u0061`, "U8", "[1]", 1, 2)+`}`, 2), `"a" twice`},
		"duplicate metadata":       {encode(`{"__metadata__":{"k":"1","k":"2"}}`, 0), `"k" twice`},
		"duplicate metadata block": {encode(`{"__metadata__":{},"__metadata__":{}}`, 0), "twice"},
		"duplicate dtype":          {encode(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "twice"},
		"metadata not a string":    {encode(`{"__metadata__":{"k":1}}`, 0), `"k"`},
		"metadata not an object":   {encode(`{"__metadata__":null}`, 0), "object"},
		"tensor not an object":     {encode(`{"a":[]}`, 0), `"a"`},
		"key of another case":      {encode(`{"a":{"DType":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "no dtype"},
		"no shape":                 {encode(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1), "no dtype, shape"},
		"null shape":               {encode(`{`+entry("a", "U8", "null", 0, 1)+`}`, 1), "shape"},
		"unknown dtype":            {encode(`{`+entry("a", "F33", "[1]", 0, 4)+`}`, 4), `"F33"`},
		"lower-case dtype":         {encode(`{`+entry("a", "f32", "[1]", 0, 4)+`}`, 4), `"f32"`},
		"negative dimension":       {encode(`{`+entry("a", "U8", "[-1]", 0, 1)+`}`, 1), "shape"},
		"fractional dimension":     {encode(`{`+entry("a", "U8", "[1.0]", 0, 1)+`}`, 1), "shape"},
		"dimension beyond int64":   {encode(`{`+entry("a", "U8", "[9223372036854775808]", 0, 1)+`}`, 1), "shape"},
		"shape overflow":           {encode(`{`+entry("a", "U8", "[4294967296,4294967296]", 0, 0)+`}`, 0), "too large"},
		"dtype overflow":           {encode(`{`+entry("a", "F64", "[2305843009213693952]", 0, 0)+`}`, 0), "too large"},
		"overflow before zero":     {encode(`{`+entry("a", "U8", "[4294967296,4294967296,0]", 0, 0)+`}`, 0), "too large"},
		"size mismatch":            {encode(`{`+entry("a", "F32", "[2]", 0, 4)+`}`, 4), "need 8"},
		"three offsets":            {encode(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, 1), "data_offsets"},
		"offsets reversed":         {encode(`{`+entry("a", "U8", "[1]", 1, 0)+`}`, 1), "data_offsets"},
		"offsets beyond file":      {encode(`{`+entry("a", "U8", "[2]", 0, 2)+`}`, 1), "data_offsets"},
		"gap at start":             {encode(`{`+entry("a", "U8", "[1]", 1, 2)+`}`, 2), "starts at byte 1"},
		"gap":                      {encode(`{`+entry("a", "U8", "[1]", 0, 1)+`,`+entry("b", "U8", "[1]", 2, 3)+`}`, 3), "starts at byte 2"},
		"overlap":                  {encode(`{`+entry("a", "U8", "[2]", 0, 2)+`,`+entry("b", "U8", "[2]", 1, 3)+`}`, 3), "starts at byte 1"},
		"shared range":             {encode(`{`+entry("a", "U8", "[2]", 0, 2)+`,`+entry("b", "U8", "[2]", 0, 2)+`}`, 2), "starts at byte 0"},
		"data left over":           {encode(`{`+entry("a", "U8", "[1]", 0, 1)+`}`, 2), "need 1 bytes"},
		"data without tensors":     {encode(`{}`, 1), "need 0 bytes"},
	} {
		_, err := parse(c.data)
		switch {
		case err == nil:
			t.Errorf("%s: accepted", name)
		case !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.safetensors"):
			t.Errorf("%s: %v; want the file and %q in it", name, err, c.want)
		}
	}
}

func TestErrorsStayShort(t *testing.T) {
	_, err := parse(encode(`{`+entry(strings.Repeat("n", 1<<20), strings.Repeat("d", 1<<20), "[1]", 0, 1)+`}`, 1))
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

func FuzzNewFile(f *testing.F) {
	python, err := os.ReadFile(filepath.Join("testdata", "python.safetensors"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(python)
	f.Add(encode(`{"__metadata__":{"a":"b"},`+entry("a", "U8", "[1]", 0, 1)+`}`, 1))
	f.Add(encode(`{`+entry(`\ud83d\ude00`, "F8_E4M3", "[2,0]", 0, 0)+`}`, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := parse(b)
		if err != nil {
			return
		}
		// What is accepted covers the data exactly and survives a rewrite.
		var arrays []Array
		total := 0
		for _, name := range file.Names() {
			a, err := file.Read(name)
			if err != nil {
				t.Fatal(err)
			}
			total += len(a.Data)
			arrays = append(arrays, a)
		}
		if want := len(b) - 8 - int(binary.LittleEndian.Uint64(b)); total != want {
			t.Fatalf("tensors hold %d bytes of %d", total, want)
		}
		var out bytes.Buffer
		if err := Write(&out, file.Metadata(), arrays); err != nil {
			t.Fatal(err)
		}
		again, err := parse(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again.Metadata(), file.Metadata()) {
			t.Fatal("metadata changed")
		}
		for _, want := range arrays {
			if got, err := again.Read(want.Name); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%q changed: %v", want.Name, err)
			}
		}
	})
}
