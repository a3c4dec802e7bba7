package data

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/augment"
	"cone/recipe"
)

// tree is what testdata/imagefolder.py gives torchvision's ImageFolder, with
// what it makes of it.
type tree struct {
	Files   []string          `json:"files"`
	Links   map[string]string `json:"links"`
	Classes []string          `json:"classes"`
	Samples []struct {
		Path  string `json:"path"`
		Label int    `json:"label"`
	} `json:"samples"`
}

func readTree(t *testing.T) tree {
	t.Helper()
	text, err := os.ReadFile("testdata/imagefolder.json")
	if err != nil {
		t.Fatal(err)
	}
	var out tree
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// plant makes the files and links of a tree in dir.
func (tr tree) plant(t *testing.T, dir string) {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range tr.Files {
		files[name] = []byte(name)
	}
	write(t, dir, files)
	for name, target := range tr.Links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func labelsOf(s Source) []int {
	out := make([]int, s.Len())
	for i := range out {
		out[i] = s.Label(i)
	}
	return out
}

func namesOf(s Source) []string {
	out := make([]string, s.Len())
	for i := range out {
		out[i] = s.Name(i)
	}
	return out
}

// Classes, labels and order are torchvision's, but that hidden files and
// folders, which are other programs' leavings, are passed over.
func TestFolderIsTorchvisions(t *testing.T) {
	known, dir := readTree(t), t.TempDir()
	known.plant(t, dir)
	s, err := openFolder(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Classes(), known.Classes) {
		t.Errorf("classes %q, want %q", s.Classes(), known.Classes)
	}
	at := 0
	var buffer []byte
	for _, want := range known.Samples {
		if strings.Contains(want.Path, "/.") {
			continue
		}
		if at == s.Len() || s.Name(at) != filepath.Join(dir, want.Path) || s.Label(at) != want.Label {
			t.Fatalf("picture %d is %s of label %d, want %+v", at, s.Name(at), s.Label(at), want)
		}
		if content, err := s.Read(at, &buffer); err != nil || len(content) == 0 {
			t.Errorf("%s: %q, %v", s.Name(at), content, err)
		}
		at++
	}
	if at != s.Len() || at < 10 {
		t.Errorf("%d pictures, want %d", s.Len(), at)
	}
}

func TestFolderParts(t *testing.T) {
	files := map[string][]byte{
		"train/cat/a.jpg": nil, "train/dog/b.jpg": nil, "val/cat/c.jpg": nil, "val/dog/d.jpg": nil, "val/dog/e.jpg": nil,
		"holdout/cat/f.jpg": nil, "holdout/dog/g.jpg": nil, "holdout/.thumbnails/h.jpg": nil,
	}
	dir := write(t, t.TempDir(), files)
	elsewhere := write(t, t.TempDir(), map[string][]byte{"cat/x.jpg": nil, "dog/y.jpg": nil})
	for _, test := range []struct {
		train, test string
		want        []string
	}{
		{"", "", []string{"val/cat/c.jpg", "val/dog/d.jpg", "val/dog/e.jpg"}},
		{"", "holdout", []string{"holdout/cat/f.jpg", "holdout/dog/g.jpg"}},
		{"train", "", []string{"val/cat/c.jpg", "val/dog/d.jpg", "val/dog/e.jpg"}},
		{"", elsewhere, []string{elsewhere + "/cat/x.jpg", elsewhere + "/dog/y.jpg"}},
	} {
		c, err := Open(recipe.Data{Path: dir, Format: "auto", Train: test.train, Test: test.test})
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range test.want {
			test.want[i] = within(dir, name)
		}
		if c.Format != "folder" || c.Split || c.Train.Len() != 2 || !slices.Equal(namesOf(c.Test), test.want) {
			t.Errorf("train %q, test %q: %s, %v, %q", test.train, test.test, c.Format, c.Split, namesOf(c.Test))
		}
	}
	// The usual names of the test part, in this order.
	for _, name := range []string{"val", "valid", "validation", "test"} {
		dir := write(t, t.TempDir(), map[string][]byte{"train/a/1.png": nil, "train/b/2.png": nil, name + "/a/3.png": nil, name + "/b/4.png": nil})
		c, err := Open(recipe.Data{Path: dir, Format: "auto"})
		if err != nil || c.Split || c.Test.Len() != 2 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	// An archive beside what was unpacked from it does not count.
	dir = write(t, t.TempDir(), map[string][]byte{"train/a/1.png": nil, "train/b/2.png": nil, "val/a/3.png": nil, "val/b/4.png": nil, "all.tar": nil, "all.tar.gz": nil})
	if c, err := Open(recipe.Data{Path: dir, Format: "auto"}); err != nil || c.Format != "folder" {
		t.Errorf("a folder with archives: %v", err)
	}
	// A class may lack test images, but its folder is to be there.
	dir = write(t, t.TempDir(), map[string][]byte{"train/a/1.png": nil, "train/b/2.png": nil, "val/a/3.png": nil, "val/b/notes.txt": nil})
	c, err := Open(recipe.Data{Path: dir, Format: "auto"})
	if err != nil || c.Test.Len() != 1 {
		t.Errorf("a class without test images: %v", err)
	}
}

func TestFolderErrors(t *testing.T) {
	for _, test := range []struct {
		files       []string
		train, test string
		want        string
	}{
		{[]string{"train/a/1.png", "train/b/2.png", "val/a/3.png", "val/c/3.png"}, "", "", "val has no folder b, which DIR/train has, and DIR/train has no folder c, which DIR/val has; both parts need the same class folders"},
		{[]string{"train/a/1.png", "train/b/2.txt"}, "", "", "train/b holds no pictures (.jpg .jpeg"},
		{[]string{"train/1.png"}, "", "", "train has no class folders; put the pictures of each class into a folder with its name"},
		{[]string{"train/a/1.png", "train/b/2.png", "val/a/x", "val/b/y"}, "", "", "val holds no pictures (.jpg .jpeg"},
		{[]string{"a/1.png", "b/2.png", "c/2.png"}, "", "c", " has no folder train; name the folder with the training images in data.train"},
		{[]string{"train/a/1.png", "train/b/2.png"}, "", "val", "val: no such file or directory"},
		{[]string{"train/a/1.png", "val/a/2.png"}, "", "", " has images of one class only; a classifier needs at least two"},
		{[]string{"a/1.png", "b/2.png"}, "", "", " has too few images of each class to hold some out for evaluation"},
		{[]string{"Training/a/1.png", "Training/b/2.png", "Testing/a/1.png"}, "", "", "the folders Testing, Training in DIR look like parts and not like classes; name them in data.train and data.test"},
		{[]string{"1.png", "2.png"}, "", "", " holds no collection of images that is known; its pictures lie side by side: put those of each class into a folder"},
		{[]string{".cache/x/1.png"}, "", "", " holds no collection of images that is known; looked for class folders"},
		{[]string{"file"}, "", "", " holds no collection of images that is known; looked for class folders"},
	} {
		dir := t.TempDir()
		tree{Files: test.files}.plant(t, dir)
		_, err := Open(recipe.Data{Path: dir, Format: "auto", Train: test.train, Test: test.test, TestShare: 0.1})
		if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(test.want, "DIR", dir)) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%q:\ngot  %v\nwant %s", test.files, err, test.want)
		}
	}
	dir := write(t, t.TempDir(), map[string][]byte{"a/1.png": nil, "b/2.png": nil})
	if err := os.Symlink("..", filepath.Join(dir, "b", "up")); err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(dir, false); err == nil || !strings.Contains(err.Error(), " is a link to a folder above it; remove it") {
		t.Errorf("links in a circle: %v", err)
	}
	for _, path := range []string{filepath.Join(dir, "nothing"), filepath.Join(dir, "a", "1.png")} {
		if _, err := Open(recipe.Data{Path: path, Format: "folder"}); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "name the") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The first images of a folder are those of its first classes.
func TestLimitKeepsEveryClass(t *testing.T) {
	dir := t.TempDir()
	tree{Files: []string{"train/ant/1.png", "train/ant/2.png", "train/ant/3.png", "train/bee/1.png", "train/bee/2.png", "train/bee/3.png",
		"val/ant/1.png", "val/bee/1.png"}}.plant(t, dir)
	for limit, refused := range map[int]bool{0: false, 3: true, 4: false, 9: false} {
		c, err := Open(recipe.Data{Path: dir, Format: "auto", Limit: limit})
		switch {
		case refused:
			if err == nil || !strings.Contains(err.Error(), "data.limit is 3") || !strings.Contains(err.Error(), "class bee") {
				t.Errorf("limit %d: %v", limit, err)
			}
		case err != nil:
			t.Errorf("limit %d: %v", limit, err)
		default:
			if kept := c.Train.Len(); kept != 6 && kept != limit {
				t.Errorf("limit %d keeps %d", limit, kept)
			}
		}
	}
}

// The share that is held out is the same whatever else differs, and every class
// that can spare an image has one in it.
func TestSplit(t *testing.T) {
	src := &labelled{names: []string{"many", "few", "two", "one"}}
	for c, n := range []int{1000, 30, 2, 1} {
		src.labels = append(src.labels, slices.Repeat([]int{c}, n)...)
	}
	indices := func(s Source) []int32 { return s.(*subset).indices }
	train, test := split(src, 0.1, 5, augment.PurposeSplit)
	byClass, _ := counts(src, nil)
	for _, i := range indices(test) {
		byClass[src.Label(int(i))]++
	}
	if !slices.Equal(byClass, []float64{100, 3, 1, 0}) {
		t.Errorf("%v images by class are held out", byClass)
	}
	all := slices.Concat(indices(train), indices(test))
	slices.Sort(all)
	for i, at := range all {
		if i != int(at) {
			t.Fatalf("image %d is in both parts or in none", i)
		}
	}
	if len(all) != src.Len() || !slices.IsSorted(indices(train)) || !slices.IsSorted(indices(test)) {
		t.Errorf("%d images, in order: %v", len(all), slices.IsSorted(indices(train)))
	}
	if _, again := split(src, 0.1, 5, augment.PurposeSplit); !slices.Equal(indices(again), indices(test)) {
		t.Error("the same seed holds out other images")
	}
	if _, other := split(src, 0.1, 6, augment.PurposeSplit); slices.Equal(indices(other), indices(test)) {
		t.Error("another seed holds out the same images")
	}
	// A class's images do not depend on the other classes.
	src.labels = append(src.labels, 3, 3, 3)
	_, more := split(src, 0.1, 5, augment.PurposeSplit)
	if !slices.Equal(indices(more)[:104], indices(test)) {
		t.Error("images of one class change what is held out of others")
	}
	// Known answers, for the split is part of every result.
	if want := []int32{1026, 1027, 1028, 1031}; !slices.Equal(indices(test)[100:], want) {
		t.Errorf("the last ones held out are %v, want %v", indices(test)[100:], want)
	}
}
