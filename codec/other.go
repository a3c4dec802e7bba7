package codec

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"io"
	"strings"

	"cone/picture"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// failure makes err, or what a library panics with on bytes that its authors
// did not foresee, an error that follows the file's name.
func failure(format string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("is a damaged %s: %v", format, p)
		return
	}
	var sort tiff.UnsupportedError
	var pngSort png.UnsupportedError
	switch {
	case *err == nil:
	case strings.HasPrefix((*err).Error(), "is a "): // Phrased already.
	case errors.Is(*err, io.EOF) || errors.Is(*err, io.ErrUnexpectedEOF):
		*err = fmt.Errorf("is a truncated %s", format)
	case errors.Is(*err, bmp.ErrUnsupported) || errors.As(*err, &sort) || errors.As(*err, &pngSort):
		*err = fmt.Errorf("is a %s of a kind that cone does not decode (%w): convert it to JPEG or PNG", format, *err)
	default:
		*err = fmt.Errorf("is a damaged %s: %w", format, *err)
	}
}

// decodeOther fills dst with a picture as stored, of any format but JPEG.
func (f *File) decodeOther(dst *picture.Image) (err error) {
	defer failure(f.header.Format, &err)
	dst.Reset(picture.Size{Height: f.header.Height, Width: f.header.Width, Channels: 3})
	var im image.Image
	switch f.header.Format {
	case "PNM":
		return readPNM(dst, f.content)
	case "GIF":
		return readGIF(dst, f.content)
	case "PNG":
		im, err = png.Decode(bytes.NewReader(f.content))
	case "BMP":
		im, err = bmp.Decode(bytes.NewReader(f.content))
	case "TIFF":
		im, err = tiff.Decode(bytes.NewReader(f.content))
	case "WebP":
		im, err = webp.Decode(bytes.NewReader(f.content))
	}
	if err != nil {
		return err
	}
	if b := im.Bounds(); b.Dx() != dst.Width || b.Dy() != dst.Height {
		return fmt.Errorf("its headers contradict each other: %d×%d and %d×%d pixels",
			dst.Height, dst.Width, b.Dy(), b.Dx())
	}
	toRGB(dst, im)
	return nil
}

// readGIF draws the first frame of a GIF on its canvas.
func readGIF(dst *picture.Image, content []byte) error {
	content, ground := opaqueGIF(content)
	im, err := gif.Decode(bytes.NewReader(content))
	if err != nil {
		return err
	}
	frame, ok := im.(*image.Paletted)
	if !ok {
		return errors.New("its frame has no palette")
	}
	p := paletteOf(frame)
	// What the frame leaves free has the transparent colour, else the
	// palette's first.
	for i := 0; i < len(dst.Pixels); i += 3 {
		copy(dst.Pixels[i:i+3], p[ground][:])
	}
	b := frame.Bounds()
	if !b.In(image.Rect(0, 0, dst.Width, dst.Height)) {
		return errors.New("its first frame exceeds its canvas")
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := frame.Pix[(y-b.Min.Y)*frame.Stride:][:b.Dx()]
		out := dst.Pixels[(y*dst.Width+b.Min.X)*3:]
		for i, index := range row {
			copy(out[3*i:3*i+3], p[index][:])
		}
	}
	return nil
}

// opaqueGIF returns a copy of a GIF whose first frame has no transparent
// colour, and the index that this was (0 without one). Go's library wipes
// that colour from the palette, while Pillow shows it.
func opaqueGIF(content []byte) ([]byte, uint8) {
	table := func(flags byte) int { return 3 << (flags&7 + 1) * int(flags>>7) }
	at := 13 + table(content[10])
	for at+8 < len(content) && content[at] == '!' {
		const graphicControl = 0xf9
		if content[at+1] == graphicControl && content[at+2] == 4 && content[at+3]&1 != 0 {
			index := content[at+6]
			opaque := bytes.Clone(content)
			opaque[at+3] &^= 1
			return opaque, index
		}
		for at += 2; at < len(content) && content[at] != 0; {
			at += 1 + int(content[at])
		}
		at++
	}
	return content, 0
}
