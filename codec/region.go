package codec

import (
	"fmt"

	"cone/codec/internal/jpeg"
	"cone/picture"
)

var _ picture.Lazy = (*File)(nil)

// Decode makes dst the whole picture, as Pillow decodes it.
func (f *File) Decode(dst *picture.Image) error {
	s := f.Shape()
	_, err := f.Region(dst, picture.Rect{Height: s.Height, Width: s.Width}, 0, 0)
	return err
}

// Region decodes what a part of the picture needs, as picture.Lazy says: of a
// JPEG only the rows and columns around it, at libjpeg's scale 1/2, 1/4 or 1/8
// where the part keeps height×width pixels. At scale 1 the part's pixels are
// those of Decode; the pixels around it may differ. A JPEG that is truncated
// below the part is no error. dst is written in memory of its own.
func (f *File) Region(dst *picture.Image, part picture.Rect, height, width int) (picture.Box, error) {
	s := f.Shape()
	if part.Top < 0 || part.Left < 0 || part.Height < 1 || part.Width < 1 ||
		part.Height > s.Height-part.Top || part.Width > s.Width-part.Left {
		return picture.Box{}, fmt.Errorf("has %d×%d pixels, which do not hold the part of %d×%d at row %d, column %d",
			s.Height, s.Width, part.Height, part.Width, part.Top, part.Left)
	}
	if f.header.Format == "JPEG" {
		return f.regionOfJPEG(dst, part, height, width)
	}
	if err := f.decodeWhole(); err != nil {
		return picture.Box{}, err
	}
	dst.Reset(picture.Size{Height: part.Height, Width: part.Width, Channels: 3})
	for y := range part.Height {
		from := ((part.Top+y)*s.Width + part.Left) * 3
		copy(dst.Pixels[y*part.Width*3:(y+1)*part.Width*3], f.whole.Pixels[from:])
	}
	return picture.Rect{Height: part.Height, Width: part.Width}.Box(), nil
}

// Warnings is the number of flaws that the last decoding passed over, as Pillow
// does: damaged pixel data, junk between markers. Only JPEGs have them.
func (f *File) Warnings() int {
	if f.header.Format != "JPEG" {
		return 0
	}
	return f.decoder.jpeg.Warnings()
}

// decodeWhole fills f.whole with the displayed picture.
func (f *File) decodeWhole() error {
	if f.decoded {
		return nil
	}
	stored := &f.whole
	if f.turn != (turn{}) {
		stored = &f.decoder.turning
	}
	if err := f.decodeOther(stored); err != nil {
		return err
	}
	if stored != &f.whole {
		f.turn.apply(&f.whole, stored)
	}
	f.decoded = true
	return nil
}

func (f *File) regionOfJPEG(dst *picture.Image, part picture.Rect, height, width int) (picture.Box, error) {
	eighths := 8
	if height > 0 && width > 0 {
		for eighths > 1 && part.Height*eighths/2 >= height*8 && part.Width*eighths/2 >= width*8 {
			eighths /= 2
		}
	}
	part = f.turn.stored(part, f.Shape())
	w := jpeg.WindowAround(f.stream, part.Top, part.Left, part.Height, part.Width, eighths)
	stored := dst
	if f.turn != (turn{}) {
		stored = &f.decoder.turning
	}
	stored.Reset(picture.Size{Height: w.Height, Width: w.Width, Channels: 3})
	if err := f.decoder.jpeg.Decode(stored.Pixels, f.content, f.stream, w); err != nil {
		return picture.Box{}, err
	}
	scale := float64(eighths) / 8
	box := picture.Box{
		Top:    float64(part.Top)*scale - float64(w.Top),
		Left:   float64(part.Left)*scale - float64(w.Left),
		Height: float64(part.Height) * scale,
		Width:  float64(part.Width) * scale,
	}
	if stored != dst {
		f.turn.apply(dst, stored)
		box = f.turn.shown(box, dst.Size)
	}
	return box, nil
}
