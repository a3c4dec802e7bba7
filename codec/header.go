package codec

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"

	"cone/codec/internal/jpeg"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Header is what a file says of itself.
type Header struct {
	// Format is "JPEG", "PNG", "GIF", "BMP", "TIFF", "WebP" or "PNM".
	Format string
	// Height and Width are in pixels, as stored: before the orientation.
	Height, Width int
	// Colour is the kind of pixels stored: "RGB" (also for JPEG's and WebP's
	// YCbCr), "grey", "palette" or "CMYK" (also for YCCK).
	Colour string
	// Orientation is EXIF's, 1 (as stored) to 8. Without one it is 1.
	Orientation int
}

// Inspect reads the header of an encoded picture and no more. That the header
// is well does not mean that the picture can be decoded.
func Inspect(content []byte) (Header, error) {
	f := File{content: content}
	err := f.readHeader()
	if err == nil {
		err = f.plausible()
	}
	return f.header, err
}

// readHeader fills f.header, with a Height and Width of at least 1.
func (f *File) readHeader() (err error) {
	h := &f.header
	h.Orientation = 1
	h.Format, err = sniff(f.content)
	if err != nil {
		return err
	}
	switch h.Format {
	case "JPEG":
		err = f.readJPEGHeader()
	case "PNM":
		var p pnmHeader
		p, err = readPNMHeader(f.content)
		h.Height, h.Width, h.Colour = p.height, p.width, p.colour()
	default:
		err = f.readConfig()
	}
	if err != nil {
		return err
	}
	if h.Height < 1 || h.Width < 1 {
		return fmt.Errorf("is a %s of %d×%d pixels", h.Format, h.Height, h.Width)
	}
	if o := f.orientation(); o >= 1 && o <= 8 {
		h.Orientation = o
	}
	return nil
}

func (f *File) readJPEGHeader() error {
	var err error
	f.stream, err = jpeg.ReadHeader(f.content)
	if err != nil {
		return err
	}
	s := &f.stream
	f.header.Height, f.header.Width = s.Height, s.Width
	f.header.Colour = map[int]string{1: "grey", 3: "RGB", 4: "CMYK"}[s.Components]
	return nil
}

// readConfig reads the headers that Go's image libraries know.
func (f *File) readConfig() (err error) {
	h := &f.header
	defer failure(h.Format, &err)
	config := map[string]func(*bytes.Reader) (image.Config, error){
		"PNG":  func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
		"GIF":  func(r *bytes.Reader) (image.Config, error) { return gif.DecodeConfig(r) },
		"BMP":  func(r *bytes.Reader) (image.Config, error) { return bmp.DecodeConfig(r) },
		"TIFF": func(r *bytes.Reader) (image.Config, error) { return tiff.DecodeConfig(r) },
		"WebP": func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) },
	}[h.Format]
	c, err := config(bytes.NewReader(f.content))
	if err != nil {
		return err
	}
	h.Height, h.Width, h.Colour = c.Height, c.Width, "RGB"
	switch c.ColorModel {
	case color.GrayModel, color.Gray16Model:
		h.Colour = "grey"
	case color.CMYKModel:
		h.Colour = "CMYK"
	}
	if _, ok := c.ColorModel.(color.Palette); ok {
		h.Colour = "palette"
	}
	return nil
}

// mostPixels is the most pixels that a byte of a file can stand for, where
// there is such a bound: a block of a Huffman-coded JPEG takes a bit at least,
// deflate expands 1032 times and PNG's smallest pixel is a bit, an LZW code of
// GIF takes 3 bits at least and stands for 4096 pixels at most. WebP, fax in
// TIFF and arithmetic JPEG have no such bound.
var mostPixels = map[string]int{"JPEG": 512, "PNG": 8 * 1032, "GIF": 8 * 4096 / 3, "BMP": 8, "PNM": 8}

// plausible refuses headers that promise more pixels than the file can hold,
// so that memory follows the file's length and not its word.
func (f *File) plausible() error {
	h := f.header
	if h.Format == "WebP" && max(h.Height, h.Width) > 1<<14 {
		return fmt.Errorf("is a damaged WebP: a frame cannot fill its canvas of %d×%d pixels", h.Height, h.Width)
	}
	most, ok := mostPixels[h.Format]
	if !ok || h.Format == "JPEG" && f.stream.Arithmetic {
		return nil
	}
	// A GIF's small first frame may lie on a larger canvas.
	const harmless = 1 << 20
	if h.Height > max(harmless, most*len(f.content))/h.Width {
		return fmt.Errorf("is a truncated %s: %d bytes cannot hold the %d×%d pixels of its header",
			h.Format, len(f.content), h.Height, h.Width)
	}
	return nil
}
