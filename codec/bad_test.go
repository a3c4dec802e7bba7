package codec

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cone/picture"
)

// attempt opens and decodes a file, all of it and parts.
func attempt(d *Decoder, content []byte) error {
	f, err := d.Open(content)
	if err != nil {
		return err
	}
	var im picture.Image
	return f.Decode(&im)
}

// Every format cut at many lengths: an error that says so, never a crash.
func TestTruncated(t *testing.T) {
	d := NewDecoder(Options{Exif: true, MaxPixels: 1 << 24})
	defer d.Close()
	for _, g := range goldens(t) {
		content := read(t, g.name)
		step := max(1, len(content)/60)
		for n := 0; n < len(content); n += step {
			err := attempt(d, content[:n])
			if err == nil {
				// The last bytes of these formats hold no pixels.
				if strings.HasSuffix(g.name, ".jpg") || n < len(content)/2 {
					t.Errorf("%s: the first %d of %d bytes pass", g.name, n, len(content))
				}
				continue
			}
			if !strings.HasPrefix(err.Error(), "is ") || strings.Contains(err.Error(), "internal") {
				t.Errorf("%s cut at %d: %v", g.name, n, err)
			}
			if strings.HasSuffix(g.name, ".jpg") && n > 3 && err.Error() != "is a truncated JPEG" {
				t.Errorf("%s cut at %d of %d: %v", g.name, n, len(content), err)
			}
		}
	}
}

// What is cut off below a part does not matter to it.
func TestTruncatedBelowThePart(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	content := read(t, "ycc-420.jpg")
	f, err := d.Open(content[:len(content)/2])
	if err != nil {
		t.Fatal(err)
	}
	var im picture.Image
	if _, err := f.Region(&im, picture.Rect{Height: 20, Width: 200}, 0, 0); err != nil {
		t.Error(err)
	}
	if _, err := f.Region(&im, picture.Rect{Top: 100, Height: 20, Width: 200}, 0, 0); err == nil {
		t.Error("the missing half of the picture was decoded")
	}
}

// bigPNG is the start of a PNG that declares a size.
func bigPNG(height, width uint32) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1, 1))); err != nil {
		panic(err)
	}
	content := b.Bytes()
	binary.BigEndian.PutUint32(content[16:], width)
	binary.BigEndian.PutUint32(content[20:], height)
	binary.BigEndian.PutUint32(content[29:], crc32.ChecksumIEEE(content[12:29]))
	return content
}

// patched is content with bytes at a place replaced.
func patched(content []byte, at int, by ...byte) []byte {
	content = bytes.Clone(content)
	copy(content[at:], by)
	return content
}

