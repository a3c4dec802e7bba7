package jpeg

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func files(t testing.TB) [][]byte {
	t.Helper()
	names, err := filepath.Glob("../../testdata/*.jpg")
	if err != nil || len(names) < 30 {
		t.Fatalf("%d pictures, error %v", len(names), err)
	}
	var all [][]byte
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content)
	}
	return all
}

// compare decodes a window with and without the Huffman decoder of this
// package: pixels and errors must be the same, and no warning may be lost.
func compare(t *testing.T, fast, plain *Decoder, content []byte, h Header, w Window) (decoded bool) {
	t.Helper()
	a, b := make([]byte, w.Height*w.Width*3), make([]byte, w.Height*w.Width*3)
	errA, errB := fast.Decode(a, content, h, w), plain.Decode(b, content, h, w)
	// libjpeg reads a little beyond what it needs, but not over the end of the
	// pixels.
	above := w.Top+w.Height < (h.Height*w.Eighths+7)/8
	if above && errA == nil && errors.Is(errB, errTruncated) {
		return true
	}
	if (errA == nil) != (errB == nil) || errA != nil && errA.Error() != errB.Error() {
		t.Fatalf("%+v: error %v, and %v without the Huffman decoder", w, errA, errB)
	}
	if errA != nil {
		return false
	}
	if !bytes.Equal(a, b) {
		t.Fatalf("%+v: other pixels than without the Huffman decoder", w)
	}
	// A few bytes too many before a marker escape libjpeg.
	if fast.Warnings() == 0 && plain.Warnings() > 0 {
		t.Fatalf("%+v: %d warnings, and %d without the Huffman decoder", w, fast.Warnings(), plain.Warnings())
	}
	return true
}

// Whatever is damaged, the outcome is libjpeg's.
func TestDamagedFilesAsLibjpeg(t *testing.T) {
	fast, plain := &Decoder{}, &Decoder{Plain: true}
	defer fast.Close()
	defer plain.Close()
	r := rand.New(rand.NewPCG(1, 2))
	tried, sound := 0, 0
	for _, original := range files(t) {
		for range 60 {
			content := bytes.Clone(original)
			from := 20
			if r.IntN(3) > 0 {
				// Only the pixels.
				from = bytes.Index(content, []byte{0xff, 0xda}) + 10
			}
			for range 1 + r.IntN(3) {
				if len(content) <= from {
					break
				}
				at := from + r.IntN(len(content)-from)
				switch r.IntN(4) {
				case 0:
					content[at] = byte(r.Uint32())
				case 1:
					content[at] ^= 1 << r.IntN(8)
				case 2:
					content[at] = 0xff
				case 3: // Bytes are lost or come twice.
					n := min(1+r.IntN(20), len(content)-at)
					if r.IntN(2) == 0 {
						content = append(content[:at:at], content[at+n:]...)
					} else {
						content = append(content[:at+n:at+n], content[at:]...)
					}
				}
			}
			h, err := ReadHeader(content)
			if err != nil || h.Height < 1 || h.Width < 1 || h.Height*h.Width > 1<<16 {
				continue
			}
			w := WindowAround(h, 0, 0, h.Height, h.Width, 8)
			if r.IntN(2) == 0 {
				top, left := r.IntN(h.Height), r.IntN(h.Width)
				w = WindowAround(h, top, left, 1+r.IntN(h.Height-top), 1+r.IntN(h.Width-left), 1<<r.IntN(4))
			}
			tried++
			if compare(t, fast, plain, content, h, w) {
				sound++
			}
		}
	}
	if sound < tried/4 || sound > tried*19/20 {
		t.Errorf("%d of %d damaged files could be decoded; this test wants a mixture", sound, tried)
	}
}

// FuzzDecoder compares with libjpeg on any bytes. Its seeds are the JPEGs of
// testdata.
func FuzzDecoder(f *testing.F) {
	for _, content := range files(f) {
		if len(content) < 8000 {
			f.Add(content, uint8(0), uint8(0), uint8(255), uint8(255), uint8(3))
			f.Add(content, uint8(30), uint8(20), uint8(50), uint8(40), uint8(2))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, top, left, height, width, scale uint8) {
		h, err := ReadHeader(content)
		if err != nil || h.Height < 1 || h.Width < 1 || h.Height*h.Width > 1<<16 {
			return
		}
		fast, plain := &Decoder{}, &Decoder{Plain: true}
		defer fast.Close()
		defer plain.Close()
		y, x := int(top)%h.Height, int(left)%h.Width
		w := WindowAround(h, y, x, 1+int(height)%(h.Height-y), 1+int(width)%(h.Width-x), 1<<(scale%4))
		compare(t, fast, plain, content, h, w)
	})
}
