package augment

import (
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
	translateX    // pixels
	translateY    // pixels
	translateRelX // share of the width
	translateRelY // share of the height
)

// colour is what lies beyond a picture.
func colour(fill []int) (c [3]uint8) {
	for i, v := range fill {
		c[i] = uint8(v)
	}
	return c
}

// perform does an operation to the picture.
func (w *work) perform(o operation, argument float64, f picture.Filter, fill [3]uint8) error {
	im, err := w.own()
	if err != nil {
		return err
	}
	whole := int(math.Round(argument))
	switch o {
	case autoContrast:
		picture.AutoContrast(im)
	case equalize:
		picture.Equalize(im)
	case invert:
		picture.Invert(im)
	case posterize:
		if whole < 8 {
			picture.Posterize(im, whole)
		}
	case solarize:
		picture.Solarize(im, whole)
	case solarizeAdd:
		picture.SolarizeAdd(im, whole, 128)
	case color:
		picture.Color(im, argument)
	case contrast:
		picture.Contrast(im, argument)
	case brightness:
		picture.Brightness(im, argument)
	case sharpness:
		picture.Sharpness(im, argument, &w.scratch)
	case identity:
	default:
		w.move(o, argument, f, fill)
	}
	return nil
}

// move does the operations that need a second picture.
func (w *work) move(o operation, argument float64, f picture.Filter, fill [3]uint8) {
	to, from := w.spare(), w.image
	switch o {
	case rotate:
		picture.Rotate(to, from, argument, f, fill)
	case shearX:
		picture.ShearX(to, from, argument, f, fill)
	case shearY:
		picture.ShearY(to, from, argument, f, fill)
	case translateX:
		picture.TranslateX(to, from, argument, f, fill)
	case translateY:
		picture.TranslateY(to, from, argument, f, fill)
	case translateRelX:
		picture.TranslateX(to, from, argument*float64(from.Width), f, fill)
	case translateRelY:
		picture.TranslateY(to, from, argument*float64(from.Height), f, fill)
	}
	w.turn()
}
