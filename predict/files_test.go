package predict

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// rows are embeddings with names that are awkward.
func rows(add func(name, label string, row []float32) error) error {
	for i, name := range []string{"a.jpg", "b\tc\n.jpg", "é.jpg"} {
		label := ""
		if i == 1 {
			label = "coat"
		}
		if err := add(name, label, []float32{float32(i), -0.5, 1e-20, 4}); err != nil {
			return err
		}
	}
	return nil
}

func TestNPY(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.npy")
	if err := NPY(path, rows); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header := int(binary.LittleEndian.Uint16(raw[8:]))
	if string(raw[:8]) != "\x93NUMPY\x01\x00" || (header+10)%64 != 0 || raw[header+9] != '\n' ||
		!strings.Contains(string(raw[10:header+10]), "'shape': (3, 4)") {
		t.Fatalf("the header is %q", raw[:header+10])
	}
	if n := len(raw) - header - 10; n != 3*4*4 {
		t.Fatalf("%d bytes of data", n)
	}
	if v := math.Float32frombits(binary.LittleEndian.Uint32(raw[header+10+4*5:])); v != -0.5 {
		t.Errorf("row 1 holds %v", v)
	}
	names, err := os.ReadFile(strings.TrimSuffix(path, ".npy") + ".tsv")
	if want := "a.jpg\nb\\tc\\n.jpg\tcoat\né.jpg\n"; err != nil || string(names) != want {
		t.Errorf("the names are %q: %v", names, err)
	}
}

// Python's numpy reads the same numbers.
func TestNumpyReadsNPY(t *testing.T) {
	if exec.Command("python3", "-c", "import numpy").Run() != nil {
		t.Skip("there is no python3 with numpy")
	}
	path := filepath.Join(t.TempDir(), "e.npy")
	if err := NPY(path, rows); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("python3", "-c", "import numpy, sys; e = numpy.load(sys.argv[1]); print(e.dtype, e.shape, e.tolist())", path).CombinedOutput()
	if want := "float32 (3, 4) [[0.0, -0.5, "; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("numpy reads %s: %v", out, err)
	}
}

func TestNothingIsLeftOfAFailure(t *testing.T) {
	dir := t.TempDir()
	for name, write := range map[string]func(string, func(func(name, label string, row []float32) error) error) error{"e.npy": NPY, "e.parquet": Parquet} {
		err := write(filepath.Join(dir, name), func(add func(name, label string, row []float32) error) error {
			if err := rows(add); err != nil {
				return err
			}
			return fmt.Errorf("stopped")
		})
		if err == nil || !strings.Contains(err.Error(), "stopped") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

func TestParquet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.parquet")
	if err := Parquet(path, rows); err != nil {
		t.Fatal(err)
	}
	got, err := parquet.ReadFile[Embedding](path)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d rows: %v", len(got), err)
	}
	if got[1].Path != "b\tc\n.jpg" || got[0].Label != nil || got[1].Label == nil || *got[1].Label != "coat" ||
		!slices.Equal(got[2].Embedding, []float32{2, -0.5, 1e-20, 4}) {
		t.Errorf("the rows are %+v", got)
	}
}
