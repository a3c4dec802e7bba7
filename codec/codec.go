// Package codec decodes pictures: JPEG by libjpeg-turbo, PNG, WebP, BMP, TIFF
// and GIF (its first frame) by Go libraries, and PNM. Whatever the file holds,
// grey, palette, CMYK, YCCK or 16 bits, comes out as 8-bit RGB; transparency is
// dropped, as Pillow's convert("RGB") does.
//
// What a file is follows from its first bytes, never from its name. Errors are
// phrased to follow the file's name: "is a truncated JPEG".
package codec

import (
	"fmt"

	"cone/codec/internal/jpeg"
	"cone/picture"
)

// Options of decoding.
type Options struct {
	// Exif turns pictures as their EXIF orientation says.
	Exif bool
	// MaxPixels bounds height×width; larger pictures are refused before
	// anything is allocated for them. 0 means no bound.
	MaxPixels int
}

// Decoder decodes one picture after the other in memory that it keeps. It is
// not safe for concurrent use: each worker has its own.
type Decoder struct {
	options Options
	jpeg    jpeg.Decoder
	// turning holds pixels as stored while they are turned for display.
	turning picture.Image
	file    File
}

// NewDecoder gives a decoder. Close frees what it holds.
func NewDecoder(o Options) *Decoder { return &Decoder{options: o} }

// Close frees the memory that is not Go's. A closed decoder may be used again.
func (d *Decoder) Close() {
	d.jpeg.Close()
	*d = Decoder{options: d.options}
}

// File is an encoded picture whose header has been read; it is a picture.Lazy.
// It is valid until its decoder opens the next one.
type File struct {
	decoder *Decoder
	content []byte
	header  Header
	turn    turn
	// stream is the header of a JPEG.
	stream jpeg.Header
	// whole is the picture as displayed, once a format that knows no regions
	// has been decoded.
	whole   picture.Image
	decoded bool
}

// Open reads the header of an encoded picture; content must not change while
// the file is in use.
func (d *Decoder) Open(content []byte) (*File, error) {
	f := &d.file
	*f = File{decoder: d, content: content, whole: picture.Image{Pixels: f.whole.Pixels}}
	if err := f.readHeader(); err != nil {
		return nil, err
	}
	h := f.header
	if limit := d.options.MaxPixels; limit > 0 && h.Height > limit/h.Width {
		return nil, fmt.Errorf("has %d×%d pixels, more than data.max_pixels = %d", h.Height, h.Width, limit)
	}
	if err := f.plausible(); err != nil {
		return nil, err
	}
	if d.options.Exif {
		f.turn = turns[h.Orientation]
	}
	return f, nil
}

// Header is what the file says of itself.
func (f *File) Header() Header { return f.header }

// Shape is the picture's size as displayed, with 3 channels.
func (f *File) Shape() picture.Size {
	return f.turn.size(picture.Size{Height: f.header.Height, Width: f.header.Width, Channels: 3})
}
