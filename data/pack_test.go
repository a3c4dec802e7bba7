package data

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/codec"
	"cone/internal/samples"
	"cone/picture"
	"cone/recipe"
)

// photos is a folder of JPEGs: 30 for training and 9 for evaluation, of 3 classes.
func photos(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := samples.Photos(dir, 3, 30, 9); err != nil {
		t.Fatal(err)
	}
	return dir
}

func openAt(t testing.TB, path string) *Collection {
	t.Helper()
	d := recipe.Default().Data
	d.Path = path
	c, err := Open(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// contents are the pictures of a part as class and bytes, in order.
func contents(t testing.TB, s Source) []string {
	t.Helper()
	var buffer []byte
	out := make([]string, s.Len())
	for i := range out {
		content, err := s.Read(i, &buffer)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = s.Classes()[s.Label(i)] + ":" + string(content)
	}
	return out
}

// pixels decodes what contents gives of a collection of one channel.
func pixels(t testing.TB, pictures []string) []string {
	t.Helper()
	d := codec.NewDecoder(codec.Options{})
	defer d.Close()
	out := make([]string, len(pictures))
	for i, p := range pictures {
		class, content, _ := strings.Cut(p, ":")
		file, err := d.Open([]byte(content))
		if err != nil {
			t.Fatal(err)
		}
		var im picture.Image
		if err := file.Decode(&im); err != nil {
			t.Fatal(err)
		}
		out[i] = class + ":"
		for at := 0; at < len(im.Pixels); at += 3 {
			if im.Pixels[at] != im.Pixels[at+1] || im.Pixels[at] != im.Pixels[at+2] {
				t.Fatalf("picture %d is not grey", i)
			}
			out[i] += string(im.Pixels[at : at+1])
		}
	}
	return out
}

// What is packed comes out again, byte by byte, whatever it was before.
func TestPackedCollectionsAreTheSame(t *testing.T) {
	folder := photos(t)
	list := write(t, t.TempDir(), map[string][]byte{
		"train.txt": []byte(filepath.Join(folder, "train/class-1/0001.jpg") + " one\n" + filepath.Join(folder, "train/class-0/0000.jpg") + " nought\n"),
		"val.txt":   []byte(filepath.Join(folder, "val/class-1/0001.jpg") + " one\n"),
	})
	mnist := write(t, t.TempDir(), idxFiles())
	shards := filepath.Join(t.TempDir(), "shards")
	if _, _, err := Pack(t.Context(), openAt(t, folder), shards, PackOptions{OnError: "fail"}); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"folder": folder, "list": list, "mnist-idx": mnist, "webdataset": shards} {
		t.Run(name, func(t *testing.T) {
			c, dst := openAt(t, path), filepath.Join(t.TempDir(), "new", "folder")
			if c.Format != name {
				t.Fatalf("format %s", c.Format)
			}
			train, test, err := Pack(t.Context(), c, dst, PackOptions{OnError: "fail", Seed: 5})
			if err != nil {
				t.Fatal(err)
			}
			if train.Images != c.Train.Len() || test.Images != c.Test.Len() || len(train.Skipped)+len(test.Skipped) > 0 {
				t.Errorf("packed %d and %d of %d and %d", train.Images, test.Images, c.Train.Len(), c.Test.Len())
			}
			packed := openAt(t, dst)
			if packed.Format != "webdataset" || packed.Split || !slices.Equal(packed.Train.Classes(), c.Train.Classes()) {
				t.Fatalf("%s, %v, %q", packed.Format, packed.Split, packed.Train.Classes())
			}
			for _, part := range []struct {
				was, is Source
				mixed   bool
			}{{c.Train, packed.Train, true}, {c.Test, packed.Test, false}} {
				was, is := contents(t, part.was), contents(t, part.is)
				if name == "mnist-idx" {
					is = pixels(t, is)
				}
				if part.mixed {
					if len(was) > 5 && slices.Equal(was, is) {
						t.Error("the training images are in their old order")
					}
					slices.Sort(was)
					slices.Sort(is)
				}
				if !slices.Equal(was, is) {
					t.Errorf("other pictures than before: %.300q and not %.300q", is, was)
				}
			}
		})
	}
}

func TestPackShards(t *testing.T) {
	c := openAt(t, photos(t))
	pack := func(o PackOptions) (string, PackResult) {
		t.Helper()
		dst := t.TempDir()
		o.OnError = "fail"
		train, _, err := Pack(t.Context(), c, dst, o)
		if err != nil {
			t.Fatal(err)
		}
		var size int64
		for i, path := range train.Shards {
			info, err := os.Stat(path)
			if err != nil || filepath.Dir(path) != dst || filepath.Base(path) != "train-00000"+string(rune('0'+i))+".tar" {
				t.Fatalf("shard %d is %s: %v", i, path, err)
			}
			if o.ShardBytes > 0 && info.Size() > o.ShardBytes {
				t.Errorf("%s has %d bytes of %d", path, info.Size(), o.ShardBytes)
			}
			size += info.Size()
		}
		if size != train.Bytes {
			t.Errorf("%d bytes are reported, %d are there", train.Bytes, size)
		}
		left, err := os.ReadDir(dst)
		if _, err := os.Stat(filepath.Join(dst, "val-000000.tar")); err != nil {
			t.Error(err)
		}
		if hidden := slices.ContainsFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") }); err != nil || hidden {
			t.Errorf("%v are in the folder, %v", left, err)
		}
		return dst, train
	}
	if _, r := pack(PackOptions{}); len(r.Shards) != 1 {
		t.Errorf("%d shards", len(r.Shards))
	}
	first, r := pack(PackOptions{ShardImages: 7, Seed: 1})
	if len(r.Shards) != 5 {
		t.Errorf("%d shards of at most 7 of 30 pictures", len(r.Shards))
	}
	again, _ := pack(PackOptions{ShardImages: 7, Seed: 1})
	other, _ := pack(PackOptions{ShardImages: 7, Seed: 2})
	read := func(dir string) []byte {
		content, err := os.ReadFile(filepath.Join(dir, "train-000001.tar"))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	if !bytes.Equal(read(first), read(again)) || bytes.Equal(read(first), read(other)) {
		t.Error("the shards' bytes are no function of the seed, or do not depend on it")
	}
	if _, r := pack(PackOptions{ShardBytes: 20 << 10}); len(r.Shards) < 3 {
		t.Errorf("%d shards", len(r.Shards))
	}
	// A shard has one picture at least.
	dst := t.TempDir()
	if train, _, err := Pack(t.Context(), c, dst, PackOptions{ShardBytes: 1, OnError: "fail"}); err != nil || len(train.Shards) != 30 {
		t.Errorf("%d shards, %v", len(train.Shards), err)
	}
}

// isEmpty says that packing left nothing behind.
func isEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v were left in %s, %v", left, dir, err)
	}
}

