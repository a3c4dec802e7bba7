package augment

import "cone/picture"

// work is a picture on its way through the steps.
type work struct {
	random Stream
	exact  bool
	// lazy is the picture until its pixels are needed, then nil.
	lazy picture.Lazy
	// image are its pixels from then on. They are not to be written to while
	// shared.
	image  *picture.Image
	shared bool

	view    picture.Image    // of pixels that belong to others
	decoded picture.Image    // what a file gave
	memory  [2]picture.Image // of our own
	scratch picture.Scratch
}

func (w *work) start(src picture.Lazy, random Stream, exact bool) {
	w.random, w.exact, w.lazy, w.image, w.shared = random, exact, src, nil, false
}

// size is the picture's.
func (w *work) size() picture.Size {
	if w.lazy != nil {
		return w.lazy.Shape()
	}
	return w.image.Size
}

// region has the part of the picture decoded, and says where in the result it
// lies: at full scale when height is 0 or the work is exact, else at any scale
// that leaves it height×width pixels.
func (w *work) region(part picture.Rect, height, width int) (src *picture.Image, box picture.Box, err error) {
	if w.lazy == nil {
		return w.image, part.Box(), nil
	}
	if w.exact {
		height, width = 0, 0
	}
	// An image hands out its own pixels. Nothing may be decoded over them later.
	_, shared := w.lazy.(*picture.Image)
	to := &w.decoded
	if shared {
		to = &w.view
	}
	box, err = w.lazy.Region(to, part, height, width)
	w.lazy, w.image, w.shared = nil, to, shared
	return w.image, box, err
}

// load has the whole picture decoded, if that is still to be done.
func (w *work) load() error {
	if w.lazy == nil {
		return nil
	}
	s := w.lazy.Shape()
	src, box, err := w.region(picture.Rect{Height: s.Height, Width: s.Width}, 0, 0)
	if err != nil {
		return err
	}
	if src.Height != s.Height || src.Width != s.Width {
		part := picture.Rect{Top: int(box.Top), Left: int(box.Left), Height: s.Height, Width: s.Width}
		picture.Crop(w.spare(), src, part)
		w.turn()
	}
	return nil
}

// own has the whole picture in memory that may be written to.
func (w *work) own() (*picture.Image, error) {
	if err := w.load(); err != nil {
		return nil, err
	}
	if w.shared {
		to := w.spare()
		to.Reset(w.image.Size)
		copy(to.Pixels, w.image.Pixels)
		w.turn()
	}
	return w.image, nil
}

// spare is memory for the next version of the picture, and turn makes what was
// written there the picture.
func (w *work) spare() *picture.Image {
	if w.image == &w.memory[0] {
		return &w.memory[1]
	}
	return &w.memory[0]
}

func (w *work) turn() { w.image, w.shared = w.spare(), false }

// chance is true with the given probability. It draws once, whatever that is.
func (w *work) chance(probability float64) bool { return w.random.Float64() < probability }
