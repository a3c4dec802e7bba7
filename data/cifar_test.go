package data

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/recipe"
)

// cifarFile writes a record for each of the labels, as
// https://www.cs.toronto.edu/~kriz/cifar.html has it: the label, for CIFAR-100
// after the coarse one, then 1024 red, 1024 green and 1024 blue values. Pixel p
// of record r is (r, p, 255−p) modulo 256.
func cifarFile(labelBytes int, labels ...byte) []byte {
	var file []byte
	for r, label := range labels {
		if labelBytes == 2 {
			file = append(file, 19) // coarse, and of no matter
		}
		file = append(file, label)
		file = append(file, bytes.Repeat([]byte{byte(r)}, 1024)...)
		for p := range 1024 {
			file = append(file, byte(p))
		}
		for p := range 1024 {
			file = append(file, byte(255-p))
		}
	}
	return file
}

func tinyCIFAR10() map[string][]byte {
	files := map[string][]byte{
		"batches.meta.txt": []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"),
		"test_batch.bin":   cifarFile(1, 9, 0),
	}
	for i := range byte(5) {
		files["data_batch_"+string('1'+i)+".bin"] = cifarFile(1, i, 9-i, 3)
	}
	return files
}

func tinyCIFAR100() map[string][]byte {
	return map[string][]byte{
		"fine_label_names.txt":   []byte(strings.Join(numberNames(100), "-fine\n") + "-fine\n"),
		"coarse_label_names.txt": []byte(strings.Join(numberNames(20), "-coarse\n")),
		"train.bin":              cifarFile(2, 99, 0, 50),
		"test.bin":               cifarFile(2, 7),
	}
}

func TestCIFAR(t *testing.T) {
	for _, test := range []struct {
		files       map[string][]byte
		folder      string
		train, test []int
		class       string // of the first training image
	}{
		{tinyCIFAR10(), "", []int{0, 9, 3, 1, 8, 3, 2, 7, 3, 3, 6, 3, 4, 5, 3}, []int{9, 0}, "airplane"},
		{tinyCIFAR10(), "cifar-10-batches-bin", []int{0, 9, 3, 1, 8, 3, 2, 7, 3, 3, 6, 3, 4, 5, 3}, []int{9, 0}, "airplane"},
		{tinyCIFAR100(), "cifar-100-binary", []int{99, 0, 50}, []int{7}, "99-fine"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, test.folder), test.files)
		c, err := Open(recipe.Data{Path: dir, Format: "auto"})
		if err != nil {
			t.Fatal(err)
		}
		if c.Format != "cifar" || c.Split {
			t.Errorf("format %s, split %v", c.Format, c.Split)
		}
		for _, part := range []struct {
			s    Source
			want []int
		}{{c.Train, test.train}, {c.Test, test.test}} {
			var labels []int
			for i := range part.s.Len() {
				labels = append(labels, part.s.Label(i))
			}
			if !slices.Equal(labels, part.want) {
				t.Errorf("labels %v, want %v", labels, part.want)
			}
		}
		if got := c.Train.Classes()[c.Train.Label(0)]; got != test.class {
			t.Errorf("the first image is of class %s, want %s", got, test.class)
		}
		// The colours of a pixel lie side by side.
		pixels, err := c.Train.Read(2, nil)
		if err != nil || len(pixels) != 3072 {
			t.Fatalf("%d pixels, %v", len(pixels), err)
		}
		for p := range 1024 {
			if got, want := pixels[3*p:3*p+3], []byte{2, byte(p), byte(255 - p)}; !bytes.Equal(got, want) {
				t.Fatalf("pixel %d is %v, want %v", p, got, want)
			}
		}
	}
}

func TestCIFARWithoutNames(t *testing.T) {
	files := tinyCIFAR10()
	delete(files, "batches.meta.txt")
	train, _, err := openCIFAR(write(t, t.TempDir(), files))
	if err != nil || !slices.Equal(train.Classes(), numberNames(10)) {
		t.Errorf("%q, %v", train.Classes(), err)
	}
}

func TestCIFARErrors(t *testing.T) {
	for _, test := range []struct {
		file    string
		content []byte
		want    string
	}{
		{"data_batch_3.bin", nil, "data_batch_3.bin is missing; unpack the archive again"},
		{"test_batch.bin", []byte{}, "test_batch.bin has 0 bytes, which are no whole number of CIFAR-10's records of 3073"},
		{"test_batch.bin", cifarFile(1, 1, 2)[:6145], "test_batch.bin has 6145 bytes, which are no whole number of CIFAR-10's records of 3073"},
		{"data_batch_2.bin", cifarFile(1, 1, 10), "data_batch_2.bin has the label 10 in record 1, but CIFAR-10 has 10 classes"},
		{"batches.meta.txt", []byte("cat\ndog\n"), "batches.meta.txt names 2 classes, but CIFAR-10 has 10"},
		{"batches.meta.txt", []byte("cat\ncat\n"), `batches.meta.txt names the class "cat" in lines 1 and 2`},
	} {
		files := tinyCIFAR10()
		delete(files, test.file)
		if test.content != nil {
			files[test.file] = test.content
		}
		dir := write(t, t.TempDir(), files)
		if _, _, err := openCIFAR(dir); err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, test.want)) {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}
