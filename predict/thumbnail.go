package predict

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"

	"cone/picture"
)

const (
	// pixelArt is the side up to which pictures are kept exactly, as PNG.
	pixelArt    = 32
	jpegQuality = 85
)

// Thumbnail encodes a picture with sides of at most the given number of pixels.
// It is never enlarged.
func Thumbnail(im picture.Image, side int) ([]byte, error) {
	if longest := max(im.Height, im.Width); longest > side {
		var small picture.Image
		var scratch picture.Scratch
		whole := picture.Box{Height: float64(im.Height), Width: float64(im.Width)}
		picture.Resize(&small, &im, whole, max(1, im.Height*side/longest), max(1, im.Width*side/longest), picture.Bilinear, &scratch)
		im = small
	}
	var out bytes.Buffer
	if max(im.Height, im.Width) <= pixelArt {
		err := png.Encode(&out, standardImage(im))
		return out.Bytes(), err
	}
	err := jpeg.Encode(&out, standardImage(im), &jpeg.Options{Quality: jpegQuality})
	return out.Bytes(), err
}

// standardImage is the picture as Go's image packages have it.
func standardImage(im picture.Image) image.Image {
	frame := image.Rect(0, 0, im.Width, im.Height)
	if im.Channels == 1 {
		return &image.Gray{Pix: im.Pixels, Stride: im.Width, Rect: frame}
	}
	out := image.NewRGBA(frame)
	for i := range im.Height * im.Width {
		copy(out.Pix[4*i:], im.Pixels[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}
