package data

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"

	"cone/codec"
	"cone/picture"
)

// content is a picture as it goes into a shard, and its extension. Errors name
// the picture.
func (p *packer) content(i int) (content []byte, extension string, err error) {
	content, err = p.source.Read(i, &p.buffer)
	if err != nil {
		return nil, "", err
	}
	if size := p.source.Size(); size.Known() {
		content, err = encodePNG(size, content)
		return content, "png", err
	}
	header, err := codec.Inspect(content)
	if err != nil {
		return nil, "", fmt.Errorf("%s %w", p.source.Name(i), err)
	}
	if len(content) > maxPictureBytes {
		return nil, "", fmt.Errorf("%s has more than %d bytes; make it smaller", p.source.Name(i), maxPictureBytes)
	}
	return content, extensionOf(header.Format), nil
}

// extensionOf is the usual extension of a format that package codec names.
func extensionOf(format string) string {
	switch format {
	case "JPEG":
		return "jpg"
	case "TIFF":
		return "tif"
	case "PNM":
		return "ppm"
	}
	return strings.ToLower(format)
}

// encodePNG encodes H×W×C pixels, C being 1 or 3.
func encodePNG(size picture.Size, pixels []uint8) ([]byte, error) {
	var im image.Image
	bounds := image.Rect(0, 0, size.Width, size.Height)
	switch size.Channels {
	case 1:
		im = &image.Gray{Pix: pixels, Stride: size.Width, Rect: bounds}
	case 3:
		// The encoder leaves out an alpha of 255 everywhere.
		rgba := image.NewNRGBA(bounds)
		for i := range size.Height * size.Width {
			copy(rgba.Pix[4*i:4*i+3], pixels[3*i:3*i+3])
			rgba.Pix[4*i+3] = 255
		}
		im = rgba
	default:
		return nil, fmt.Errorf("pictures of %d channels cannot be written as PNG; pack those with 1 or 3", size.Channels)
	}
	var out bytes.Buffer
	err := png.Encode(&out, im)
	return out.Bytes(), err
}
