package data

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cone/recipe"
)

func TestLists(t *testing.T) {
	for _, test := range []struct {
		name           string
		files          map[string]string
		train, test    string
		classes        []string
		labels, tested []int // tested is nil where test images are held out
	}{
		{
			"numbers", map[string]string{"train.txt": "a.jpg 0\nb c.jpg 2\r\n\n# a comment\nd.jpg\t1", "val.txt": "e.jpg 2\n"}, "", "",
			[]string{"0", "1", "2"}, []int{0, 2, 1}, []int{2},
		},
		{
			"names, sorted", map[string]string{"train.txt": "\ufeffz.jpg zebra\na.jpg ant\nb.jpg bee\n", "test.txt": "x.jpg bee\n"}, "", "",
			[]string{"ant", "bee", "zebra"}, []int{2, 0, 1}, []int{1},
		},
		{
			"numbers with names", map[string]string{"train.txt": "a 1\nb 0\n", "valid.txt": "c 2\n", "classes.txt": "zebra\nant\nbee\n"}, "", "",
			[]string{"zebra", "ant", "bee"}, []int{1, 0}, []int{2},
		},
		{
			"names in a given order", map[string]string{"train.txt": "a ant\nb zebra\n", "validation.txt": "c bee\n", "classes.txt": "zebra\nant\nbee\n"}, "", "",
			[]string{"zebra", "ant", "bee"}, []int{1, 0}, []int{2},
		},
		{
			"lists of other names", map[string]string{"fold-1.lst": "a 0\nb 1\n", "fold-2.lst": "c 1\n", "val.txt": "not this 0\n"}, "fold-1.lst", "fold-2.lst",
			[]string{"0", "1"}, []int{0, 1}, []int{1},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string][]byte{}
			for name, text := range test.files {
				files[name] = []byte(text)
			}
			c, err := Open(recipe.Data{Path: write(t, t.TempDir(), files), Format: "auto", Train: test.train, Test: test.test})
			if err != nil {
				t.Fatal(err)
			}
			if c.Format != "list" || c.Split || !slices.Equal(c.Train.Classes(), test.classes) || !slices.Equal(c.Test.Classes(), test.classes) {
				t.Errorf("%s, %v, classes %q and %q", c.Format, c.Split, c.Train.Classes(), c.Test.Classes())
			}
			if !slices.Equal(labelsOf(c.Train), test.labels) || !slices.Equal(labelsOf(c.Test), test.tested) {
				t.Errorf("labels %v and %v, want %v and %v", labelsOf(c.Train), labelsOf(c.Test), test.labels, test.tested)
			}
		})
	}
}

// Paths lie relative to the list, or anywhere; they may have spaces.
func TestListPaths(t *testing.T) {
	other := write(t, t.TempDir(), map[string][]byte{"far.jpg": []byte("far")})
	dir := write(t, t.TempDir(), map[string][]byte{
		"some.txt":        []byte("in/near one.jpg 0\n" + other + "/far.jpg 1\nmissing.jpg 1\n"),
		"in/near one.jpg": []byte("near"),
	})
	s, test, err := openLists(filepath.Join(dir, "some.txt"), "", "")
	if err != nil || test != nil {
		t.Fatalf("%v, test part %v", err, test)
	}
	var buffer []byte
	for i, want := range []string{"near", "far"} {
		if got, err := s.Read(i, &buffer); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", s.Name(i), got, err)
		}
	}
	missing := filepath.Join(dir, "missing.jpg")
	if _, err := s.Read(2, &buffer); s.Name(2) != missing || err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("%s: %v", s.Name(2), err)
	}
}