func TestBadFiles(t *testing.T) {
	jpg := read(t, "ycc-420.jpg")
	frame := bytes.Index(jpg, []byte{0xff, 0xc0})
	gif := read(t, "offset.gif")
	webp := read(t, "lossy-21x34.webp")
	scan := read(t, "dc-only-420.jpg")
	at := bytes.Index(scan, []byte{0xff, 0xda})
	bomb := append(bytes.Clone(scan[:at]), bytes.Repeat(scan[at:len(scan)-2], 1100)...)
	tests := []struct {
		name    string
		content []byte
		limit   int
		want    string
	}{
		{"empty", nil, 0, "is empty"},
		{"zeros", make([]byte, 5000), 0, "holds nothing but zeros"},
		{"text", []byte("label 3\n"), 0, `is not a picture that can be decoded (starts with "label 3\n")`},
		{"one byte", []byte{0xff}, 0, `is not a picture that can be decoded (starts with "\xff")`},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), 0, "is a HEIC picture, which cone does not decode: convert it to JPEG or PNG"},
		{"Git LFS", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0"), 0, "is a pointer of Git LFS"},
		{"web page", []byte("<!DOCTYPE html><html>404"), 0, "is a web page, not a picture"},
		{"PNG bomb, capped", bigPNG(32768, 65536), 1 << 26, "has 32768×65536 pixels, more than data.max_pixels = 67108864"},
		{"PNG bomb, no cap", bigPNG(32768, 65536), 0, "is a truncated PNG: "},
		{"PNG of negative size", bigPNG(1<<31, 1<<31), 0, "is a damaged PNG: "},
		{"JPEG bomb, capped", patched(jpg, frame+5, 0xff, 0xdc, 0xff, 0xdc), 1 << 26, "has 65500×65500 pixels, more than data.max_pixels = 67108864"},
		{"JPEG bomb, no cap", patched(jpg, frame+5, 0xff, 0xdc, 0xff, 0xdc), 0, "is a truncated JPEG: "},
		{"JPEG without height", patched(jpg, frame+5, 0, 0), 0, "is a JPEG of 0×203 pixels"},
		{"JPEG of 12 bits", patched(jpg, frame+4, 12), 0, "is a JPEG of 12 bits per sample, where only 8 can be decoded"},
		{"lossless JPEG", patched(jpg, frame+1, 0xc3), 0, "is a lossless or hierarchical JPEG (SOF3)"},
		{"JPEG of 2 components", patched(jpg, frame+9, 2), 0, "is a JPEG of 2 components, where 1, 3 or 4 are expected"},
		{"JPEG of bad sampling", patched(jpg, frame+11, 0x51), 0, "is a damaged JPEG: its sampling factors are not 1 to 4"},
		{"JPEG without tables", append(bytes.Clone(jpg[:2]), jpg[frame:]...), 0, "is a damaged JPEG: Quantization table 0x00 was not defined"},
		{"JPEG without a picture", []byte{0xff, 0xd8, 0xff, 0xd9}, 0, "is a JPEG without a picture"},
		{"scan bomb", bomb, 0, "is a progressive JPEG of more than 1000 scans"},
		{"GIF frame beyond its canvas", patched(gif, 6, 20, 0, 10, 0), 0, "is a damaged GIF: "},
		{"GIF of a large canvas", patched(gif, 6, 0xff, 0xff, 0xff, 0xff), 1 << 26, "has 65535×65535 pixels, more than"},
		{"GIF of a large canvas, no cap", patched(gif, 6, 0xff, 0xff, 0xff, 0xff), 0, "is a truncated GIF: "},
		{"WebP of another size", patched(webp, 26, 0xff, 0x3f, 0xff, 0x3f), 1 << 20, "has 16383×16383 pixels, more than"},
		{"WebP that is larger than its pixels", patched(webp, 26, 0xff, 0x03, 0xff, 0x03), 0, "is a truncated WebP"},
		{"PNM without size", []byte("P6\nabc"), 0, `is a damaged PNM: "abc" stands where a number is expected`},
		{"PNM bomb", []byte("P5 2000000000 2000000000 255\n"), 0, "is a truncated PNM: "},
		{"PNM of large numbers", []byte("P5 99999999999999999999 1 255\n"), 0, "is a damaged PNM: a number is too large"},
		{"short PNM", []byte("P5 8 8 255\n1234"), 0, "is a truncated PNM"},
		{"PNM of no height", []byte("P5 0 8 255\n1234"), 0, "is a PNM of 8×0 pixels"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := NewDecoder(Options{Exif: true, MaxPixels: test.limit})
			defer d.Close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := attempt(d, test.content)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if strings.Contains(test.name, "bomb") && after.TotalAlloc-before.TotalAlloc > 1<<20 {
				t.Errorf("%d bytes were allocated for it", after.TotalAlloc-before.TotalAlloc)
			}
		})
	}
}

// Damaged pixels of a JPEG are passed over as in Pillow, and counted.
func TestWarnings(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	content := read(t, "ycc-420.jpg")
	f, err := d.Open(content)
	if err != nil {
		t.Fatal(err)
	}
	var im picture.Image
	if err := f.Decode(&im); err != nil || f.Warnings() != 0 {
		t.Fatalf("error %v, %d warnings on a sound file", err, f.Warnings())
	}
	at := bytes.Index(content, []byte{0xff, 0xda}) + 1000
	frame := bytes.Index(content, []byte{0xff, 0xc0})
	for what, damaged := range map[string][]byte{
		"markers amid the pixels":     patched(content, at, 0xff, 0xd0, 0xff, 0xd1),
		"fewer pixels than announced": patched(content, frame+5, 3, 0),
	} {
		f, err = d.Open(damaged)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Decode(&im); err != nil || f.Warnings() == 0 {
			t.Errorf("%s: error %v, %d warnings", what, err, f.Warnings())
		}
	}
}

