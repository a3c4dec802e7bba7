package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cone/codec"
	"cone/internal/samples"
	"cone/recipe"
)

// usual are the transforms of photographs in training and in evaluation.
var usual = map[string][]recipe.Step{
	"training": {
		{RandomResizedCrop: &recipe.RandomResizedCrop{Size: 224, Scale: []float64{0.08, 1}, Ratio: []float64{3. / 4, 4. / 3}, Interpolation: "bilinear"}},
		{HorizontalFlip: &recipe.HorizontalFlip{Probability: 0.5}},
	},
	"evaluation": {
		{Resize: &recipe.Resize{Size: 256, Interpolation: "bilinear"}},
		{CenterCrop: &recipe.CenterCrop{Size: 224}},
	},
	"timm's evaluation": {
		{Resize: &recipe.Resize{Size: 235, Interpolation: "bicubic"}},
		{CenterCrop: &recipe.CenterCrop{Size: 224}},
	},
}

// encoded is a picture of the size, of noise, or of one grey as a PNG.
func encoded(t testing.TB, width, height int, format string) []byte {
	t.Helper()
	im := image.NewGray(image.Rect(0, 0, width, height))
	copy(im.Pix, noise(min(len(im.Pix), 1<<16)))
	var out bytes.Buffer
	var err error
	if format == "png" {
		err = png.Encode(&out, im)
	} else {
		err = jpeg.Encode(&out, im, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// declaring is a small PNG whose header declares another size.
func declaring(t testing.TB, width, height uint32) []byte {
	content := encoded(t, 8, 8, "png")
	binary.BigEndian.PutUint32(content[16:], width)
	binary.BigEndian.PutUint32(content[20:], height)
	binary.BigEndian.PutUint32(content[29:], crc32.ChecksumIEEE(content[12:29]))
	return content
}

// Every bad file gives one sentence that names it, and what is only unusual is
// read; either way memory stays small.
func TestBadPictures(t *testing.T) {
	photo := encoded(t, 120, 90, "jpeg")
	for name, test := range map[string]struct {
		content []byte
		want    string // after the file's name; "" where the picture is read
	}{
		"cut-in-the-pixels.jpg": {photo[:len(photo)/8], "is a truncated JPEG"},
		"cut-in-the-header.jpg": {photo[:30], "is a truncated JPEG"},
		"empty.jpg":             {nil, "is empty"},
		"zeros.jpg":             {make([]byte, 4096), "holds nothing but zeros"},
		"text.jpg":              {[]byte("hello"), `is not a picture that can be decoded (starts with "hello")`},
		"page.jpg":              {[]byte("<!DOCTYPE html><html>"), "is a web page, not a picture"},
		"2³¹-pixels.png":        {declaring(t, 65536, 32768), "has 32768×65536 pixels, more than data.max_pixels = 89478485"},
		"a-row-of-2³¹.png":      {declaring(t, 1<<31-1, 1), "has 1×2147483647 pixels, more than data.max_pixels = 89478485"},
		"liar.png":              {declaring(t, 9000, 9000), "is a truncated PNG"},
		"really-a.png":          {photo, ""},
		"really-a-png.JPEG":     {encoded(t, 50, 60, "png"), ""},
		"wide.png":              {encoded(t, 20000, 1, "png"), ""},
		"tall.png":              {encoded(t, 1, 20000, "png"), ""},
		"wide.jpg":              {encoded(t, 20000, 1, "jpeg"), ""},
		"tall.jpg":              {encoded(t, 1, 20000, "jpeg"), ""},
		"widest.jpg":            {encoded(t, 65500, 1, "jpeg"), ""},
		"tiny.png":              {encoded(t, 1, 1, "png"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, t.TempDir(), map[string][]byte{"a/" + name: test.content, "b/other.jpg": photo})
			s, err := openFolder(dir, false)
			if err != nil {
				t.Fatal(err)
			}
			for what, steps := range usual {
				o := Options{Batch: 1, Augment: steps, Codec: codec.Options{Exif: true, MaxPixels: recipe.Default().Data.MaxPixels}, Workers: 1}
				var b *Batch
				took := allocated(func() {
					var e *Epoch
					if e, err = open(t, Subset(s, []int{0}), o).Epoch(context.Background(), 0, 0); err == nil {
						b, err = e.Next()
					}
				})
				if took > 8<<20 {
					t.Errorf("%s: %d bytes were allocated", what, took)
				}
				switch {
				case test.want == "" && (err != nil || b.N != 1):
					t.Errorf("%s: %v", what, err)
				case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, "a", name)+" "+test.want) || strings.Contains(err.Error(), "\n")):
					t.Errorf("%s:\ngot  %v\nwant %s", what, err, test.want)
				}
			}
		})
	}
}

