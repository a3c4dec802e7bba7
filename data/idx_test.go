package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"cone/augment"
)

// idx writes a file of uint8 elements in the idx format.
func idx(elements []byte, dims ...int) []byte {
	file := []byte{0, 0, 8, byte(len(dims))}
	for _, dim := range dims {
		file = binary.BigEndian.AppendUint32(file, uint32(dim))
	}
	return append(file, elements...)
}

func zip(content []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(content)
	w.Close()
	return out.Bytes()
}

// noise is n bytes that gzip cannot make smaller.
func noise(n int) []byte {
	bytes, random := make([]byte, n), augment.NewStream(0)
	for i := range bytes {
		bytes[i] = byte(random.Uint64())
	}
	return bytes
}

func TestReadIDX(t *testing.T) {
	elements := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	for name, file := range map[string][]byte{
		"plain": idx(elements, 2, 3, 2),
		"gzip":  zip(idx(elements, 2, 3, 2)),
	} {
		// Readers that hand out single bytes, or data together with the end.
		for _, r := range []io.Reader{bytes.NewReader(file), iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
			dims, got, err := readIDX(r, magicImages)
			if err != nil || !slices.Equal(dims, []int{2, 3, 2}) || !slices.Equal(got, elements) {
				t.Errorf("%s: %v %v %v", name, dims, got, err)
			}
		}
	}
}

// A file larger than the first allocation, with a size that doubling misses.
func TestReadIDXGrows(t *testing.T) {
	elements := make([]byte, 3*firstRead+12345)
	for i := range elements {
		elements[i] = byte(i * 7 >> 3)
	}
	_, got, err := readIDX(bytes.NewReader(idx(elements, len(elements))), magicLabels)
	if err != nil || !bytes.Equal(got, elements) {
		t.Errorf("%d bytes read, error %v", len(got), err)
	}
}

func TestReadIDXErrors(t *testing.T) {
	good := idx([]byte{1, 2, 3, 4}, 1, 2, 2)
	zipped := zip(idx(bytes.Repeat([]byte("noise"), 100), 5, 10, 10))
	flipped := slices.Clone(zipped)
	flipped[len(flipped)-8] ^= 1 // the checksum
	cut := zip(idx(noise(5000), 50, 10, 10))[:3000]
	corrupt := slices.Clone(zipped)
	corrupt[10] = 0xff // an invalid block type
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "ends inside its header"},
		{"cut in the magic", good[:3], "ends inside its header"},
		{"cut in the dimensions", good[:13], "ends inside its header"},
		{"cut in the data", good[:len(good)-1], "ends after 3 of the 4 bytes of data its header declares; fetch the file again"},
		{"no data", good[:16], "ends after 0 of the 4 bytes"},
		{"trailing byte", append(slices.Clone(good), 0), "goes on after the 4 bytes of data"},
		{"labels", idx([]byte{1}, 1), "starts with the magic number 2049"},
		{"labels, remedy", idx([]byte{1}, 1), "it holds labels: check whether files were swapped"},
		{"web page", []byte("<!DOCTYPE html>"), `("<!DO") where image files have 2051; it is no idx file`},
		{"little-endian", []byte{3, 8, 0, 0, 1, 0, 0, 0}, "starts with the magic number 50855936"},
		{"signed elements", append([]byte{0, 0, 9, 3}, good[4:]...), "starts with the magic number 2307"},
		{"no images", idx(nil, 0, 28, 28), "declares no data (dimensions [0 28 28])"},
		{"no columns", idx(nil, 5, 28, 0), "declares no data"},
		{"too large", idx(nil, 1<<20, 1<<10, 1<<10), "more than the 4294967296 bytes"},
		{"overflow", idx(nil, 1<<31, 1<<31, 4), "more than the 4294967296 bytes"},
		{"wrong size", idx([]byte{1, 2, 3, 4}, 2, 2, 2), "ends after 4 of the 8 bytes"},
		{"gzip: head only", zipped[:5], "is a truncated gzip file"},
		{"gzip: cut", cut, "of the 5000 bytes of data its header declares; fetch the file again"},
		{"gzip: no trailer", zipped[:len(zipped)-8], "truncated"},
		{"gzip: checksum", flipped, "is a damaged gzip file (gzip: invalid checksum)"},
		{"gzip: corrupt", corrupt, "is a damaged gzip file (flate: corrupt input"},
		{"gzip: trailing file", append(slices.Clone(zipped), zip([]byte{1})...), "goes on after the 500 bytes"},
		{"gzip: trailing rubbish", append(slices.Clone(zipped), "rubbish, and more"...), "is a damaged gzip file"},
		{"gzip: too short inside", zip(good[:17]), "ends after 1 of the 4 bytes"},
	} {
		_, _, err := readIDX(bytes.NewReader(c.file), magicImages)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s: the error has several lines: %q", c.name, err)
		}
	}
	if _, _, err := readIDX(bytes.NewReader(good), magicLabels); err == nil || !strings.Contains(err.Error(), "it holds images") {
		t.Errorf("images for labels: %v", err)
	}
	if _, _, err := readIDX(iotest.TimeoutReader(bytes.NewReader(make([]byte, 1<<20))), magicImages); err == nil {
		t.Error("a failing disk went unnoticed")
	}
}

// A header that declares gigabytes must not make the reader allocate them,
// neither at once nor after the first bytes came.
func TestReadIDXAllocatesByTheBytesPresent(t *testing.T) {
	for _, present := range []int{3, firstRead + 3} {
		file := idx(make([]byte, present), 1<<31)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := readIDX(bytes.NewReader(file), magicLabels)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Error("no error")
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8*firstRead {
			t.Errorf("%d bytes were allocated for a file of %d", grown, len(file))
		}
	}
}

var quoted = regexp.MustCompile(`\("(\\.|[^"\\])*"\)`)

func FuzzReadIDX(f *testing.F) {
	good := idx([]byte{1, 2, 3, 4}, 1, 2, 2)
	for _, seed := range [][]byte{good, idx([]byte{7, 8, 9}, 3), zip(good), zip(good)[:15], idx(nil, 1<<31, 1<<31, 1<<31)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, magic := range []uint32{magicImages, magicLabels} {
			dims, elements, err := readIDX(bytes.NewReader(file), magic)
			if err != nil {
				// What the file begins with is quoted, and may look like anything.
				if text := quoted.ReplaceAllString(err.Error(), ""); strings.Contains(text, "\n") || strings.Contains(text, "%!") {
					t.Errorf("badly worded error: %q", err)
				}
				continue
			}
			// What was read, written again, is what was in the file.
			content := file
			if file[0] == 0x1f {
				r, err := gzip.NewReader(bytes.NewReader(file))
				if err != nil {
					t.Fatal(err)
				}
				if content, err = io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(idx(elements, dims...), content) {
				t.Errorf("%v %v was read from %v", dims, elements, content)
			}
		}
	})
}
