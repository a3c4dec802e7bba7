package picture

import "math"

// Crop makes dst the part r of src; what r has beyond src is black. It equals
// PIL.Image.crop, and with CenterRect torchvision's center_crop
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/functional.py).
// dst and src are distinct.
func Crop(dst, src *Image, r Rect) {
	dst.Reset(Size{max(r.Height, 0), max(r.Width, 0), src.Channels})
	row, width := dst.Width*src.Channels, src.Width*src.Channels
	from, to := r.Left*src.Channels, (r.Left+dst.Width)*src.Channels
	begin, end := min(max(from, 0), width), max(min(to, width), 0)
	for y := range dst.Height {
		line := dst.Pixels[y*row : (y+1)*row]
		source := r.Top + y
		if source < 0 || source >= src.Height || end <= begin {
			clear(line)
			continue
		}
		clear(line[:begin-from])
		n := copy(line[begin-from:], src.Pixels[source*width+begin:source*width+end])
		clear(line[begin-from+n:])
	}
}

// CenterRect is the middle size×size of an image of height×width, as
// torchvision's center_crop places it: half pixels round to even, and a larger
// crop has the smaller half of its border at the top and left.
func CenterRect(height, width, size int) Rect {
	return Rect{center(height, size), center(width, size), size, size}
}

func center(length, size int) int {
	if size > length {
		return -((size - length) / 2)
	}
	return int(math.RoundToEven(float64(length-size) / 2))
}

// ShortSide is the size of an image of height×width scaled until its short side
// has size pixels, rounded as torchvision's Resize(size) does: the long side
// down.
func ShortSide(height, width, size int) (newHeight, newWidth int) {
	long := int(float64(size*max(height, width)) / float64(min(height, width)))
	if width <= height {
		return long, size
	}
	return size, long
}

// Flip mirrors im in place, left to right (PIL.ImageOps.mirror).
func Flip(im *Image) {
	c, row := im.Channels, im.Width*im.Channels
	for y := range im.Height {
		line := im.Pixels[y*row : (y+1)*row]
		if c == 3 {
			for i, j := 0, row-3; i < j; i, j = i+3, j-3 {
				p, q := (*[3]uint8)(line[i:]), (*[3]uint8)(line[j:])
				*p, *q = *q, *p
			}
			continue
		}
		for i, j := 0, row-c; i < j; i, j = i+c, j-c {
			for k := range c {
				line[i+k], line[j+k] = line[j+k], line[i+k]
			}
		}
	}
}

// Orient makes dst the upright form of src, whose EXIF orientation is given: 1
// to 8, anything else means 1. It equals PIL.ImageOps.exif_transpose; the values
// are those of the tag Orientation in the Exif standard (JEITA CP-3451, 4.6.4).
// dst and src are distinct.
func Orient(dst, src *Image, orientation int) {
	// The walk over src that reads dst's pixels row by row.
	h, w, c := src.Height, src.Width, src.Channels
	right, down := c, w*c
	start, acrossStep, downStep := 0, right, down
	lastX, lastY := (w-1)*right, (h-1)*down
	switch orientation {
	case 2: // mirrored
		start, acrossStep = lastX, -right
	case 3: // upside down
		start, acrossStep, downStep = lastX+lastY, -right, -down
	case 4: // mirrored top to bottom
		start, downStep = lastY, -down
	case 5: // mirrored along the main diagonal
		acrossStep, downStep = down, right
	case 6: // to be turned by 90° clockwise
		start, acrossStep, downStep = lastY, -down, right
	case 7: // mirrored along the other diagonal
		start, acrossStep, downStep = lastX+lastY, -down, -right
	case 8: // to be turned by 90° counter-clockwise
		start, acrossStep, downStep = lastX, down, -right
	}
	if orientation >= 5 && orientation <= 8 {
		h, w = w, h
	}
	dst.Reset(Size{h, w, c})
	out := dst.Pixels
	for range h {
		at := start
		if acrossStep == right {
			out = out[copy(out, src.Pixels[at:at+down]):]
			start += downStep
			continue
		}
		if c == 3 {
			for range w {
				*(*[3]uint8)(out) = *(*[3]uint8)(src.Pixels[at:])
				out, at = out[3:], at+acrossStep
			}
		} else {
			for range w {
				copy(out, src.Pixels[at:at+c])
				out, at = out[c:], at+acrossStep
			}
		}
		start += downStep
	}
}
