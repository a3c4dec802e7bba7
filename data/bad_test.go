package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"strings"
	"testing"

	"cone/codec"
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
