package codec

import "cone/picture"

// turn takes a picture as stored to the picture as displayed: rows and columns
// change places first, then the left and right, then the top and bottom.
type turn struct {
	transpose, mirror, flip bool
}

// turns by EXIF's orientation (CIPA DC-008, tag 0x0112).
var turns = [9]turn{
	2: {mirror: true},
	3: {mirror: true, flip: true},
	4: {flip: true},
	5: {transpose: true},
	6: {transpose: true, mirror: true},
	7: {transpose: true, mirror: true, flip: true},
	8: {transpose: true, flip: true},
}

// size is the displayed size of a picture stored as s.
func (t turn) size(s picture.Size) picture.Size {
	if t.transpose {
		s.Height, s.Width = s.Width, s.Height
	}
	return s
}

// stored is where the part of the displayed picture lies in the stored one;
// shown is the displayed size.
func (t turn) stored(part picture.Rect, shown picture.Size) picture.Rect {
	if t.flip {
		part.Top = shown.Height - part.Top - part.Height
	}
	if t.mirror {
		part.Left = shown.Width - part.Left - part.Width
	}
	if t.transpose {
		part = picture.Rect{Top: part.Left, Left: part.Top, Height: part.Width, Width: part.Height}
	}
	return part
}

// shown is where a box of a stored picture lies in the displayed one, whose
// size is given.
func (t turn) shown(b picture.Box, shown picture.Size) picture.Box {
	if t.transpose {
		b = picture.Box{Top: b.Left, Left: b.Top, Height: b.Width, Width: b.Height}
	}
	if t.mirror {
		b.Left = float64(shown.Width) - b.Left - b.Width
	}
	if t.flip {
		b.Top = float64(shown.Height) - b.Top - b.Height
	}
	return b
}

// apply makes dst the displayed form of src, an H×W×3 picture of its own
// memory.
func (t turn) apply(dst, src *picture.Image) {
	dst.Reset(t.size(src.Size))
	// The step from a pixel to the next along a displayed row and column, as
	// distances in src.
	right, down, at := 3, 3*src.Width, 0
	if t.transpose {
		right, down = down, right
	}
	if t.mirror {
		at += right * (dst.Width - 1)
		right = -right
	}
	if t.flip {
		at += down * (dst.Height - 1)
		down = -down
	}
	out := dst.Pixels
	for range dst.Height {
		from := at
		for range dst.Width {
			out[0], out[1], out[2] = src.Pixels[from], src.Pixels[from+1], src.Pixels[from+2]
			out, from = out[3:], from+right
		}
		at += down
	}
}
