package codec

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cone/picture"
)

// golden is a picture of testdata and what Pillow decodes it to.
type golden struct {
	name, sum     string
	height, width int
}

// goldens reads testdata/pixels.sha256, which testdata/make.py writes.
func goldens(t testing.TB) []golden {
	t.Helper()
	content, err := os.ReadFile("testdata/pixels.sha256")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		var g golden
		if _, err := fmt.Sscan(lines.Text(), &g.sum, &g.height, &g.width, &g.name); err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	if len(all) < 70 {
		t.Fatalf("testdata/pixels.sha256 lists %d pictures", len(all))
	}
	return all
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// decoded opens and decodes a picture that must be well.
func decoded(t testing.TB, d *Decoder, content []byte) *picture.Image {
	t.Helper()
	f, err := d.Open(content)
	if err != nil {
		t.Fatal(err)
	}
	im := new(picture.Image)
	if err := f.Decode(im); err != nil {
		t.Fatal(err)
	}
	if im.Size != f.Shape() || len(im.Pixels) != im.Bytes() {
		t.Fatalf("decoded to %v and %d bytes, where the file has %v", im.Size, len(im.Pixels), f.Shape())
	}
	return im
}

// Every format, subsampling, colour space and orientation, one decoder for
// all of them.
func TestPixelsAreThoseOfPillow(t *testing.T) {
	d := NewDecoder(Options{Exif: true})
	defer d.Close()
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			im := decoded(t, d, read(t, g.name))
			if want := (picture.Size{Height: g.height, Width: g.width, Channels: 3}); im.Size != want {
				t.Fatalf("has %v, want %v", im.Size, want)
			}
			if sum := fmt.Sprintf("%x", sha256.Sum256(im.Pixels)); sum != g.sum {
				t.Errorf("other pixels than Pillow's: sha256 %s, want %s", sum, g.sum)
			}
		})
	}
}
