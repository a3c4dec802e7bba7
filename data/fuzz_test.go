package data

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// allocated is what f allocates, in bytes, freed or not.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// tarEntry is a file in a tar file.
type tarEntry struct {
	name, content string
}

// tarFile is a tar file of entries.
func tarFile(t testing.TB, entries ...tarEntry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Size: int64(len(e.content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tarContents are the entries of a tar file by name, read from its start to its
// end; the last of equal names counts.
func tarContents(content []byte) map[string][]byte {
	all := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(content))
	for {
		header, err := r.Next()
		if err != nil {
			return all
		}
		if all[header.Name], err = io.ReadAll(r); err != nil {
			return all
		}
	}
}

// FuzzIndexTar gives any bytes to the reader of shards. What it finds is what
// archive/tar reads from the start to the end.
func FuzzIndexTar(f *testing.F) {
	shards, err := filepath.Glob("testdata/shards/*.tar")
	if err != nil || len(shards) == 0 {
		f.Fatalf("%d shards, %v", len(shards), err)
	}
	for _, shard := range shards {
		content, err := os.ReadFile(shard)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		f.Add(content[:len(content)*2/3])
	}
	f.Add(tarFile(f, tarEntry{"a.jpg", "x"}, tarEntry{"a.cls", "1"}, tarEntry{"b.cls", "0"}, tarEntry{"b.png", "y"}, tarEntry{"a.jpg", "z"}))
	f.Fuzz(func(t *testing.T, content []byte) {
		var samples []tarSample
		var err error
		took := allocated(func() { samples, err = indexTar(bytes.NewReader(content), int64(len(content))) })
		if took > 8<<20+100*len(content) {
			t.Fatalf("%d bytes were allocated for %d", took, len(content))
		}
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "is ") && !strings.HasPrefix(text, "has ") && !strings.HasPrefix(text, "holds ") {
				t.Fatalf("the error does not follow a file's name: %s", text)
			}
			return
		}
		contents := tarContents(content)
		keys := map[string]bool{}
		for i, s := range samples {
			if s.label < 0 || s.label >= maxClasses || s.size < 0 || s.offset+int64(s.size) > int64(len(content)) {
				t.Fatalf("sample %d: %+v in %d bytes", i, s, len(content))
			}
			name, err := entryName(bytes.NewReader(content), s)
			if err != nil {
				t.Fatalf("sample %d: %v", i, err)
			}
			key, extension := tarKey(name)
			if keys[key] || !slices.Contains(pictureExtensions, extension) {
				t.Fatalf("sample %d is called %q", i, name)
			}
			keys[key] = true
			if got := content[s.offset:][:s.size]; !bytes.Equal(got, contents[name]) {
				t.Fatalf("sample %d, %q, is %q and not %q", i, name, got, contents[name])
			}
		}
	})
}

// webDatasetKey is webdataset's own rule (base_plus_ext in tariterators.py).
var webDatasetKey = regexp.MustCompile(`^((?:.*/|)[^.]+)[.]([^/]*)$`)

// FuzzTarKey compares keys with webdataset's rule.
func FuzzTarKey(f *testing.F) {
	for _, name := range []string{"a.jpg", "./a/b.seg.PNG", "a.b/c.cls", ".hidden.jpg", "a/.hidden", "README", "a/b", "a/b.", "ä/ö.jpg", "..jpg", "a//b.jpg"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsAny(name, "\n") || !utf8.ValidString(name) {
			return // on which regular expressions of Python and Go differ
		}
		key, extension := tarKey(name)
		var wantKey, wantExtension string
		if m := webDatasetKey.FindStringSubmatch(strings.TrimPrefix(name, "./")); m != nil {
			wantKey, wantExtension = m[1], strings.ToLower(m[2])
		}
		// A key that ends in a folder's slash has no name.
		if path.Base(wantKey) == "." || strings.HasSuffix(wantKey, "/") {
			wantKey, wantExtension = "", ""
		}
		if key != wantKey || extension != wantExtension {
			t.Errorf("%q has the key %q and extension %q, want %q and %q", name, key, extension, wantKey, wantExtension)
		}
	})
}

