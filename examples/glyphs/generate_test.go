package main

import (
	"bytes"
	"fmt"
	"image/color"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"codeberg.org/go-fonts/liberation/liberationmonoregular"
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
)

// fontFolder holds nine faces of five designs.
func fontFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, raw := range map[string][]byte{
		"go/regular.ttf": goregular.TTF, "go/bold.ttf": gobold.TTF, "go/italic.ttf": goitalic.TTF,
		"go/mono.ttf": gomono.TTF, "go/monobold.TTF": gomonobold.TTF,
		"sans.ttf": liberationsansregular.TTF, "sansbold.ttf": liberationsansbold.TTF,
		"mono.ttf": liberationmonoregular.TTF, "serif.otf": liberationserifregular.TTF,
		"broken.ttf": goregular.TTF[:1000], "README": nil,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// few is glyphs-10 with fewer pictures.
func few(perFace int) set {
	s := sets[0]
	s.perFace = perFace
	return s
}

// contents are the files below a folder, by name.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSameSeedSameFiles(t *testing.T) {
	fonts, dir := fontFolder(t), t.TempDir()
	files := func(name string, seed uint64) map[string]string {
		out := filepath.Join(dir, name)
		if _, err := generate(options{set: few(2), out: out, fonts: fonts, seed: seed}); err != nil {
			t.Fatal(err)
		}
		return contents(t, out)
	}
	first := files("first", 1)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	second, other := files("second", 1), files("other", 2)
	if len(first) != 10*5*2+1 {
		t.Errorf("%d files", len(first))
	}
	pictures := map[string]string{}
	for name, raw := range first {
		if second[name] != raw {
			t.Errorf("%s differs between two runs", name)
		}
		if other[name] == raw {
			t.Errorf("%s is the same with another seed", name)
		}
		if twin, ok := pictures[raw]; ok {
			t.Errorf("%s and %s are one picture", name, twin)
		}
		pictures[raw] = name
	}
	if len(second) != len(first) {
		t.Errorf("%d files, then %d", len(first), len(second))
	}
}

func TestSplitIsByDesign(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	made, err := generate(options{set: few(1), out: out, fonts: fontFolder(t)})
	if err != nil {
		t.Fatal(err)
	}
	sides := map[string][]string{}
	for name, raw := range contents(t, out) {
		part, rest, _ := strings.Cut(name, "/")
		if part == "typefaces.tsv" {
			continue
		}
		class, file, _ := strings.Cut(rest, "/")
		if !strings.HasPrefix(class, "u004") {
			t.Errorf("class %q", class)
		}
		face := file[:strings.LastIndex(file, "-")]
		if !slices.Contains(sides[face], part) {
			sides[face] = append(sides[face], part)
		}
		picture, err := jpeg.DecodeConfig(strings.NewReader(raw))
		if err != nil || picture.Height != 64 || picture.Width != 64 || picture.ColorModel != color.YCbCrModel {
			t.Errorf("%s: %+v, %v", name, picture, err)
		}
	}
	want := []string{"go", "go-mono", "liberation-mono", "liberation-sans", "liberation-serif"}
	tests := 0
	for _, face := range want {
		if len(sides[face]) != 1 {
			t.Errorf("%s is on %d sides", face, len(sides[face]))
		} else if sides[face][0] == "val" {
			tests++
		}
	}
	if len(sides) != len(want) || tests != 1 || len(made.test) != 1 || len(made.leftOut) != 1 {
		t.Errorf("sides %v, %d for tests, left out: %v", sides, len(made.test), made.leftOut)
	}
	raw, _ := os.ReadFile(filepath.Join(out, "typefaces.tsv"))
	for _, face := range append(made.train, made.test...) {
		line := fmt.Sprintf("%s\t%s\t10\t%d\t%s\n", face.name, sides[fileNames([]typeface{face})[0]][0], len(face.faces), face.name)
		if !bytes.Contains(raw, []byte(line)) {
			t.Errorf("typefaces.tsv lacks %q:\n%s", line, raw)
		}
	}
}

// A face without one of the set's characters is left out of the set, and
// listed with what it has.
func TestFacesThatLackCharacters(t *testing.T) {
	fonts := fontFolder(t)
	s := few(1)
	s.characters = append(slices.Clone(capitals), 'Ạ') // Liberation has it, Go's fonts do not
	out := filepath.Join(t.TempDir(), "out")
	made, err := generate(options{set: s, out: out, fonts: fonts})
	if err != nil {
		t.Fatal(err)
	}
	for _, face := range append(made.train, made.test...) {
		if !strings.HasPrefix(face.name, "Liberation") {
			t.Errorf("%s draws Ạ", face.name)
		}
	}
	raw, _ := os.ReadFile(filepath.Join(out, "typefaces.tsv"))
	if len(made.train)+len(made.test) != 3 || !strings.Contains(string(raw), "Go Mono\tnone\t10\t0\t") {
		t.Errorf("%d and %d typefaces\n%s", len(made.train), len(made.test), raw)
	}
	s.characters = append(s.characters, '中')
	_, err = generate(options{set: s, out: filepath.Join(t.TempDir(), "out"), fonts: fonts})
	if err == nil || !strings.HasPrefix(err.Error(), "0 typefaces in ") {
		t.Error(err)
	}
}

func TestFileNames(t *testing.T) {
	got := fileNames([]typeface{{name: "DejaVu Sans"}, {name: "dejavu-sans"}, {name: "API phonétique"}, {name: "ひら"}, {name: "DejaVu Sans.2"}})
	want := []string{"dejavu-sans", "dejavu-sans.2", "api-phon-tique", ".1", "dejavu-sans-2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestFontList(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "fonts.txt")
	if err := os.WriteFile(list, []byte("/usr/share\nb.otf\n a.TTF\n/usr/share/doc/x.gz\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := fontFiles(list); err != nil || !slices.Equal(got, []string{"a.TTF", "b.otf"}) {
		t.Error(got, err)
	}
}

// Mistakes give one sentence and exit code 1, wrong command lines 2.
func TestMistakes(t *testing.T) {
	full := fontFolder(t)
	empty := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--out", filepath.Join(empty, "x"), "--set", "glyphs-11"}, 1, `glyphs: there is no set "glyphs-11": give --set glyphs-10 or glyphs-400`},
		{[]string{"--out", full}, 1, "glyphs: " + full + " is not empty: remove it"},
		{[]string{"--out", filepath.Join(empty, "x"), "--fonts", filepath.Join(empty, "y")}, 1, "glyphs: there is no " + empty},
		{[]string{"--out", filepath.Join(empty, "x"), "--fonts", empty}, 1, "glyphs: " + empty + " holds no fonts"},
		{[]string{"--out", filepath.Join(full, "README"), "--fonts", full}, 1, "glyphs: mkdir "},
		{nil, 2, "glyphs: give --out"},
		{[]string{"--out", "x", "--per-face", "-1"}, 2, "glyphs: give --out"},
		{[]string{"--out", "x", "more"}, 2, "glyphs: give --out"},
		{[]string{"--outt"}, 2, "flag provided but not defined"},
		{[]string{"--help"}, 0, "Usage of glyphs:"},
	} {
		code, said := runQuietly(t, c.args)
		if code != c.code || !strings.HasPrefix(said, c.want) || code == 1 && strings.Count(said, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q", c.args, code, said)
		}
	}
}

// runQuietly returns the exit code and what went to stderr.
func runQuietly(t *testing.T, args []string) (int, string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stderr := os.Stderr
	os.Stderr = file
	code := run(args)
	os.Stderr = stderr
	raw, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, string(raw)
}
