package data

import (
	"encoding/json"
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