// FuzzReadList reads any bytes as a list. What is understood can be written and
// read again.
func FuzzReadList(f *testing.F) {
	for _, text := range []string{
		"a.jpg 0\nb.jpg 1\n", "cat 1/a.jpg\tcat\r\ndog/a.jpg dog", "# what this is\n\n  a 1  \n", "\ufeffa.jpg x\n", "a.jpg\n", "a 0\nb x\n", "a -1\n", "a\x00b 1\n", "a 99999999999999999999\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := readList("list.txt", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "list.txt") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("not one sentence that names the file: %v", err)
			}
			return
		}
		if l.files.len() == 0 || l.files.len() != len(l.numbers) {
			t.Fatalf("%d files, %d labels", l.files.len(), len(l.numbers))
		}
		var again strings.Builder
		again.WriteString("# \n") // so that no path begins the file
		for i, n := range l.numbers {
			label := ""
			if l.known != nil {
				label = l.names[n]
			} else {
				label = numberNames(int(n) + 1)[n]
			}
			again.WriteString(l.files.get(i) + "\t" + label + "\n")
		}
		m, err := readList("again.txt", strings.NewReader(again.String()))
		if err != nil || !slices.Equal(m.numbers, l.numbers) || !slices.Equal(m.names, l.names) || !bytes.Equal(m.files.bytes, l.files.bytes) {
			t.Fatalf("%q is read as another list than %q: %v", again.String(), text, err)
		}
	})
}

// plainBraces expands a pattern by replacing its first braces again and again.
func plainBraces(pattern string) []string {
	open := strings.Index(pattern, "{")
	if open < 0 {
		return []string{pattern}
	}
	end := open + strings.Index(pattern[open:], "}")
	choices, err := braceChoices(pattern[open+1 : end])
	if err != nil {
		panic(err)
	}
	var all []string
	for _, choice := range choices {
		for _, rest := range plainBraces(pattern[end+1:]) {
			all = append(all, pattern[:open]+choice+rest)
		}
	}
	return all
}

// FuzzExpandBraces gives any pattern to the expansion of braces.
func FuzzExpandBraces(f *testing.F) {
	for _, pattern := range []string{"train-{000..127}.tar", "{a,b}{1..3}", "{a", "a}", "{{a}}", "{9..1}", "{0..99999999}", "{1..2}{3..4}{5..6}", "{,}", "{}"} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if len(pattern) > 200 {
			return
		}
		var names []string
		var err error
		took := allocated(func() { names, err = expandBraces(pattern) })
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "pattern") {
				t.Fatalf("not one sentence that names the pattern: %v", err)
			}
			return
		}
		if len(names) == 0 || len(names) > maxExpanded || took > 4*maxExpandedBytes {
			t.Fatalf("%d names, %d bytes", len(names), took)
		}
		if len(names) < 10_000 && !slices.Equal(names, plainBraces(pattern)) {
			t.Fatalf("%q is %q, want %q", pattern, names, plainBraces(pattern))
		}
	})
}

// FuzzCIFAR gives any bytes to the reader of CIFAR's files.
func FuzzCIFAR(f *testing.F) {
	f.Add(cifarFile(1, 0, 9), false)
	f.Add(cifarFile(2, 7, 99), true)
	f.Add(cifarFile(1, 10), false)
	f.Add(cifarFile(1, 1)[:3000], false)
	f.Fuzz(func(t *testing.T, content []byte, hundred bool) {
		c := cifars[0]
		if hundred {
			c = cifars[1]
		}
		d := &Dataset{Height: cifarSide, Width: cifarSide, Channels: 3, ClassNames: numberNames(c.classes)}
		if err := c.add(d, content); err != nil {
			if !strings.HasPrefix(err.Error(), "has ") {
				t.Fatalf("the error does not follow a file's name: %v", err)
			}
			return
		}
		if err := d.check(); err != nil {
			t.Fatal(err)
		}
		if want := d.Len() * (c.labels + cifarPixels); want != len(content) {
			t.Fatalf("%d records are read from %d bytes", d.Len(), len(content))
		}
	})
}
