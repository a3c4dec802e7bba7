package data

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"cone/recipe"
)

// The files in testdata/shards and testdata/parquet come from Python's tarfile,
// webdataset, pyarrow and datasets, and so does what expected.json says that
// they hold; testdata/shards.py made them.

// knownRow is a picture as the other program reads it; nil is a row without one.
type knownRow struct {
	Size  int    `json:"size"`
	CRC32 uint32 `json:"crc32"`
	Label any    `json:"label"` // a number, or a class's name
	Key   string `json:"key"`
}

func knownFiles(t *testing.T, folder string) map[string][]*knownRow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][]*knownRow
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*."+map[string]string{"shards": "tar", "parquet": "parquet"}[folder]))
	if err != nil || len(files) != len(all) || len(all) == 0 {
		t.Fatalf("%d files, %d in expected.json, %v", len(files), len(all), err)
	}
	return all
}

// checkRow compares picture i with what the other program reads.
func checkRow(t *testing.T, s Source, i int, want *knownRow, buffer *[]byte) {
	t.Helper()
	got, err := s.Read(i, buffer)
	if want == nil {
		if err == nil || !strings.HasPrefix(err.Error(), s.Name(i)+" holds no picture") {
			t.Errorf("%s, which is empty: %d bytes, %v", s.Name(i), len(got), err)
		}
		return
	}
	if err != nil || len(got) != want.Size || crc32.ChecksumIEEE(got) != want.CRC32 {
		t.Errorf("%s: %d bytes of sum %d, %v; want %+v", s.Name(i), len(got), crc32.ChecksumIEEE(got), err, *want)
	}
	name := s.Classes()[s.Label(i)]
	switch label := want.Label.(type) {
	case string:
		if name != label {
			t.Errorf("%s is of class %s, want %s", s.Name(i), name, label)
		}
	default:
		if float64(s.Label(i)) != label.(float64) {
			t.Errorf("%s has the label %d, want %v", s.Name(i), s.Label(i), label)
		}
	}
}

// checkRows compares all pictures, first in order, then backwards on many
// goroutines.
func checkRows(t *testing.T, s Source, want []*knownRow) {
	t.Helper()
	if s.Len() != len(want) {
		t.Fatalf("%d pictures, want %d", s.Len(), len(want))
	}
	var buffer []byte
	for i, row := range want {
		checkRow(t, s, i, row, &buffer)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			var buffer []byte
			for i, row := range slices.Backward(want) {
				checkRow(t, s, i, row, &buffer)
			}
		})
	}
	group.Wait()
}

func TestShardsOfOtherPrograms(t *testing.T) {
	for name, want := range knownFiles(t, "shards") {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "shards", name)
			s, _, err := openWebDataset(recipe.Data{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			checkRows(t, s, want)
			for i, row := range want {
				if got := s.Name(i); !strings.HasPrefix(strings.ToLower(got), strings.ToLower(path+":"+row.Key+".")) {
					t.Errorf("sample %d is called %q, want %q", i, got, row.Key)
				}
			}
		})
	}
}

func TestParquetOfOtherPrograms(t *testing.T) {
	all := knownFiles(t, "parquet")
	classes := map[string][]string{
		"names.parquet": {"ape", "bee", "cat"}, "names-dictionary.parquet": {"ape", "bee", "cat"},
		"datasets.parquet": {"zebra", "ant"}, // as declared, not sorted
		"repeats.parquet":  {"0", "1"}, "required.parquet": {"0", "1"}, "paths.parquet": {"0", "1"},
	}
	for name, want := range all {
		if name == "paths.parquet" {
			continue // whose pictures are files: see TestParquetNamesFiles
		}
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "parquet", name)
			s, test, err := openParquet(recipe.Data{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if test != nil {
				t.Error("there is a test part")
			}
			checkRows(t, s, want)
			names, ok := classes[name]
			if !ok {
				names = []string{"0", "1", "2"}
			}
			if !slices.Equal(s.Classes(), names) {
				t.Errorf("classes %q, want %q", s.Classes(), names)
			}
			if last := s.Len() - 1; s.Name(last) != fmt.Sprintf("%s: row %d", path, last) {
				t.Errorf("the last row is called %q", s.Name(last))
			}
		})
	}
}

