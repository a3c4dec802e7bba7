package data

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/recipe"
)

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

// A Parquet file that is cut anywhere, or is none.
func TestBadParquet(t *testing.T) {
	content, err := os.ReadFile("testdata/parquet/defaults.parquet")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	refused := func(content []byte) string {
		t.Helper()
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		_, _, err := openParquet(recipe.Data{Path: path})
		if err == nil || !strings.HasPrefix(err.Error(), path+" ") || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%d bytes: %v", len(content), err)
		}
		return strings.TrimPrefix(err.Error(), path+" ")
	}
	for n := 0; n < len(content); n += 1 + len(content)/150 {
		if got := refused(content[:n]); n >= 12 && !strings.HasPrefix(got, "is cut short: a Parquet file ends with PAR1; fetch it again") {
			t.Errorf("%d bytes: %s", n, got)
		}
	}
	for _, test := range []struct {
		content []byte
		want    string
	}{
		{nil, "is no Parquet file, for it has 0 bytes; fetch it again"},
		{bytes.Repeat([]byte("text"), 10), "is no Parquet file, which begins with PAR1; name the right file"},
		{append(content[:len(content)-4:len(content)-4], "PARE"...), "is encrypted; decrypt it"},
		{append(content[:len(content)-8:len(content)-8], "\xff\xff\xff\x7fPAR1"...), "is a damaged Parquet file (metadata of 2147483647 bytes); fetch it again"},
	} {
		if got := refused(test.content); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	// A damaged page shows when it is read, as a picture's fault.
	damaged := bytes.Clone(content)
	for i := 100; i < 400; i++ {
		damaged[i] ^= 0x55
	}
	if err := os.WriteFile(path, damaged, 0o666); err != nil {
		t.Fatal(err)
	}
	s, _, err := openParquet(recipe.Data{Path: path})
	if err != nil {
		if !strings.HasPrefix(err.Error(), path+" is a damaged Parquet file (") {
			t.Fatal(err)
		}
		return
	}
	defer s.Close()
	var buffer []byte
	if _, err := s.Read(0, &buffer); err == nil || !strings.HasPrefix(err.Error(), path+": row 0 ") || !strings.HasSuffix(err.Error(), "; fetch it again") {
		t.Error(err)
	}
}

// Labels of another type, or of other classes, than in the files before.
func TestParquetFilesThatDiffer(t *testing.T) {
	dir := t.TempDir()
	for to, from := range map[string]string{"names": "names", "numbers": "defaults", "two": "required", "declared": "datasets"} {
		content, err := os.ReadFile("testdata/parquet/" + from + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string][]byte{to + ".parquet": content})
		if to == "names" {
			write(t, dir, map[string][]byte{"other-names.parquet": bytes.ReplaceAll(content, []byte("bee"), []byte("fly"))})
		}
	}
	for _, test := range []struct{ train, test, want string }{
		{"{numbers,names}.parquet", "two.parquet", "names.parquet has BYTE_ARRAY (STRING) in the column label, unlike the files before it; convert it"},
		{"{names,numbers}.parquet", "two.parquet", "numbers.parquet has INT64 in the column label, unlike the files before it; convert it"},
		{"names.parquet", "other-names.parquet", "other-names.parquet: row 2 has a class that the training files do not have; remove its rows"},
		{"names.parquet", "numbers.parquet", "numbers.parquet has labels of another type than "},
		{"two.parquet", "numbers.parquet", "numbers.parquet: row 2 has the label 2, but there are 2 classes; mend the label"},
		{"{two,declared,numbers}.parquet", "names.parquet", "numbers.parquet: row 2 has the label 2, but the file declares 2 classes; mend one of them"},
		{"two.parquet", "{two,declared}.parquet", "two.parquet is named both for training and for evaluation"},
	} {
		_, err := Open(recipe.Data{Path: dir, Format: "parquet", Train: test.train, Test: test.test})
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, test.want)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}
