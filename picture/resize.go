package picture

import (
	"fmt"
	"math"

	"cone/picture/internal/kernel"
)

// Filter is a way to compute pixels between pixels.
type Filter int

// The filters, with the meaning that Pillow gives them: Resize widens Bilinear
// and Bicubic when it shrinks, so that every source pixel counts (antialiasing).
const (
	Nearest Filter = iota
	Bilinear
	Bicubic
)

func (f Filter) String() string {
	if f < Nearest || f > Bicubic {
		return fmt.Sprintf("Filter(%d)", int(f))
	}
	return [...]string{"nearest", "bilinear", "bicubic"}[f]
}

// Scratch is memory that operations use again from call to call. It serves one
// goroutine at a time; the zero Scratch is ready.
type Scratch struct {
	x, y   axis
	memory []uint8
	floats []float32
	words  []uint32
	starts [2][]int32
}

// Resize makes dst the part box of src, scaled to height×width pixels: to the
// bit what Pillow's
//
//	src.resize((width, height), filter, box=(left, top, right, bottom))
//
// gives for 8-bit pictures, and so torchvision's resize when box is all of src
// (https://github.com/python-pillow/Pillow/blob/9.4.0/src/libImaging/Resample.c).
// Pixels at the rim of the box are also mixed with those outside of it. As in
// Pillow, a box is rounded to float32.
//
// What sticks out of src is cut off the box. A box without area or a size below
// 1 is a mistake of the program, and Resize panics. dst and src are distinct.
func Resize(dst, src *Image, box Box, height, width int, f Filter, s *Scratch) {
	resize(dst, src, Rect{0, 0, src.Height, src.Width}, box, height, width, f, false, s)
}

// ResizedCrop is Resize without the pixels outside of the box: the same as
// cropping src first, as torchvision's resized_crop does
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/functional.py).
// Of a pixel that lies in the box in part, the whole counts.
func ResizedCrop(dst, src *Image, box Box, height, width int, f Filter, s *Scratch) {
	resize(dst, src, inside(src, box), box, height, width, f, false, s)
}

// ResizedCropFlipped is ResizedCrop followed by Flip, at no extra cost.
func ResizedCropFlipped(dst, src *Image, box Box, height, width int, f Filter, s *Scratch) {
	resize(dst, src, inside(src, box), box, height, width, f, true, s)
}

// inside is the smallest part of src in whole pixels that holds box.
func inside(src *Image, box Box) Rect {
	// A box within src may stick out by an error of rounding.
	top, left := max(0, int(math.Floor(box.Top))), max(0, int(math.Floor(box.Left)))
	return Rect{top, left,
		min(src.Height, int(math.Ceil(box.Top+box.Height))) - top,
		min(src.Width, int(math.Ceil(box.Left+box.Width))) - left}
}

// resize scales the part box of src, as if src had the pixels of view alone.
func resize(dst, src *Image, view Rect, box Box, height, width int, f Filter, flipped bool, s *Scratch) {
	left, right := span(box.Left, box.Width, view.Left, view.Width)
	top, bottom := span(box.Top, box.Height, view.Top, view.Height)
	// Written so that NaN fails.
	if !(right > left && bottom > top) || height < 1 || width < 1 || len(src.Pixels) < src.Bytes() || f < Nearest || f > Bicubic {
		panic(fmt.Sprintf("picture: cannot resize %+v of %v (%d bytes) to %d×%d by %v",
			box, src.Size, len(src.Pixels), height, width, f))
	}
	if left == float32(int(left)) && right-left == float32(width) && top == float32(int(top)) && bottom-top == float32(height) {
		Crop(dst, src, Rect{view.Top + int(top), view.Left + int(left), height, width})
		if flipped {
			Flip(dst)
		}
		return
	}
	dst.Reset(Size{height, width, src.Channels})
	stride := src.Width * src.Channels
	pixels := src.Pixels[view.Top*stride+view.Left*src.Channels : src.Bytes()]
	if f == Nearest {
		s.x.places(view.Width, left, right, width, flipped)
		s.y.places(view.Height, top, bottom, height, false)
		pick(dst.Pixels, pixels, s.x.Start, s.y.Start, src.Channels, stride)
		return
	}

	// A direction in which nothing changes is left alone.
	var x, y *kernel.Axis
	rows := view.Height
	if height != view.Height || top != 0 || bottom != float32(height) {
		s.y.fill(line{in: view.Height, begin: top, end: bottom, out: height, n: height, filter: f})
		y = &s.y.Axis
		rows = int(y.Start[height-1] + y.Count[height-1] - y.Start[0])
	}
	if flipped || width != view.Width || left != 0 || right != float32(width) {
		s.x.fill(line{in: view.Width, begin: left, end: right, out: width, n: width, filter: f, flipped: flipped})
		x = &s.x.Axis
		s.memory = resized(s.memory, kernel.Memory(x, rows, view.Width, src.Channels))
	}
	kernel.Resize(dst.Pixels, height, width, pixels, stride, view.Height, view.Width, src.Channels, x, y, s.memory)
}

// span is what a side of a box covers of a line of size pixels that begins at
// origin, measured from there.
func span(from, length float64, origin, size int) (begin, end float32) {
	from -= float64(origin)
	return float32(max(from, 0)), float32(min(from+length, float64(size)))
}

// pick copies the pixels of given columns and rows.
func pick(dst, src []uint8, columns, rows []int32, channels, stride int) {
	for _, y := range rows {
		row := src[int(y)*stride:]
		for _, x := range columns {
			copy(dst, row[int(x)*channels:int(x+1)*channels])
			dst = dst[channels:]
		}
	}
}
