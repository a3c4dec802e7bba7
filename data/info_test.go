package data

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/recipe"
)

func inspect(t *testing.T, path string, all bool) (*Info, string) {
	t.Helper()
	d := recipe.Default().Data
	d.Path = path
	info, err := Inspect(t.Context(), d, InspectOptions{All: all})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if n, err := info.WriteTo(&text); err != nil || int(n) != text.Len() {
		t.Fatalf("%d bytes of %d, %v", n, text.Len(), err)
	}
	return info, text.String()
}

func TestInfo(t *testing.T) {
	dir := photos(t)
	first := filepath.Join("train", "class-0", "0000.jpg")
	content := contents(t, openAt(t, dir).Train)[0]
	content = strings.TrimPrefix(content, "class-0:")
	write(t, dir, map[string][]byte{
		first:                        []byte(content[:len(content)-40]),
		"train/class-1/0001.jpg":     {},
		"val/class-2/0002.jpg":       []byte("no picture"),
		"train/class-2/a-square.png": pngs(t, 1).contents[0], // 8×9
	})
	info, text := inspect(t, dir, true)
	if info.Format != "folder" || info.Split || info.Train.Images != 31 || info.Test.Images != 9 || info.Train.Examined != 31 || !info.Train.Decoded {
		t.Errorf("%+v", info)
	}
	if got := info.Class; len(got) != 3 || got[2] != (ClassRow{"class-2", 11, 3}) {
		t.Errorf("classes %+v", got)
	}
	if got := info.Train; got.Formats["JPEG"] != 28 || got.Formats["PNG"] != 1 || got.Heights.Min != 9 || got.Widths.Min != 8 || got.Heights.Max > 39 || got.Heights.Median < 20 {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{
		dir + ": folder, 3 classes\n", "training: 31 images\n  decoded of 31: height 9 to ", "formats: JPEG 28, PNG 1\n", "cannot be decoded: 2\n",
		first + " is a truncated JPEG\n", "train/class-1/0001.jpg is empty\n", `val/class-2/0002.jpg is not a picture that can be decoded (starts with "no pictu")`,
		"classes: 10 to 11 (median 10) training images each\n  class-0       10 training        3 test\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	// Headers alone do not show that a file is cut short.
	info, text = inspect(t, dir, false)
	if len(info.Train.Broken) != 1 || len(info.Test.Broken) != 1 || info.Train.Formats["JPEG"] != 29 || !strings.Contains(text, "headers do not show every broken file: --all decodes each picture\n") {
		t.Errorf("%+v\n%s", info.Train, text)
	}
	encoded, err := json.Marshal(info)
	if err != nil || !strings.Contains(string(encoded), `"broken":[{"index":10,"reason":"`+filepath.Join(dir, "train/class-1/0001.jpg")+` is empty"}]`) {
		t.Errorf("%s, %v", encoded, err)
	}
}

// Of a large collection a sample is looked at, the same one each time.
func TestInfoOfManyImages(t *testing.T) {
	dir, files := t.TempDir(), map[string][]byte{}
	content := pngs(t, 1).contents[0]
	for i := range 2 * inspected {
		files[filepath.Join(string(rune('a'+i%50))+"x", numberNames(i + 1)[i]+".png")] = content
	}
	write(t, dir, files)
	info, text := inspect(t, dir, false)
	if !info.Split || info.Train.Images != 1800 || info.Train.Examined != inspected || info.Test.Examined != 200 || info.Train.Bytes != int64(inspected*len(content)) {
		t.Errorf("%+v, %+v", info.Train, info.Test)
	}
	for _, want := range []string{"test: 200 images, held out of the training images\n", "about " + bytesOf(int64(1800*len(content))) + " in all\n", "    and 30 more: --json lists them\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if !slices.Equal(sample(5000, false), sample(5000, false)) || !slices.IsSorted(sample(5000, false)) || len(sample(5000, true)) != 5000 {
		t.Error("the sample is not the same each time, or not in order")
	}
	d := recipe.Default().Data
	d.Path = dir
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Inspect(ctx, d, InspectOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled inspection: %v", err)
	}
}

func TestInfoOfPixels(t *testing.T) {
	info, text := inspect(t, write(t, t.TempDir(), idxFiles()), true)
	if info.Format != "mnist-idx" || info.Train.Images != 6 || info.Train.Heights != (Range{2, 2, 2}) || info.Train.Widths != (Range{3, 3, 3}) || info.Train.Formats["pixels"] != 6 {
		t.Errorf("%+v\n%s", info, text)
	}
}

// The formats say what they are.
func TestInfoOfFormats(t *testing.T) {
	for path, want := range map[string]string{
		write(t, t.TempDir(), tinyCIFAR10()): "cifar, 10 classes\n\ntraining: 15 images\n",
		"testdata/parquet/datasets.parquet":  "parquet, 2 classes\n\ntraining: 3 images\n",
		"testdata/shards/writer.tar":         "webdataset, 2 classes\n\ntraining: 3 images\n",
		write(t, t.TempDir(), map[string][]byte{"train.txt": []byte("a 0\nb 1\n"), "val.txt": []byte("c 0\n")}): "list, 2 classes\n\ntraining: 2 images\n",
	} {
		if _, text := inspect(t, path, false); !strings.HasPrefix(text, path+": "+want) {
			t.Errorf("%s:\n%s", want, text)
		}
	}
}
