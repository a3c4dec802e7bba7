package augment

import (
	"fmt"

	"cone/picture"
	"cone/recipe"
)

// sized is for steps that leave the size as it is.
type sized struct{}

func (sized) resize(in picture.Size) (picture.Size, error) { return in, nil }

// filled is for steps that leave the size as it is and fill with a colour,
// which is red, green and blue, or for grey pictures the first of these.
type filled struct{}

func (filled) resize(in picture.Size) (picture.Size, error) {
	if in.Channels != 1 && in.Channels != 3 {
		return in, fmt.Errorf("works on pictures of 1 or 3 channels, and these have %d", in.Channels)
	}
	return in, nil
}

type horizontalFlip struct {
	sized
	recipe.HorizontalFlip
}

func (f *horizontalFlip) apply(w *work) error {
	if !w.chance(f.Probability) {
		return nil
	}
	im, err := w.own()
	if err == nil {
		picture.Flip(im)
	}
	return err
}

type verticalFlip struct {
	sized
	recipe.VerticalFlip
}

func (f *verticalFlip) apply(w *work) error {
	if !w.chance(f.Probability) {
		return nil
	}
	if err := w.load(); err != nil {
		return err
	}
	const upsideDown = 4 // EXIF's orientation
	picture.Orient(w.spare(), w.image, upsideDown)
	w.turn()
	return nil
}

// fuse joins steps that can be done in one go: with the same draws from the
// stream, and the same pixels.
func fuse(steps []step) []step {
	var out []step
	for i := 0; i < len(steps); i++ {
		if i+1 < len(steps) {
			switch first := steps[i].(type) {
			case *randomResizedCrop:
				if flip, ok := steps[i+1].(*horizontalFlip); ok {
					out = append(out, &randomResizedCrop{first.RandomResizedCrop, flip})
					i++
					continue
				}
			case *resizeTo:
				if crop, ok := steps[i+1].(*centerCrop); ok {
					out = append(out, &resizeTo{first.Resize, crop})
					i++
					continue
				}
			}
		}
		out = append(out, steps[i])
	}
	return out
}
