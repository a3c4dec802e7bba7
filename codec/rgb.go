package codec

import (
	"image"
	"image/color"

	"cone/picture"
)

// toRGB writes im, of dst's height and width, into dst: alpha is dropped, of 16
// bits the high byte stays.
func toRGB(dst *picture.Image, im image.Image) {
	switch im := im.(type) {
	case *image.YCbCr:
		fromWebP(dst, im)
		return
	case *image.NYCbCrA:
		fromWebP(dst, &im.YCbCr)
		return
	}
	b := im.Bounds()
	var palette [256][3]uint8
	if p, ok := im.(*image.Paletted); ok {
		palette = paletteOf(p)
	}
	out := dst.Pixels
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := out[:3*dst.Width]
		out = out[3*dst.Width:]
		switch im := im.(type) {
		case *image.NRGBA:
			pickRGB(row, im.Pix[im.PixOffset(b.Min.X, y):], 4, 1)
		case *image.NRGBA64:
			pickRGB(row, im.Pix[im.PixOffset(b.Min.X, y):], 8, 2)
		case *image.RGBA64:
			pixels := im.Pix[im.PixOffset(b.Min.X, y):]
			if opaque(pixels[:8*dst.Width], 8) {
				pickRGB(row, pixels, 8, 2)
			} else {
				drawRow(row, im, y)
			}
		case *image.Gray:
			pickGrey(row, im.Pix[im.PixOffset(b.Min.X, y):], 1)
		case *image.Gray16:
			pickGrey(row, im.Pix[im.PixOffset(b.Min.X, y):], 2)
		case *image.Paletted:
			for i, index := range im.Pix[im.PixOffset(b.Min.X, y):][:dst.Width] {
				copy(row[3*i:3*i+3], palette[index][:])
			}
		case *image.RGBA:
			pixels := im.Pix[im.PixOffset(b.Min.X, y):]
			if opaque(pixels[:4*dst.Width], 4) {
				pickRGB(row, pixels, 4, 1)
			} else {
				drawRow(row, im, y)
			}
		default:
			drawRow(row, im, y)
		}
	}
}

// opaque says whether the alphas of a row of RGBA are all 255; pixels are
// stride bytes apart, and alpha comes last.
func opaque(row []uint8, stride int) bool {
	all := uint8(255)
	for i := stride - 1; i < len(row); i += stride {
		all &= row[i]
	}
	return all == 255
}

// drawRow writes a row of any image, undoing the multiplication by alpha.
func drawRow(row []uint8, im image.Image, y int) {
	for x := im.Bounds().Min.X; len(row) > 0; x, row = x+1, row[3:] {
		c := color.NRGBAModel.Convert(im.At(x, y)).(color.NRGBA)
		row[0], row[1], row[2] = c.R, c.G, c.B
	}
}

// pickRGB takes three channels, one each step bytes, of pixels that are stride
// bytes apart.
func pickRGB(row, pixels []uint8, stride, step int) {
	for i := 0; i < len(row); i += 3 {
		p := pixels[:2*step+1]
		row[i], row[i+1], row[i+2] = p[0], p[step], p[2*step]
		pixels = pixels[min(stride, len(pixels)):]
	}
}

// pickGrey takes the first of every stride bytes for all three channels.
func pickGrey(row, pixels []uint8, stride int) {
	for i := 0; i < len(row); i += 3 {
		v := pixels[i/3*stride]
		row[i], row[i+1], row[i+2] = v, v, v
	}
}

// paletteOf is an image's palette without its alphas.
func paletteOf(im *image.Paletted) (p [256][3]uint8) {
	for i, entry := range im.Palette {
		if i == len(p) {
			break
		}
		c := color.NRGBAModel.Convert(entry).(color.NRGBA)
		p[i] = [3]uint8{c.R, c.G, c.B}
	}
	return p
}
