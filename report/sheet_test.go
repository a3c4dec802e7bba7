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
	if err := WriteSheet(&out, []SheetRow{{"grey", []picture.Image{grey}}, {"", []picture.Image{grey, red}}}); err != nil {
		t.Fatal(err)
	}
	sheet, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	// Cells of 2×48 pixels and a gap, under 15 of text.
	if b := sheet.Bounds(); b.Dx() != 2*100+4 || b.Dy() != 2*115+4 {
		t.Fatalf("the sheet is %v", b)
	}
	at := func(x, y int, want color.RGBA) {
		t.Helper()
		if got := color.RGBAModel.Convert(sheet.At(x, y)); got != want {
			t.Errorf("(%d, %d) is %v, want %v", x, y, got, want)
		}
	}
	at(4, 19, color.RGBA{10, 10, 10, 255})
	at(4+95, 19+95, color.RGBA{40, 40, 40, 255})
	at(4+96, 19, color.RGBA{255, 255, 255, 255})
	at(104+47, 134+47, color.RGBA{200, 0, 0, 255})
	at(104+48, 134, color.RGBA{0, 0, 100, 255})
	at(104+48, 134+48, color.RGBA{255, 255, 255, 255})
	dark := 0
	for x := range 100 {
		for y := range 15 {
			if r, _, _, _ := sheet.At(x, y+4).RGBA(); r == 0 {
				dark++
			}
		}
	}
	if dark < 20 {
		t.Errorf("the label has %d dark pixels", dark)
	}
	if err := WriteSheet(&out, []SheetRow{{Label: "none"}}); err == nil {
		t.Error("a sheet without pictures was drawn")
	}
}