func TestPartOutsideOfThePicture(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	for _, name := range []string{"size-8x8.jpg", "rgb.png"} {
		f, err := d.Open(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		const far = 1 << 62
		for _, p := range []picture.Rect{{}, {Height: 1}, {Top: -1, Height: 4, Width: 4}, {Left: 5, Height: 4, Width: 40},
			{Top: far, Left: far, Height: far, Width: far}, {Height: far, Width: far}} {
			if _, err := f.Region(new(picture.Image), p, 0, 0); err == nil {
				t.Errorf("%s: the part %+v was decoded", name, p)
			}
		}
	}
}

// Damaged EXIF data states no orientation.
func TestDamagedExif(t *testing.T) {
	little := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	big := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
	for _, b := range [][]byte{little, big} {
		if o := orientationOfTIFF(b); o != 6 {
			t.Errorf("orientation %d, want 6", o)
		}
		for n := range 22 {
			if o := orientationOfTIFF(b[:n]); o != 0 {
				t.Errorf("orientation %d of the first %d bytes", o, n)
			}
		}
		r := rand.New(rand.NewPCG(7, 8))
		for range 2000 {
			orientationOfTIFF(patched(b, r.IntN(len(b)), byte(r.Uint32())))
		}
	}
	if o := orientationOfTIFF(patched(little, 4, 0xff, 0xff, 0xff, 0xff)); o != 0 {
		t.Errorf("orientation %d of a directory beyond the data", o)
	}
	// An orientation out of range is none.
	h, err := Inspect(bytes.Replace(read(t, "turned-6.jpg"), []byte("\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06"),
		[]byte("\x01\x12\x00\x03\x00\x00\x00\x01\x00\x09"), 1))
	if err != nil || h.Orientation != 1 {
		t.Errorf("orientation %d, error %v for a stated 9", h.Orientation, err)
	}
}

func TestInspect(t *testing.T) {
	for name, want := range map[string]Header{
		"ycc-420.jpg":      {"JPEG", 131, 203, "RGB", 1},
		"ycck-420.jpg":     {"JPEG", 131, 203, "CMYK", 1},
		"grey.jpg":         {"JPEG", 131, 203, "grey", 1},
		"turned-5.jpg":     {"JPEG", 131, 203, "RGB", 5},
		"turned.png":       {"PNG", 21, 34, "RGB", 6},
		"turned.webp":      {"WebP", 21, 34, "RGB", 6},
		"turned.tiff":      {"TIFF", 21, 34, "RGB", 6},
		"palette.png":      {"PNG", 21, 34, "palette", 1},
		"grey.bmp":         {"BMP", 21, 34, "palette", 1},
		"offset.gif":       {"GIF", 30, 40, "palette", 1},
		"bits.pbm":         {"PNM", 21, 34, "grey", 1},
		"text.ppm":         {"PNM", 2, 3, "RGB", 1},
		"lossy-20x33.webp": {"WebP", 20, 33, "RGB", 1},
	} {
		if h, err := Inspect(read(t, name)); err != nil || h != want {
			t.Errorf("%s: %+v, error %v, want %+v", name, h, err, want)
		}
	}
}

// Without Options.Exif pictures stay as stored.
func TestExifIsASetting(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	turned, stored := decoded(t, d, read(t, "turned-6.jpg")), decoded(t, d, read(t, "turned-1.jpg"))
	if !bytes.Equal(turned.Pixels, stored.Pixels) {
		t.Error("the picture was turned")
	}
}

// Decoders in parallel do not meet.
func TestParallel(t *testing.T) {
	all := goldens(t)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			d := NewDecoder(Options{Exif: true})
			defer d.Close()
			first := map[string][]byte{}
			for i := range 2 * len(all) {
				name := all[(i+worker*11)%len(all)].name
				im := decoded(t, d, read(t, name))
				if before, ok := first[name]; ok && !bytes.Equal(before, im.Pixels) {
					t.Errorf("%s: two decodings differ", name)
				}
				first[name] = im.Pixels
			}
		})
	}
	group.Wait()
}

// resident is the memory of this process in bytes.
func resident(t *testing.T) int {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(content))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// Neither decoding nor failing to leaves memory behind.
func TestMemoryStaysFlat(t *testing.T) {
	d := NewDecoder(Options{})
	defer d.Close()
	files := [][]byte{read(t, "ycc-420.jpg"), read(t, "progressive-420.jpg"), read(t, "cmyk.jpg")}
	for _, f := range files {
		files = append(files, f[:len(f)/2])
	}
	var im picture.Image
	run := func(n int) int {
		for i := range n {
			f, err := d.Open(files[i%len(files)])
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Decode(&im); (err != nil) != (i%len(files) >= len(files)/2) {
				t.Fatalf("error %v", err)
			}
			if i%100 == 0 {
				other := NewDecoder(Options{})
				if err := attempt(other, files[0]); err != nil {
					t.Fatal(err)
				}
				other.Close()
			}
		}
		runtime.GC()
		return resident(t)
	}
	before := run(500)
	if after := run(2500); after > before+8<<20 {
		t.Errorf("2500 decodings left %d KiB behind", (after-before)>>10)
	}
}

// A picture whose palette is shorter than its pixels' values.
func TestGIFWithShortPalette(t *testing.T) {
	var b bytes.Buffer
	im := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White})
	if err := gif.Encode(&b, im, nil); err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(Options{})
	if err := attempt(d, b.Bytes()); err != nil {
		t.Error(err)
	}
}
