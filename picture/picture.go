// Package picture holds uint8 images and what Pillow and torchvision do to
// them, bit by bit: resizing, cropping, colour and geometry. Nothing here is
// random; package augment draws the numbers.
//
// Shape legend: H×W image height × width, C channels. Pixels are uint8, row by
// row from the top, the channels of a pixel side by side (HWC).
package picture

import "fmt"

// Size is the shape H×W×C of an image. A Height of 0 means that the images of
// a collection have various sizes.
type Size struct {
	Height, Width, Channels int
}

// Bytes is the length of an image of this size.
func (s Size) Bytes() int { return s.Height * s.Width * s.Channels }

// Known says whether s is the size of every image.
func (s Size) Known() bool { return s.Height > 0 }

func (s Size) String() string {
	if !s.Known() {
		return fmt.Sprintf("various sizes, %d channels", s.Channels)
	}
	return fmt.Sprintf("%d×%d×%d", s.Height, s.Width, s.Channels)
}

// Image is a picture. Its memory is used again by Reset.
type Image struct {
	Size
	// Pixels has H×W×C entries.
	Pixels []uint8
}

// Reset makes im an image of the given size with undefined pixels, in its old
// memory where that is large enough.
func (im *Image) Reset(s Size) {
	n := s.Bytes()
	if cap(im.Pixels) < n {
		im.Pixels = make([]uint8, n)
	}
	im.Size, im.Pixels = s, im.Pixels[:n]
}

// Rect is a part of an image in whole pixels.
type Rect struct {
	Top, Left, Height, Width int
}

// Box is a part of an image in fractions of pixels, measured from the image's
// top left corner.
type Box struct {
	Top, Left, Height, Width float64
}

// Box is the same part, as a Box.
func (r Rect) Box() Box {
	return Box{float64(r.Top), float64(r.Left), float64(r.Height), float64(r.Width)}
}

// Lazy is a picture of known size whose pixels are made when they are asked
// for: an encoded file, or an Image.
type Lazy interface {
	// Shape is the picture's size.
	Shape() Size
	// Region fills dst with the part of the picture that holds part, at a
	// scale of at most 1, and returns where in dst that part lies. The scale
	// is 1 when height or width is 0; otherwise it may be smaller as long as
	// the part keeps at least height×width pixels. dst may hold more than the
	// part, and is only to be read, for it may be the picture's own memory.
	Region(dst *Image, part Rect, height, width int) (Box, error)
}

// Shape is im's size.
func (im *Image) Shape() Size { return im.Size }

// Region gives dst the whole of im, which it shares.
func (im *Image) Region(dst *Image, part Rect, height, width int) (Box, error) {
	*dst = *im
	return part.Box(), nil
}
