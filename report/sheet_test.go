package report

import (
	"bytes"
	"image/color"
	"image/png"
	"testing"

	"cone/picture"
)

func TestWriteSheet(t *testing.T) {
	grey := picture.Image{Size: picture.Size{Height: 2, Width: 2, Channels: 1}, Pixels: []uint8{10, 20, 30, 40}}
	red := picture.Image{Size: picture.Size{Height: 1, Width: 2, Channels: 3}, Pixels: []uint8{200, 0, 0, 0, 0, 100}}
	var out bytes.Buffer
	rows := []SheetRow{
		{Label: "grey", Pictures: []picture.Image{grey}},
		{Pictures: []picture.Image{grey, red}, Captions: []string{"", "l"}},
	}
	if err := WriteSheet(&out, Sheet{Heads: []string{"", "l"}, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	sheet, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	// Cells of 2×48 pixels and a gap, between two lines of 16, below one.
	if b := sheet.Bounds(); b.Dx() != 2*100+4 || b.Dy() != 20+2*132+4 {
		t.Fatalf("the sheet is %v", b)
	}
	at := func(x, y int, want color.RGBA) {
		t.Helper()
		if got := color.RGBAModel.Convert(sheet.At(x, y)); got != want {
			t.Errorf("(%d, %d) is %v, want %v", x, y, got, want)
		}
	}
	first, second := 4+20+16, 4+20+132+16 // tops of the pictures
	at(4, first, color.RGBA{10, 10, 10, 255})
	at(4+95, first+95, color.RGBA{40, 40, 40, 255})
	at(4+96, first, color.RGBA{255, 255, 255, 255})
	at(104+47, second+47, color.RGBA{200, 0, 0, 255})
	at(104+48, second, color.RGBA{0, 0, 100, 255})
	at(104+48, second+48, color.RGBA{255, 255, 255, 255})
	for _, c := range []struct {
		name      string
		left, top int
		written   bool
	}{
		{"the first head", 4, 4, false}, {"the second head", 104, 4, true},
		{"the first label", 4, 24, true}, {"the second label", 4, second - 16, false},
		{"the caption of none", 4, first + 96, false}, {"the first caption", 4, second + 96, false}, {"the second caption", 104, second + 96, true},
	} {
		dark := 0
		for y := range 16 {
			for x := range 96 {
				if r, _, _, _ := sheet.At(c.left+x, c.top+y).RGBA(); r < 0x8000 {
					dark++
				}
			}
		}
		if (dark > 4) != c.written {
			t.Errorf("%s has %d dark pixels", c.name, dark)
		}
	}
	if err := WriteSheet(&out, Sheet{Rows: []SheetRow{{Label: "none"}}}); err == nil {
		t.Error("a sheet without pictures was drawn")
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"short", 100, "short"},
		{"", 10, ""},
		{"wwwwwwwwww and iiiiiiiiii", 100, "wwwwwww…iiiiiii"},
		{"Größe Ωmega Ж", 50, "Grö… Ж"},
		{"abc", 1, ""},
	} {
		got := shorten(c.text, c.width)
		if got != c.want {
			t.Errorf("%q in %d pixels is %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
