package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idxFiles is a small, valid data set: six training and three test images of
// 2×3 pixels, three classes. Pixels count up from 0, test pixels from 100.
func idxFiles() map[string][]byte {
	count := func(start, n int) []byte {
		bytes := make([]byte, n)
		for i := range bytes {
			bytes[i] = byte(start + i)
		}
		return bytes
	}
	return map[string][]byte{
		"train-images-idx3-ubyte": idx(count(0, 36), 6, 2, 3),
		"train-labels-idx1-ubyte": idx([]byte{0, 1, 2, 2, 1, 0}, 6),
		"t10k-images-idx3-ubyte":  idx(count(100, 18), 3, 2, 3),
		"t10k-labels-idx1-ubyte":  idx([]byte{1, 0, 1}, 3),
	}
}

// write writes files into dir, and the folders that they need.
func write(t testing.TB, dir string, files map[string][]byte) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenMNIST(t *testing.T) {
	plain, zipped, renamed := idxFiles(), map[string][]byte{}, map[string][]byte{}
	for name, content := range plain {
		zipped[name+".gz"] = zip(content)
		renamed[name+".gz"] = content // unpacked by a browser
	}
	for name, set := range map[string]map[string][]byte{"plain": plain, "gzip": zipped, "renamed": renamed} {
		train, test, err := OpenMNIST(write(t, t.TempDir(), set), 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if train.Len() != 6 || train.Height != 2 || train.Width != 3 || train.Channels != 1 {
			t.Errorf("%s: %d training images of %v", name, train.Len(), train.Size())
		}
		if want := []uint8{12, 13, 14, 15, 16, 17}; !slices.Equal(train.Image(2), want) {
			t.Errorf("%s: training image 2 is %v, want %v", name, train.Image(2), want)
		}
		if want := []uint8{112, 113, 114, 115, 116, 117}; !slices.Equal(test.Image(2), want) {
			t.Errorf("%s: test image 2 is %v, want %v", name, test.Image(2), want)
		}
		if !slices.Equal(train.Labels, []int64{0, 1, 2, 2, 1, 0}) || !slices.Equal(test.Labels, []int64{1, 0, 1}) {
			t.Errorf("%s: labels %v and %v", name, train.Labels, test.Labels)
		}
		for _, part := range []*Dataset{train, test} {
			if !slices.Equal(part.ClassNames, []string{"0", "1", "2"}) {
				t.Errorf("%s: classes %v", name, part.ClassNames)
			}
		}
	}
}

// The plain file counts when both are there.
func TestOpenMNISTPrefersPlainFiles(t *testing.T) {
	set := idxFiles()
	set["train-labels-idx1-ubyte.gz"] = []byte("rubbish")
	if _, _, err := OpenMNIST(write(t, t.TempDir(), set), 0); err != nil {
		t.Error(err)
	}
}

func TestClassNames(t *testing.T) {
	ten := idxFiles()
	ten["train-labels-idx1-ubyte"] = idx([]byte{0, 1, 2, 3, 4, 9}, 6)
	with := func(set map[string][]byte, classes string) map[string][]byte {
		set["classes.txt"] = []byte(classes)
		return set
	}
	numbers := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for _, c := range []struct {
		name, base string
		set        map[string][]byte
		classes    int
		want       []string
	}{
		{"counted", "digits", idxFiles(), 0, numbers[:3]},
		{"asked for", "digits", idxFiles(), 5, numbers[:5]},
		{"ten", "digits", ten, 0, numbers},
		{"Fashion-MNIST", "fashion-mnist", ten, 0, fashionClasses},
		{"Fashion-MNIST in part of the name", "my-Fashion-MNIST.v2", idxFiles(), 10, fashionClasses},
		{"three classes of Fashion-MNIST", "fashion-mnist", idxFiles(), 0, numbers[:3]},
		{"classes.txt", "fashion-mnist", with(idxFiles(), "cat\ndog\nowl\n"), 0, []string{"cat", "dog", "owl"}},
		{"classes.txt from Windows", "x", with(idxFiles(), "\ufeffcat\r\nfire truck \r\nowl\r\n\r\n"), 3, []string{"cat", "fire truck", "owl"}},
		{"classes.txt names more", "x", with(idxFiles(), "a\nb\nc\nd"), 0, []string{"a", "b", "c", "d"}},
	} {
		train, test, err := OpenMNIST(write(t, filepath.Join(t.TempDir(), c.base), c.set), c.classes)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !slices.Equal(train.ClassNames, c.want) || !slices.Equal(test.ClassNames, c.want) {
			t.Errorf("%s: %v and %v, want %v", c.name, train.ClassNames, test.ClassNames, c.want)
		}
	}
}

func TestOpenMNISTErrors(t *testing.T) {
	const trainImages, trainLabels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	const testImages, testLabels = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
	for _, c := range []struct {
		name     string
		file     string
		content  []byte // nil removes the file
		classes  int
		mentions []string
	}{
		{"missing", testImages, nil, 0, []string{"neither " + testImages + " nor " + testImages + ".gz", "name the folder"}},
		{"cut short", trainLabels, idxFiles()[trainLabels][:12], 0, []string{trainLabels + " ends after 4 of the 6 bytes", "fetch"}},
		{"swapped", testImages, idxFiles()[testLabels], 0, []string{testImages, "2049", "2051", "swapped"}},
		{"counts differ", trainLabels, idx([]byte{0, 1, 2}, 3), 0, []string{trainImages, "6 images", trainLabels, "3 labels"}},
		{"sizes differ", testImages, idx(make([]byte, 12), 3, 2, 2), 0, []string{"2×3×1", "2×2×1"}},
		{"unknown test label", testLabels, idx([]byte{1, 3, 1}, 3), 0, []string{testLabels, "label 3", "image 1", "3 classes, 0 to 2"}},
		{"too few classes", testLabels, idxFiles()[testLabels], 2, []string{trainLabels, "label 2", "image 2", "2 classes, 0 to 1"}},
		{"one label", trainLabels, idx(make([]byte, 6), 6), 0, []string{trainLabels, "two classes"}},
		{"negative classes", testLabels, idxFiles()[testLabels], -1, []string{"-1 classes", "2 to 256"}},
		{"one class", testLabels, idxFiles()[testLabels], 1, []string{"1 classes", "2 to 256"}},
		{"many classes", testLabels, idxFiles()[testLabels], 257, []string{"257 classes", "2 to 256"}},
		{"names for other classes", "classes.txt", []byte("a\nb\nc\n"), 4, []string{"classes.txt names 3 classes but 4"}},
		{"names for too few", "classes.txt", []byte("a\nb\n"), 0, []string{trainLabels, "label 2"}},
		{"one name", "classes.txt", []byte("a\n"), 0, []string{"classes.txt names 1 classes"}},
		{"no names", "classes.txt", []byte(" \n\n"), 0, []string{"classes.txt has no class name in line 1"}},
		{"a gap in the names", "classes.txt", []byte("a\n\nc\n"), 0, []string{"classes.txt has no class name in line 2"}},
		{"a name twice", "classes.txt", []byte("a\nb\na\n"), 0, []string{`classes.txt names the class "a" in lines 1 and 3`}},
		{"257 names", "classes.txt", manyNames(257), 0, []string{"classes.txt names 257 classes"}},
		{"binary names", "classes.txt", []byte{0xff, 0xfe, 'a'}, 0, []string{"classes.txt is not a short UTF-8 text"}},
		{"endless names", "classes.txt", make([]byte, maxClassFile+1), 0, []string{"classes.txt is not a short UTF-8 text"}},
	} {
		set := idxFiles()
		if set[c.file] = c.content; c.content == nil {
			delete(set, c.file)
		}
		dir := write(t, t.TempDir(), set)
		_, _, err := OpenMNIST(dir, c.classes)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, mention := range c.mentions {
			if !strings.Contains(err.Error(), mention) {
				t.Errorf("%s: %q does not mention %q", c.name, err, mention)
			}
		}
	}
}

func TestOpenMNISTWithoutFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(write(t, dir, map[string][]byte{"file": nil}), "file")
	folder := idxFiles()
	delete(folder, "train-images-idx3-ubyte")
	write(t, filepath.Join(dir, "set"), folder)
	if err := os.Mkdir(filepath.Join(dir, "set", "train-images-idx3-ubyte"), 0o777); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "there is no folder",
		file:                       "is a file; name the folder",
		filepath.Join(dir, "set"):  "train-images-idx3-ubyte is not a regular file",
		"":                         "there is no folder \"\"",
	} {
		if _, _, err := OpenMNIST(path, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	// The remedy names Debian's package for Debian's folder only.
	if hint := missingRemedy(debianFashionMNIST + "/"); !strings.Contains(hint, "apt install dataset-fashion-mnist") {
		t.Error(hint)
	}
	if hint := missingRemedy(dir); strings.Contains(hint, "apt") {
		t.Error(hint)
	}
}

func TestFashionMNIST(t *testing.T) {
	if _, err := os.Stat(debianFashionMNIST); err != nil {
		t.Skip("Debian's package dataset-fashion-mnist is not installed")
	}
	train, test, err := OpenMNIST(debianFashionMNIST, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set              *Dataset
		images, perClass int
	}{{train, 60000, 6000}, {test, 10000, 1000}} {
		if c.set.Len() != c.images || c.set.Size().String() != "28×28×1" || !slices.Equal(c.set.ClassNames, fashionClasses) {
			t.Errorf("%d images of %v, classes %v", c.set.Len(), c.set.Size(), c.set.ClassNames)
		}
		if err := c.set.check(); err != nil {
			t.Error(err)
		}
		var counts [10]int
		for _, label := range c.set.Labels {
			counts[label]++
		}
		for class, n := range counts {
			if n != c.perClass {
				t.Errorf("class %d has %d images, want %d", class, n, c.perClass)
			}
		}
	}
	// Published statistics of the training pixels: mean 0.2860, deviation 0.3530.
	sum, squares := 0.0, 0.0
	for _, p := range train.Pixels {
		x := float64(p) / 255
		sum, squares = sum+x, squares+x*x
	}
	mean := sum / float64(len(train.Pixels))
	if variance := squares/float64(len(train.Pixels)) - mean*mean; mean < 0.28595 || mean > 0.28605 || variance < 0.35295*0.35295 || variance > 0.35305*0.35305 {
		t.Errorf("mean %v, variance %v", mean, variance)
	}
}

func manyNames(n int) []byte {
	var names []byte
	for i := range n {
		names = fmt.Appendln(names, "class", i)
	}
	return names
}
