package augment

import "cone/picture"

// randomCrop pads every side with padding black pixels (all channels 0, before
// normalisation) and cuts the original size at one of the (2·padding+1)²
// places, each equally likely.
type randomCrop struct {
	padding int
}

func (randomCrop) resize(in picture.Size) picture.Size { return in }

func (c *randomCrop) apply(dst, src []byte, in picture.Size, random *Stream) {
	down := random.IntN(2*c.padding+1) - c.padding
	right := random.IntN(2*c.padding+1) - c.padding
	shift(dst, src, in, down, right)
}

// shift writes to pixel (y, x) of dst the pixel (y+down, x+right) of src, and
// black where src has none. Both distances are smaller than the image.
func shift(dst, src []byte, size picture.Size, down, right int) {
	row := size.Width * size.Channels
	offset := right * size.Channels
	from, to := max(0, offset), max(0, -offset)
	for y := range size.Height {
		line := dst[y*row : (y+1)*row]
		source := y + down
		if source < 0 || source >= size.Height {
			clear(line)
			continue
		}
		clear(line[:to])
		n := copy(line[to:], src[source*row+from:(source+1)*row])
		clear(line[to+n:])
	}
}

// horizontalFlip mirrors left and right with the given probability.
type horizontalFlip struct {
	probability float64
}

func (horizontalFlip) resize(in picture.Size) picture.Size { return in }

func (f *horizontalFlip) apply(dst, src []byte, in picture.Size, random *Stream) {
	if random.Float64() < f.probability {
		mirror(dst, src, in)
	} else {
		copy(dst, src)
	}
}

// mirror reverses the pixels of each row; the channels of a pixel keep their order.
func mirror(dst, src []byte, size picture.Size) {
	row, channels := size.Width*size.Channels, size.Channels
	for start := 0; start < size.Height*row; start += row {
		for x := 0; x < row; x += channels {
			copy(dst[start+row-x-channels:start+row-x], src[start+x:start+x+channels])
		}
	}
}