// What lies in a picture's place and is no file.
func TestBadFilesInAFolder(t *testing.T) {
	dir := write(t, t.TempDir(), map[string][]byte{"a/0.jpg": nil, "b/0.jpg": nil})
	if err := syscall.Mkfifo(filepath.Join(dir, "a", "1-pipe.jpg"), 0o666); err != nil {
		t.Skip(err)
	}
	for name, target := range map[string]string{"2-lost.jpg": "nowhere", "3-circle.jpg": "3-circle.jpg"} {
		if err := os.Symlink(target, filepath.Join(dir, "a", name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openFolder(dir, false)
	if err != nil || s.Len() != 5 {
		t.Fatalf("%d pictures, %v", s.Len(), err)
	}
	var buffer []byte
	for i, want := range []string{"", "1-pipe.jpg is not a regular file; put a picture in its place", "2-lost.jpg: no such file", "3-circle.jpg: too many levels of symbolic links"} {
		if _, err := s.Read(i, &buffer); want != "" && (err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "a", want))) {
			t.Errorf("picture %d: %v, want %s", i, err, want)
		}
	}
}

// A folder, or a pipe, in place of the files of each format.
func TestNoRegularFiles(t *testing.T) {
	for _, name := range []string{"train.tar", "train.parquet", "train.txt", "train-images-idx3-ubyte", "data_batch_1.bin"} {
		for _, kind := range []string{"folder", "pipe"} {
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			err := os.Mkdir(path, 0o777)
			if kind == "pipe" {
				os.Remove(path)
				err = syscall.Mkfifo(path, 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
			if name == "train-images-idx3-ubyte" {
				write(t, dir, map[string][]byte{"train-labels-idx1-ubyte": nil, "t10k-images-idx3-ubyte": nil, "t10k-labels-idx1-ubyte": nil})
			}
			if _, err := Open(recipe.Data{Path: dir, Format: "auto"}); err == nil || !strings.Contains(err.Error(), path+" is not a regular file; ") {
				t.Errorf("a %s: %v", kind, err)
			}
		}
	}
}

// asNobody, set, makes TestWithoutRights try to read what it names.
const asNobody = "CONE_TEST_AS_NOBODY"

// Files and folders that may not be read. The superuser may read everything, so
// the test runs itself again as another user.
func TestWithoutRights(t *testing.T) {
	if root := os.Getenv(asNobody); root != "" {
		answers := map[string]string{}
		for _, path := range []string{"class", "file", "list", "shard", "parquet", "idx"} {
			d := recipe.Default().Data
			d.Path = filepath.Join(root, path)
			info, err := Inspect(t.Context(), d, InspectOptions{})
			if err != nil {
				answers[path] = err.Error()
			} else if len(info.Train.Broken) == 1 {
				answers[path] = info.Train.Broken[0].Reason
			}
		}
		json.NewEncoder(os.Stdout).Encode(answers)
		return
	}
	root := t.TempDir()
	for _, name := range []string{"class", "file"} {
		if err := samples.Photos(filepath.Join(root, name), 2, 10, 4); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, map[string][]byte{"list/train.txt": nil, "shard/train.tar": nil, "parquet/train.parquet": nil})
	write(t, filepath.Join(root, "idx"), idxFiles())
	closed := map[string]string{
		"class": "class/train/class-1", "file": "file/train/class-0/0004.jpg", "list": "list/train.txt", "shard": "shard/train.tar",
		"parquet": "parquet/train.parquet", "idx": "idx/t10k-labels-idx1-ubyte",
	}
	for _, path := range closed {
		if err := os.Chmod(filepath.Join(root, path), 0); err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command("/proc/self/exe", "-test.run=^TestWithoutRights$")
	child.Env = append(os.Environ(), asNobody+"="+root)
	child.Dir = "/"
	if os.Getuid() == 0 {
		for dir := root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	child.Stderr = os.Stderr
	out, err := child.Output()
	var answers map[string]string
	if line, _, _ := bytes.Cut(out, []byte("\n")); err != nil || json.Unmarshal(line, &answers) != nil {
		t.Skipf("the test cannot run as another user: %v, %s", err, out)
	}
	for name, path := range closed {
		if want := "open " + filepath.Join(root, path) + ": permission denied"; answers[name] != want {
			t.Errorf("%s: %q, want %q", name, answers[name], want)
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
	}
	for _, test := range []struct{ train, test, want string }{
		{"{numbers,names}.parquet", "two.parquet", "names.parquet has BYTE_ARRAY (STRING) in the column label, unlike the files before it; convert it"},
		{"{names,numbers}.parquet", "two.parquet", "numbers.parquet has INT64 in the column label, unlike the files before it; convert it"},
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

// A reader that ends early must not be taken for the end of a list.
func TestListThatCannotBeRead(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("a 0\nb 1\n"), failing{})
	if _, err := readList("list.txt", broken); err == nil || err.Error() != "list.txt cannot be read: input/output error" {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, syscall.EIO }
