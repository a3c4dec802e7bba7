package report

import (
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"cone/picture"
)

// SheetRow is one line of pictures on a contact sheet.
type SheetRow struct {
	// Label stands above the pictures.
	Label string
	// Pictures are of 1 or 3 channels, from the left.
	Pictures []picture.Image
}

// Layout of a contact sheet, in pixels.
const (
	sheetGap  = 4
	sheetText = 15
	// Pictures smaller than this are enlarged by a whole factor, so that
	// people can see single pixels.
	sheetSide = 96
)

// WriteSheet draws a contact sheet as PNG.
func WriteSheet(w io.Writer, rows []SheetRow) error {
	columns, side := 0, picture.Size{}
	for _, row := range rows {
		columns = max(columns, len(row.Pictures))
		for _, p := range row.Pictures {
			side.Height, side.Width = max(side.Height, p.Height), max(side.Width, p.Width)
		}
	}
	if columns == 0 {
		return errors.New("a contact sheet needs pictures")
	}
	scale := max(1, sheetSide/max(side.Height, side.Width))
	cellHeight, cellWidth := side.Height*scale+sheetGap, side.Width*scale+sheetGap
	sheet := image.NewRGBA(image.Rect(0, 0, columns*cellWidth+sheetGap, len(rows)*(cellHeight+sheetText)+sheetGap))
	draw.Draw(sheet, sheet.Bounds(), image.White, image.Point{}, draw.Src)
	for r, row := range rows {
		top := r*(cellHeight+sheetText) + sheetGap
		text := font.Drawer{Dst: sheet, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(sheetGap, top+11)}
		text.DrawString(row.Label)
		for c, p := range row.Pictures {
			paste(sheet, p, top+sheetText, sheetGap+c*cellWidth, scale)
		}
	}
	return png.Encode(w, sheet)
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