func TestPackLeavesNothingHalfDone(t *testing.T) {
	dir := photos(t)
	// All test images are broken, the training images are not.
	for _, name := range []string{"class-0/0000.jpg", "class-0/0003.jpg", "class-0/0006.jpg"} {
		write(t, filepath.Join(dir, "val"), map[string][]byte{name: []byte("no picture")})
	}
	c, dst := openAt(t, dir), t.TempDir()
	_, _, err := Pack(t.Context(), c, dst, PackOptions{OnError: "fail"})
	if err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, "val/class-0/0000.jpg")+" is not a picture that can be decoded") {
		t.Errorf("a broken test image: %v", err)
	}
	isEmpty(t, dst)
	train, test, err := Pack(t.Context(), c, dst, PackOptions{OnError: "skip"})
	if err != nil || train.Images != 30 || test.Images != 6 || len(test.Skipped) != 3 || !strings.Contains(test.Skipped[1].Reason, "val/class-0/0003.jpg is not a picture") {
		t.Errorf("%+v, %v", test, err)
	}
	for _, broken := range []struct {
		name string
		c    *Collection
	}{{"train", &Collection{Train: &files{names: []string{"a", "b"}, labels: []int{0}, contents: [][]byte{nil}}, Test: c.Test}}, {"val", &Collection{Train: c.Train, Test: &files{names: c.Test.Classes(), labels: []int{0}, contents: [][]byte{nil}}}}} {
		dst := t.TempDir()
		if _, _, err := Pack(t.Context(), broken.c, dst, PackOptions{OnError: "skip"}); err == nil || !strings.Contains(err.Error(), "none of the 1 pictures for "+broken.name+" can be packed; the first: file-0.png is empty") {
			t.Errorf("%s: %v", broken.name, err)
		}
		isEmpty(t, dst)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dst = t.TempDir()
	if _, _, err := Pack(ctx, c, dst, PackOptions{OnError: "skip"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled packing: %v", err)
	}
	isEmpty(t, dst)
}

func TestPackErrors(t *testing.T) {
	c := openAt(t, photos(t))
	pack := func(files map[string][]byte) error {
		_, _, err := Pack(t.Context(), c, write(t, t.TempDir(), files), PackOptions{OnError: "fail"})
		return err
	}
	if err := pack(map[string][]byte{"classes.txt": []byte("class-0\nclass-1\nclass-2\n")}); err != nil {
		t.Errorf("the same class names are there: %v", err)
	}
	for _, test := range []struct{ name, content, want string }{
		{"train-000003.tar", "", " holds shards already, such as train-000003.tar; choose an empty folder, or remove them"},
		{"val-000000.tar", "", " holds shards already, such as val-000000.tar"},
		{"classes.txt", "x\ny\n", "classes.txt names other classes; choose an empty folder"},
	} {
		if err := pack(map[string][]byte{test.name: []byte(test.content)}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	odd := &Collection{Train: &files{names: []string{"a\nb", "c"}}, Test: c.Test}
	if _, _, err := Pack(t.Context(), odd, t.TempDir(), PackOptions{OnError: "fail"}); err == nil || !strings.Contains(err.Error(), `the class "a\nb" cannot be written as a line of classes.txt; rename it`) {
		t.Error(err)
	}
	file := filepath.Join(write(t, t.TempDir(), map[string][]byte{"file": nil}), "file")
	if _, _, err := Pack(t.Context(), c, file, PackOptions{OnError: "fail"}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file in the folder's place: %v", err)
	}
}