func TestListErrors(t *testing.T) {
	long := strings.Repeat("x", maxListLine+1)
	for _, test := range []struct{ train, val, classes, want string }{
		{"a.jpg 0\nb.jpg\n", "", "", `train.txt:2 has "b.jpg", but no label; write "path label"`},
		{"a.jpg 0\nb.jpg dog\n", "", "", `train.txt:2 has the label "dog"; it must be a number from 0, as in line 1`},
		{"# x\na.jpg 0\nb.jpg -1\n", "", "", `train.txt:3 has the label "-1"; it must be a number from 0, as in line 2`},
		{"a.jpg 0\nb.jpg 2000000000\n", "", "", `train.txt:2 has the label "2000000000"`},
		{"a\x00b 0\n", "", "", "train.txt:1 is no UTF-8 text; is this a list file?"},
		{"a\xff 0\n", "", "", "train.txt:1 is no UTF-8 text; is this a list file?"},
		{"a 0\n" + long, "", "", "train.txt:2 has more than 65536 bytes; write one path and label a line"},
		{"\n# nothing\n", "", "", `train.txt lists no pictures; write lines of "path label"`},
		{"a 0\nb 1\n", "c 2\n", "", "val.txt has the label 2, but there are 2 classes, numbered from 0"},
		{"a 0\nb 1\n", "c x\n", "", "val.txt label differently, one by numbers and one by names; use one way in both"},
		{"a x\nb y\n", "c z\n", "", `val.txt has the class "z", which is none of the 2 known ones (x, y)`},
		{"a 0\nb 2\n", "", "x\ny\n", "train.txt has the label 2, but there are 2 classes, numbered from 0"},
		{"a 0\nb 1\n", "", "x\nx\n", `classes.txt names the class "x" in lines 1 and 2`},
		{"a 0\nb 0\n", "", "", " has images of one class only; a classifier needs at least two"},
	} {
		files := map[string][]byte{"train.txt": []byte(test.train)}
		if test.val != "" {
			files["val.txt"] = []byte(test.val)
		}
		if test.classes != "" {
			files["classes.txt"] = []byte(test.classes)
		}
		dir := write(t, t.TempDir(), files)
		if _, err := Open(recipe.Data{Path: dir, Format: "auto", TestShare: 0.1}); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

// A million entries take 8 bytes each beside their names.
func TestNamesMemory(t *testing.T) {
	var n names
	for range 1000 {
		n.add("abc")
	}
	n.clip()
	if len(n.bytes) != 3000 || cap(n.bytes) > 3100 || cap(n.ends) > 1100 || n.get(0) != "abc" || n.get(999) != "abc" {
		t.Errorf("%d bytes, room for %d, ends for %d", len(n.bytes), cap(n.bytes), cap(n.ends))
	}
}

// Where the names take more than 4 GiB, their ends wrap around.
func TestNamesWrap(t *testing.T) {
	n := names{bytes: make([]byte, 10), ends: []uint32{1<<32 - 2, 3, 8}, wraps: []int{1}}
	for i, want := range []int{1<<32 - 2, 1<<32 + 3, 1<<32 + 8} {
		if got := n.end(i); got != want {
			t.Errorf("name %d ends at %d, want %d", i, got, want)
		}
	}
}

// A reader that ends early must not be taken for the end of a list.
func TestListThatCannotBeRead(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("a 0\nb 1\n"), failing{})
	if _, err := readList("list.txt", broken); err == nil || err.Error() != "list.txt cannot be read: input/output error" {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, syscall.EIO }

// Labels that count from 1 leave a class without images, which has none to
// hold out either.
func TestListWithAnEmptyClass(t *testing.T) {
	dir := write(t, t.TempDir(), map[string][]byte{"train.txt": []byte("a 1\nb 1\nc 2\nd 2\ne 4\n")})
	c, err := Open(recipe.Data{Path: dir, Format: "auto", TestShare: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Split || c.Train.Len() != 3 || c.Test.Len() != 2 || len(c.Train.Classes()) != 5 {
		t.Errorf("%v, %d and %d images of %q", c.Split, c.Train.Len(), c.Test.Len(), c.Train.Classes())
	}
}
