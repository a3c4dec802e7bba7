package augment

import (
	"errors"
	"math"

	"cone/picture"
)

// operation is one of the operations that the learnt and random policies
// choose from. Its argument is what the policy's magnitude stands for.
type operation int

const (
	identity operation = iota
	autoContrast
	equalize
	invert
	rotate        // degrees
	posterize     // bits to keep
	solarize      // threshold
	solarizeAdd   // what is added below 128
	color         // factor
	contrast      // factor
	brightness    // factor
	sharpness     // factor
	shearX        // factor
	shearY        // factor
	translateX    // pixels to the left
	translateY    // pixels up
	translateRelX // share of the width to the left
	translateRelY // share of the height up
)

// act is an operation with what was drawn for it.
type act struct {
	operation
	argument float64
	filter   picture.Filter // of operations that move pixels
}

var errFill = errors.New("fill must be three numbers from 0 to 255: red, green and blue")

func checkFill(fill []int) error {
	if len(fill) != 3 {
		return errFill
	}
	for _, v := range fill {
		if v < 0 || v > 255 {
			return errFill
		}
	}
	return nil
}

// colour is what lies beyond a picture.
func colour(fill []int) (c [3]uint8) {
	for i, v := range fill {
		c[i] = uint8(v)
	}
	return c
}

// perform does an operation to the picture. Pictures of 1 channel take the
// first of fill; Color has nothing to do there.
func (w *work) perform(a act, fill [3]uint8) error {
	switch a.operation {
	case identity:
		return nil
	case rotate, shearX, shearY, translateX, translateY, translateRelX, translateRelY:
		if err := w.load(); err != nil {
			return err
		}
		w.move(a, fill)
		return nil
	}
	im, err := w.own()
	if err != nil {
		return err
	}
	whole := int(math.Round(a.argument))
	switch a.operation {
	case autoContrast:
		picture.AutoContrast(im)
	case equalize:
		picture.Equalize(im)
	case invert:
		picture.Invert(im)
	case posterize:
		picture.Posterize(im, whole)
	case solarize:
		picture.Solarize(im, whole)
	case solarizeAdd:
		picture.SolarizeAdd(im, whole, 128)
	case color:
		picture.Color(im, a.argument)
	case contrast:
		picture.Contrast(im, a.argument)
	case brightness:
		picture.Brightness(im, a.argument)
	case sharpness:
		picture.Sharpness(im, a.argument, &w.scratch)
	}
	return nil
}

// move does the operations that need a second picture.
func (w *work) move(a act, fill [3]uint8) {
	to, from := w.spare(), w.image
	switch a.operation {
	case rotate:
		picture.Rotate(to, from, a.argument, a.filter, fill)
	case shearX:
		picture.ShearX(to, from, a.argument, a.filter, fill)
	case shearY:
		picture.ShearY(to, from, a.argument, a.filter, fill)
	case translateX:
		picture.TranslateX(to, from, a.argument, a.filter, fill)
	case translateY:
		picture.TranslateY(to, from, a.argument, a.filter, fill)
	case translateRelX:
		picture.TranslateX(to, from, a.argument*float64(from.Width), a.filter, fill)
	case translateRelY:
		picture.TranslateY(to, from, a.argument*float64(from.Height), a.filter, fill)
	}
	w.turn()
}
