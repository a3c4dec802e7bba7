package index

import (
	"bytes"
	"encoding/binary"
	"flag"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// repaired gives a file the sums that its bytes need, where sections lie in it:
// a lying file rather than a damaged one.
func repaired(data []byte) []byte {
	data = append([]byte(nil), data...)
	if len(data) < headerSize {
		return data
	}
	for i := range sectionCount {
		at := data[sectionAt+perSection*i:]
		offset, length := binary.LittleEndian.Uint64(at), binary.LittleEndian.Uint64(at[8:])
		if offset <= uint64(len(data)) && length <= uint64(len(data))-offset {
			binary.LittleEndian.PutUint32(at[16:], crc32.Checksum(data[offset:offset+length], castagnoli))
		}
	}
	binary.LittleEndian.PutUint32(data[12:], crc32.Checksum(data[sectionAt:headerSize], castagnoli))
	return data
}

// use does with a file all that can be done. An error must be one line.
func use(t *testing.T, data []byte) error {
	path := filepath.Join(t.TempDir(), "x.index")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	x, err := Open(path)
	if err == nil {
		defer x.Close()
		var vector []float32
		for i := range x.Len() {
			if _, e := x.Entry(i); e != nil {
				err = e
			}
			vector = x.Vector(i, vector)
		}
		query := make([]float32, x.Meta().Dim)
		query[0] = 1
		for _, approximate := range []bool{false, true} {
			if _, e := x.Search(query, 3, SearchOptions{Threads: 2, Approximate: approximate}); e != nil {
				err = e
			}
		}
		if e := x.Verify(); e != nil {
			err = e
		}
	}
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	return err
}

func seeds(t testing.TB) (files [][]byte) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, p := range precisions {
		x := made(t, someMeta(5, p), someVectors(r, 4, 5), someEntries(4))
		if err := BuildGraph(t.Context(), x.Path(), GraphOptions{Links: 2, Threads: 1}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(x.Path())
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
	return files
}

// FuzzOpen gives any bytes to the reader, as they are and with the right sums.
func FuzzOpen(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
		f.Add(data[:len(data)*2/3])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<20 {
			use(t, data)
			use(t, repaired(data))
		}
	})
}

var writeSeeds = flag.Bool("write-seeds", false, "write the seeds of FuzzOpen to testdata/fuzz")

// The committed seeds are files of today's format: one that changes it must
// write them anew, with -write-seeds, and count the version up.
func TestSeedsAreSound(t *testing.T) {
	folder := filepath.Join("testdata", "fuzz", "FuzzOpen")
	if *writeSeeds {
		for i, data := range seeds(t) {
			text := "go test fuzz v1\n[]byte(" + strconv.Quote(string(data)) + ")\n"
			if err := os.WriteFile(filepath.Join(folder, string(precisions[i])), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range precisions {
		text, err := os.ReadFile(filepath.Join(folder, string(p)))
		if err != nil {
			t.Fatal(err)
		}
		quoted := strings.TrimSuffix(strings.TrimPrefix(string(text), "go test fuzz v1\n[]byte("), ")\n")
		data, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		if err := use(t, []byte(data)); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// Every byte counts: a file with any one changed, or of any other length, is
// refused by Open or Verify. Between sections lie bytes that mean nothing.
func TestDamage(t *testing.T) {
	for _, data := range seeds(t) {
		sections, err := parseHeader(data, uint64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		meaning := make([]bool, len(data))
		for i := range headerSize {
			meaning[i] = true
		}
		for _, s := range sections {
			for i := s.offset; i < s.offset+s.length; i++ {
				meaning[i] = true
			}
		}
		for i := range data {
			data[i] ^= 0x10
			if err := use(t, data); (err != nil) != meaning[i] {
				t.Errorf("byte %d of %d changed: %v", i, len(data), err)
			}
			data[i] ^= 0x10
		}
		for n := 0; n < len(data); n += 7 {
			if err := use(t, data[:n]); err == nil {
				t.Errorf("a file cut at byte %d was read", n)
			}
		}
		if err := use(t, append(data, 0)); err == nil {
			t.Error("a file with a byte too many was read")
		}
	}
}

// Files with sound sums that say what cannot be.
func TestLies(t *testing.T) {
	for want, change := range map[string]func(data []byte, s [sectionCount]section){
		"version 3":                 func(d []byte, _ [sectionCount]section) { d[8] = 3 },
		"behind its end":            func(d []byte, _ [sectionCount]section) { d[sectionAt+15] = 0xff },
		"begin at byte":             func(d []byte, _ [sectionCount]section) { d[sectionAt+perSection]++ },
		"no JSON":                   func(d []byte, s [sectionCount]section) { d[s[metaSection].offset] = '[' },
		"has the label 9":           func(d []byte, s [sectionCount]section) { d[s[labelSection].offset] = 9 },
		"ends of names are damaged": func(d []byte, s [sectionCount]section) { d[s[nameEndSection].offset+7] = 0x80 },
		"4 entries need 4": func(d []byte, s [sectionCount]section) {
			d[sectionAt+perSection*addedSection+8]--
		},
		"vectors have": func(d []byte, _ [sectionCount]section) {
			// As long as before, but a row of 99 float32 is longer than one of 5.
			copy(d, bytes.Replace(bytes.Replace(d, []byte(`"dim":5`), []byte(`"dim":99`), 1), []byte("05Z"), []byte("5Z"), 1))
		},
		"errors of sketches have": func(d []byte, _ [sectionCount]section) {
			copy(d[strings.Index(string(d), `"fp32"`):], `"int8"`)
		},
		"graph is damaged": func(d []byte, s [sectionCount]section) { d[s[graphSection].offset+5]++ },
	} {
		data := append([]byte(nil), seeds(t)[0]...)
		sections, err := parseHeader(data, uint64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		change(data, sections)
		if err := use(t, repaired(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", want, err)
		}
	}
}

// A file cut short while it is mapped gives errors.
func TestCutWhileOpen(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	x := made(t, someMeta(64, FP32), someVectors(r, 200, 64), someEntries(200))
	if err := os.Truncate(x.Path(), headerSize); err != nil {
		t.Fatal(err)
	}
	_, searched := x.Search(make([]float32, 64), 1, SearchOptions{})
	_, read := x.Entry(199)
	for name, err := range map[string]error{"Search": searched, "Entry": read, "Verify": x.Verify()} {
		if err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(error).Error(), "cut short") {
			t.Errorf("Vector panics with %v", r)
		}
	}()
	x.Vector(199, nil)
}
