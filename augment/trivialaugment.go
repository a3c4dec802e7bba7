package augment

import (
	"math"

	"cone/picture"
)

// trivialAugmentWide applies one operation with a random magnitude, as
// torchvision does
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/autoaugment.py).
type trivialAugmentWide struct {
	filled
	fill [3]uint8
}

// wideBins is the number of magnitudes.
const wideBins = 31

var wideOperations = []operation{
	identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast, sharpness,
	posterize, solarize, autoContrast, equalize,
}

func (t *trivialAugmentWide) apply(w *work) error { return w.perform(t.draw(&w.random), t.fill) }

// draw chooses one operation and its magnitude.
func (t *trivialAugmentWide) draw(random *Stream) act {
	o := wideOperations[random.IntN(len(wideOperations))]
	return act{o, wideArgument(o, random.IntN(wideBins), random.IntN(2) == 1), picture.Nearest}
}

// wideArgument is what a bin means to an operation.
func wideArgument(o operation, bin int, negative bool) float64 {
	signed := func(top float64) float64 {
		if negative {
			top = -top
		}
		return binned(top, bin, wideBins)
	}
	switch o {
	case shearX, shearY:
		return signed(0.99)
	case translateX, translateY:
		return -math.Trunc(signed(32))
	case rotate:
		return signed(135)
	case brightness, color, contrast, sharpness:
		return 1 + signed(0.99)
	case posterize:
		return 8 - math.RoundToEven(float64(bin)/((wideBins-1)/6.0))
	case solarize:
		// Pillow compares with the threshold as it is: v < 12.5 is v < 13.
		return math.Ceil(255 - binned(255, bin, wideBins))
	}
	return 0
}
