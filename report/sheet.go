package report

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"cone/picture"
)

// Sheet is a contact sheet: pictures in rows and columns.
type Sheet struct {
	// Heads stand above the columns, one each, or are left out.
	Heads []string
	Rows  []SheetRow
}

// SheetRow is one line of pictures on a contact sheet.
type SheetRow struct {
	// Label stands above the pictures.
	Label string
	// Pictures are of 1 or 3 channels, from the left.
	Pictures []picture.Image
	// Captions stand below the pictures, one each, or are left out.
	Captions []string
}

// Layout of a contact sheet, in pixels.
const (
	sheetGap  = 4
	sheetText = 16 // a line
	sheetBase = 12 // from the line's top to the letters' foot
	// Pictures smaller than this are enlarged by a whole factor, so that
	// people can see single pixels.
	sheetSide = 96
)

// sheetFace are the letters: the Go font, which has Latin, Greek and Cyrillic.
var sheetFace = sync.OnceValue(func() font.Face {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // part of this program
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 12, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	return face
})

// WriteSheet draws a contact sheet as PNG.
func WriteSheet(w io.Writer, s Sheet) error {
	columns, captions, side := 0, 0, picture.Size{}
	for _, row := range s.Rows {
		columns = max(columns, len(row.Pictures))
		if len(row.Captions) > 0 {
			captions = sheetText
		}
		for _, p := range row.Pictures {
			side.Height, side.Width = max(side.Height, p.Height), max(side.Width, p.Width)
		}
	}
	if columns == 0 {
		return errors.New("a contact sheet needs pictures")
	}
	heads := 0
	if len(s.Heads) > 0 {
		heads = sheetText + sheetGap
	}
	scale := max(1, sheetSide/max(side.Height, side.Width))
	height, width := sheetText+side.Height*scale+captions+sheetGap, side.Width*scale+sheetGap
	sheet := image.NewRGBA(image.Rect(0, 0, columns*width+sheetGap, heads+len(s.Rows)*height+sheetGap))
	draw.Draw(sheet, sheet.Bounds(), image.White, image.Point{}, draw.Src)
	left := func(column int) int { return sheetGap + column*width }
	for c, head := range s.Heads {
		write(sheet, head, sheetGap, left(c), width-sheetGap)
	}
	for r, row := range s.Rows {
		top := sheetGap + heads + r*height
		write(sheet, row.Label, top, left(0), columns*width-sheetGap)
		for c, p := range row.Pictures {
			paste(sheet, p, top+sheetText, left(c), scale)
		}
		for c, caption := range row.Captions {
			write(sheet, caption, top+sheetText+side.Height*scale, left(c), width-sheetGap)
		}
	}
	return png.Encode(w, sheet)
}

// write writes a line of text, shortened to width pixels.
func write(sheet *image.RGBA, text string, top, left, width int) {
	d := font.Drawer{Dst: sheet, Src: image.Black, Face: sheetFace(), Dot: fixed.P(left, top+sheetBase)}
	d.DrawString(shorten(text, width))
}

// shorten leaves out the middle of a text that is wider than width pixels, for
// names differ at their ends.
func shorten(text string, width int) string {
	fits := func(s string) bool { return font.MeasureString(sheetFace(), s) <= fixed.I(width) }
	if fits(text) {
		return text
	}
	letters := []rune(text)
	for n := len(letters) - 1; n > 0; n-- {
		short := string(letters[:(n+1)/2]) + "…" + string(letters[len(letters)-n/2:])
		if fits(short) {
			return short
		}
	}
	return ""
}

// paste enlarges a picture pixel by pixel onto the sheet.
func paste(sheet *image.RGBA, p picture.Image, top, left, scale int) {
	for y := range p.Height * scale {
		for x := range p.Width * scale {
			at := p.Pixels[(y/scale*p.Width+x/scale)*p.Channels:]
			c := color.RGBA{at[0], at[0], at[0], 255}
			if p.Channels == 3 {
				c.G, c.B = at[1], at[2]
			}
			sheet.SetRGBA(left+x, top+y, c)
		}
	}
}