// Several files are one collection, whose shards are the row groups.
func TestParquetFilesInARow(t *testing.T) {
	all := knownFiles(t, "parquet")
	pattern := filepath.Join("testdata", "parquet", "{refused/no-rows,defaults,refused/no-rows,index-checksum,plain-zstd-v2}.parquet")
	s, _, err := openParquet(recipe.Data{Path: pattern})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	checkRows(t, s, slices.Concat(all["defaults.parquet"], all["index-checksum.parquet"], all["plain-zstd-v2.parquet"]))
	// Groups of 9 rows in the first file, of 25 in the second.
	if got, want := s.(Sharded).Shards(), []int{0, 9, 18, 27, 36, 40, 65, 80}; !slices.Equal(got, want) {
		t.Errorf("shards begin at %v, want %v", got, want)
	}
}

// Rows may name files beside the Parquet file, but no others.
func TestParquetNamesFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "collection")
	content, err := os.ReadFile("testdata/parquet/paths.parquet")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string][]byte{"paths.parquet": content, "../a.png": []byte("not for us")})
	s, _, err := openParquet(recipe.Data{Path: filepath.Join(dir, "paths.parquet")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var buffer []byte
	if _, err := s.Read(0, &buffer); err == nil || !strings.Contains(err.Error(), "paths.parquet: row 0 names a file that cannot be read") || !strings.Contains(err.Error(), "a.png") {
		t.Errorf("a file that is not there: %v", err)
	}
	write(t, dir, map[string][]byte{"pictures/a.png": []byte("beside")})
	for i, want := range []string{"beside", "own"} {
		if got, err := s.Read(i, &buffer); string(got) != want || err != nil {
			t.Errorf("row %d: %q, %v; want %q", i, got, err, want)
		}
	}
	if _, err := s.Read(2, &buffer); err == nil || !strings.Contains(err.Error(), `paths.parquet: row 2 names the file "../a.png", which is not in or below the folder`) {
		t.Errorf("a file elsewhere: %v", err)
	}
}

func TestParquetRefused(t *testing.T) {
	wants := map[string]string{
		"no-image":       "has no column image of encoded pictures (struct{bytes, path} or binary) but only picture, label; rename or add it",
		"no-label":       "has no column label or labels or fine_label but only image, target; rename or add it",
		"image-text":     "has BYTE_ARRAY (STRING) in the column image where encoded pictures (binary) are needed; convert it",
		"image-list":     "has no column image of encoded pictures (struct{bytes, path} or binary) but only image.list.element, label; rename or add it",
		"image-integer":  "has INT64 in the column image where encoded pictures (binary) are needed; convert it",
		"label-float":    "has DOUBLE in the column label where one integer or class name per row is needed; convert it",
		"label-list":     "has no column label or labels or fine_label but only image, label.list.element; rename or add it",
		"label-date":     "has INT32 (DATE) in the column label where one integer or class name per row is needed; convert it",
		"label-null":     "has no label (remove the row) in row 1 of the column label",
		"label-negative": "has the label -1 (a label is a number from 0 to 1048575) in row 1 of the column label",
		"label-huge":     "has the label 1099511627776 (a label is a number from 0 to 1048575) in row 1 of the column label",
		"no-rows":        "holds no rows; name other files in data.train",
		"brotli":         "has the column image compressed by BROTLI; write it again with snappy, zstd or gzip",
	}
	files, err := filepath.Glob("testdata/parquet/refused/*.parquet")
	if err != nil || len(files) != len(wants) {
		t.Fatalf("%d files, %d expected, %v", len(files), len(wants), err)
	}
	for _, path := range files {
		want := path + " " + wants[strings.TrimSuffix(filepath.Base(path), ".parquet")]
		if _, _, err := openParquet(recipe.Data{Path: path}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
