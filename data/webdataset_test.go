package data

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cone/recipe"
)

// shard is a tar file of pictures first…first+n−1, whose contents are their
// numbers and whose labels those modulo 3.
func shard(t testing.TB, first, n int) []byte {
	t.Helper()
	var entries []tarEntry
	for i := first; i < first+n; i++ {
		key := strconv.Itoa(i)
		entries = append(entries, tarEntry{key + ".jpg", "picture " + key}, tarEntry{key + ".cls", strconv.Itoa(i % 3)})
	}
	return tarFile(t, entries...)
}

func TestWebDatasetParts(t *testing.T) {
	shards := map[string][]byte{
		"train-000.tar": shard(t, 0, 5), "train-001.tar": shard(t, 5, 6), "val-000.tar": shard(t, 100, 4),
		"other_00.tar": shard(t, 200, 3), "other_01.tar": shard(t, 203, 3), ".hidden.tar": nil,
	}
	dir := write(t, t.TempDir(), shards)
	alone := write(t, t.TempDir(), map[string][]byte{"b.tar": shard(t, 0, 30), "a.tar": shard(t, 30, 30), ".c.tar": nil})
	for _, test := range []struct {
		path, train, test string
		trained, tested   int
		split             bool
		first             string // training image
	}{
		{dir, "", "", 11, 4, false, "train-000.tar:0.jpg"},
		{dir, "other_{00..01}.tar", "", 6, 4, false, "other_00.tar:200.jpg"},
		{dir, "train-*.tar", "other_*.tar", 11, 6, false, "train-000.tar:0.jpg"},
		{filepath.Join(dir, "train-{001..001}.tar"), "", "val-000.tar", 6, 4, false, "train-001.tar:5.jpg"},
		{filepath.Join(dir, "train-000.tar"), "", "other_00.tar", 5, 3, false, "train-000.tar:0.jpg"},
		{alone, "", "", 54, 6, true, "a.tar:30.jpg"},
	} {
		c, err := Open(recipe.Data{Path: test.path, Format: "auto", Train: test.train, Test: test.test, TestShare: 0.1, SplitSeed: 3})
		if err != nil {
			t.Fatal(err)
		}
		if c.Format != "webdataset" || c.Train.Len() != test.trained || c.Test.Len() != test.tested || c.Split != test.split {
			t.Errorf("%+v: %s of %d and %d images, split %v", test, c.Format, c.Train.Len(), c.Test.Len(), c.Split)
		}
		if got := c.Train.Name(0); filepath.Base(got) != test.first {
			t.Errorf("%+v: the first image is %s", test, got)
		}
		if !slices.Equal(c.Train.Classes(), numberNames(3)) {
			t.Errorf("classes %q", c.Train.Classes())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	c, err := Open(recipe.Data{Path: write(t, dir, map[string][]byte{"classes.txt": []byte("x\ny\nz\nspare\n")}), Format: "auto"})
	if err != nil || !slices.Equal(c.Test.Classes(), []string{"x", "y", "z", "spare"}) {
		t.Errorf("classes.txt: %q, %v", c.Test.Classes(), err)
	}
}

func TestWebDatasetErrors(t *testing.T) {
	good := shard(t, 0, 4)
	file := func(entries ...tarEntry) []byte { return tarFile(t, entries...) }
	special := func(h tar.Header) []byte {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		return append(out.Bytes(), make([]byte, 2*tarBlock)...)
	}
	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", []byte{}, "is cut short after 0 samples; fetch it again"},
		{"no tar file", bytes.Repeat([]byte("text "), 1000), "is no sound tar file after 0 samples"},
		{"no entries", file(), "holds no samples; a shard has pictures such as 0001.jpg, each with 0001.cls"},
		{"compressed", zip(good), "is compressed, so single pictures in it cannot be reached; unpack it with gunzip"},
		{"cut between entries", good[:4*tarBlock], `is cut short after the key "0", its sample 1; fetch it again`},
		{"cut in a header", good[:4*tarBlock+100], `is cut short after the key "0", its sample 1; fetch it again`},
		{"cut in a picture", good[:5*tarBlock+4], `is cut short after the key "0", its sample 1; fetch it again`},
		{"key twice", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.cls", "0"}, tarEntry{"b.jpg", "x"}, tarEntry{"b.cls", "0"}, tarEntry{"a.jpg", "x"}, tarEntry{"a.cls", "0"}),
			`has the key "a" twice; give every sample a key of its own, and keep its entries together`},
		{"two pictures", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.png", "x"}, tarEntry{"a.cls", "0"}), `has two pictures for the key "a" (.jpg and .png)`},
		{"two labels", file(tarEntry{"a.cls", "1"}, tarEntry{"a.jpg", "x"}, tarEntry{"a.cls", "0"}), `has two labels (.cls) for the key "a"; remove one`},
		{"no picture", file(tarEntry{"a.txt", "x"}, tarEntry{"a.cls", "0"}), `has no picture for the key "a"; add one (.jpg`},
		{"no label", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.json", `{"height": 3}`}), `has no label for the key "a"; add a.cls with the number of its class`},
		{"a label that is a name", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.cls", "dog"}), `has the label "dog" in the .cls of the key "a"; a label is a number from 0 to 1048575`},
		{"a negative label", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.json", `{"cls": -1}`}), `has the label "-1" in the .json of the key "a"`},
		{"broken JSON", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.json", `{`}), `has no sound JSON object in the .json of the key "a"`},
		{"a long label", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.cls", strings.Repeat(" ", maxLabelBytes) + "1"}), `has 1048577 bytes in the .cls of the key "a", too many for a label`},
		{"a label beyond classes.txt", file(tarEntry{"a.jpg", "x"}, tarEntry{"a.cls", "2"}), ":a.jpg has the label 2, but there are 2 classes; mend the label, or "},
		{"a strange entry", special(tar.Header{Name: "a.jpg", Typeflag: 'V'}), `has an entry "a.jpg" of the type 'V', which is no plain file`},
		{"a size beyond the file", special(tar.Header{Name: "a.jpg", Typeflag: tar.TypeReg, Size: 1 << 40}), `is cut short after 0 samples`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := write(t, t.TempDir(), map[string][]byte{"train-0.tar": test.content})
			if strings.Contains(test.name, "classes.txt") {
				write(t, dir, map[string][]byte{"classes.txt": []byte("x\ny\n")})
			}
			_, err := Open(recipe.Data{Path: dir, Format: "auto"})
			shard := filepath.Join(dir, "train-0.tar")
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), shard) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	for _, test := range []struct{ train, test, want string }{
		{"train-{0..1}.tar", "", "train-1.tar is not there"},
		{"train-0.tar", "train-*.tar", "train-0.tar is named both for training and for evaluation; mend data.train or data.test"},
		{"x.tar.gz", "", "x.tar.gz is compressed"},
	} {
		dir := write(t, t.TempDir(), map[string][]byte{"train-0.tar": good, "x.tar.gz": zip(good)})
		if _, err := Open(recipe.Data{Path: dir, Format: "webdataset", Train: test.train, Test: test.test}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, test.want)) {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
	for path, files := range map[string]map[string][]byte{
		"":         {"train.tar.gz": zip(good)},
		"one.tgz":  {"one.tgz": zip(good)},
		"a.tar.gz": {"a.tar.gz": zip(good)},
	} {
		dir := write(t, t.TempDir(), files)
		if _, err := Open(recipe.Data{Path: filepath.Join(dir, path), Format: "auto"}); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "is compressed") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A number in a .cls wins over a .json, wherever the two lie.
func TestLabelsOfSamples(t *testing.T) {
	content := tarFile(t,
		tarEntry{"a.jpg", ""}, tarEntry{"a.cls", "1\n"}, tarEntry{"a.json", `{"label": 2}`},
		tarEntry{"b.json", `{"label": 2}`}, tarEntry{"b.jpg", ""}, tarEntry{"b.cls", " 3 "},
		tarEntry{"c.cls", "4"}, tarEntry{"c.json", "{"}, tarEntry{"c.jpg", ""},
		tarEntry{"d.json", "[]"}, tarEntry{"d.cls", "5"}, tarEntry{"d.jpg", ""},
		tarEntry{"e.jpg", ""}, tarEntry{"e.json", `{"class": 9, "cls": 6}`},
		tarEntry{"./f.jpg", ""}, tarEntry{"./f.json", `{"class": 7}`}, tarEntry{"./f.txt", "a caption"},
	)
	samples, err := indexTar(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var labels []int32
	for _, s := range samples {
		labels = append(labels, s.label)
	}
	if want := []int32{1, 3, 4, 5, 6, 7}; !slices.Equal(labels, want) {
		t.Errorf("labels %v, want %v", labels, want)
	}
}

// A shard that is cut anywhere before the padding at its end is an error.
func TestShardCutAnywhere(t *testing.T) {
	content := shard(t, 0, 3)
	for n := range len(content) {
		samples, err := indexTar(bytes.NewReader(content[:n]), int64(n))
		if err == nil && n < len(content)-tarBlock || err != nil && !strings.Contains(err.Error(), "fetch it again") {
			t.Fatalf("%d of %d bytes: %d samples, %v", n, len(content), len(samples), err)
		}
	}
}

// A shard that is replaced while it is in use.
func TestShardChanged(t *testing.T) {
	dir := write(t, t.TempDir(), map[string][]byte{"train.tar": shard(t, 0, 5)})
	s, _, err := openWebDataset(recipe.Data{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write(t, dir, map[string][]byte{"train.tar": []byte("short")})
	var buffer []byte
	if _, err := s.Read(4, &buffer); err == nil || !strings.Contains(err.Error(), "train.tar: sample 4 cannot be read (EOF); did the shard change after the start?") {
		t.Error(err)
	}
}

// More shards than files may be open.
func TestManyShards(t *testing.T) {
	files := map[string][]byte{}
	for i := range maxOpenFiles + 50 {
		files["train-"+strconv.Itoa(1000+i)+".tar"] = shard(t, i, 1)
	}
	s, _, err := openWebDataset(recipe.Data{Path: write(t, t.TempDir(), files)})
	if err != nil {
		t.Fatal(err)
	}
	var buffer []byte
	for range 2 {
		for i := range s.Len() {
			if got, err := s.Read(i, &buffer); err != nil || string(got) != "picture "+strconv.Itoa(i) {
				t.Fatalf("%d: %q, %v", i, got, err)
			}
		}
	}
	if open := len(s.(*webDataset).shards.open); open != maxOpenFiles {
		t.Errorf("%d files are open", open)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Over all ranks every image comes exactly once, in evaluation as in training,
// whatever the number of shards: nothing is padded.
func TestShardsOverRanks(t *testing.T) {
	f := pngs(t, 53)
	for i := range f.labels {
		f.labels[i] = i % 3
	}
	files := map[string][]byte{}
	first := 0
	for at, n := range []int{20, 1, 32} {
		var entries []tarEntry
		for i := first; i < first+n; i++ {
			key := strconv.Itoa(i)
			entries = append(entries, tarEntry{key + ".png", string(f.contents[i])}, tarEntry{key + ".cls", strconv.Itoa(f.labels[i])})
		}
		files["train-"+strconv.Itoa(at)+".tar"] = tarFile(t, entries...)
		first += n
	}
	s, _, err := openWebDataset(recipe.Data{Path: write(t, t.TempDir(), files)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, training := range []bool{false, true} {
		for _, world := range []int{1, 2, 3, 5} {
			seen := make([]int, s.Len())
			var order []int64
			batches := map[int]int{}
			for rank := range world {
				o := Options{Batch: 7, Augment: toSix, Rank: rank, World: world}
				if training {
					o.Sampler = sampler(t, recipe.Sampling{Order: "shards", Buffer: 4}, s, o.Batch)
				}
				e, err := open(t, s, o).Epoch(context.Background(), 2, 0)
				if err != nil {
					t.Fatal(err)
				}
				for {
					b, err := e.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					batches[b.Number] += b.N
					for i, at := range b.Indices {
						seen[at]++
						order = append(order, at)
						if b.Labels[i] != at%3 || b.Images[i*108] != shade(int(at)) {
							t.Fatalf("image %d has the label %d and pixels of %d", at, b.Labels[i], b.Images[i*108])
						}
					}
				}
			}
			if slices.Min(seen) != 1 || slices.Max(seen) != 1 {
				t.Errorf("%d ranks: images come %d to %d times", world, slices.Min(seen), slices.Max(seen))
			}
			for number, n := range batches {
				if n != 7 && number != 7 || number == 7 && n != 4 {
					t.Errorf("%d ranks: batch %d has %d images", world, number, n)
				}
			}
			if slices.IsSorted(order) == training && world == 1 {
				t.Errorf("training %v: images come in the order %v", training, order)
			}
		}
	}
}
