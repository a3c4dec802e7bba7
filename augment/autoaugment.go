package augment

import (
	"math"

	"cone/picture"
)

// autoAugment applies one of 25 learnt pairs of operations, with torchvision's
// magnitudes
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/autoaugment.py).
type autoAugment struct {
	filled
	policy []policyPair
	fill   [3]uint8
}

// policyStep is an operation, how likely it is, and its magnitude from 0 to 9.
type policyStep struct {
	operation   operation
	probability float64
	bin         int
}

type policyPair [2]policyStep

// autoAugmentPolicies are the tables of arXiv 1805.09501, appendix.
var autoAugmentPolicies = map[string][]policyPair{
	"imagenet": {
		{{posterize, 0.4, 8}, {rotate, 0.6, 9}},
		{{solarize, 0.6, 5}, {autoContrast, 0.6, 0}},
		{{equalize, 0.8, 0}, {equalize, 0.6, 0}},
		{{posterize, 0.6, 7}, {posterize, 0.6, 6}},
		{{equalize, 0.4, 0}, {solarize, 0.2, 4}},
		{{equalize, 0.4, 0}, {rotate, 0.8, 8}},
		{{solarize, 0.6, 3}, {equalize, 0.6, 0}},
		{{posterize, 0.8, 5}, {equalize, 1.0, 0}},
		{{rotate, 0.2, 3}, {solarize, 0.6, 8}},
		{{equalize, 0.6, 0}, {posterize, 0.4, 6}},
		{{rotate, 0.8, 8}, {color, 0.4, 0}},
		{{rotate, 0.4, 9}, {equalize, 0.6, 0}},
		{{equalize, 0.0, 0}, {equalize, 0.8, 0}},
		{{invert, 0.6, 0}, {equalize, 1.0, 0}},
		{{color, 0.6, 4}, {contrast, 1.0, 8}},
		{{rotate, 0.8, 8}, {color, 1.0, 2}},
		{{color, 0.8, 8}, {solarize, 0.8, 7}},
		{{sharpness, 0.4, 7}, {invert, 0.6, 0}},
		{{shearX, 0.6, 5}, {equalize, 1.0, 0}},
		{{color, 0.4, 0}, {equalize, 0.6, 0}},
		{{equalize, 0.4, 0}, {solarize, 0.2, 4}},
		{{solarize, 0.6, 5}, {autoContrast, 0.6, 0}},
		{{invert, 0.6, 0}, {equalize, 1.0, 0}},
		{{color, 0.6, 4}, {contrast, 1.0, 8}},
		{{equalize, 0.8, 0}, {equalize, 0.6, 0}},
	},
	"cifar10": {
		{{invert, 0.1, 0}, {contrast, 0.2, 6}},
		{{rotate, 0.7, 2}, {translateX, 0.3, 9}},
		{{sharpness, 0.8, 1}, {sharpness, 0.9, 3}},
		{{shearY, 0.5, 8}, {translateY, 0.7, 9}},
		{{autoContrast, 0.5, 0}, {equalize, 0.9, 0}},
		{{shearY, 0.2, 7}, {posterize, 0.3, 7}},
		{{color, 0.4, 3}, {brightness, 0.6, 7}},
		{{sharpness, 0.3, 9}, {brightness, 0.7, 9}},
		{{equalize, 0.6, 0}, {equalize, 0.5, 0}},
		{{contrast, 0.6, 7}, {sharpness, 0.6, 5}},
		{{color, 0.7, 7}, {translateX, 0.5, 8}},
		{{equalize, 0.3, 0}, {autoContrast, 0.4, 0}},
		{{translateY, 0.4, 3}, {sharpness, 0.2, 6}},
		{{brightness, 0.9, 6}, {color, 0.2, 8}},
		{{solarize, 0.5, 2}, {invert, 0.0, 0}},
		{{equalize, 0.2, 0}, {autoContrast, 0.6, 0}},
		{{equalize, 0.2, 0}, {equalize, 0.6, 0}},
		{{color, 0.9, 9}, {equalize, 0.6, 0}},
		{{autoContrast, 0.8, 0}, {solarize, 0.2, 8}},
		{{brightness, 0.1, 3}, {color, 0.7, 0}},
		{{solarize, 0.4, 5}, {autoContrast, 0.9, 0}},
		{{translateY, 0.9, 9}, {translateY, 0.7, 9}},
		{{autoContrast, 0.9, 0}, {solarize, 0.8, 3}},
		{{equalize, 0.8, 0}, {invert, 0.1, 0}},
		{{translateY, 0.7, 9}, {autoContrast, 0.9, 0}},
	},
}

func (a *autoAugment) apply(w *work) error {
	size := w.size()
	for _, act := range a.draw(size.Height, size.Width, &w.random) {
		if err := w.perform(act, a.fill); err != nil {
			return err
		}
	}
	return nil
}

// draw chooses a pair of operations for a picture of height×width; what does
// not happen is the identity.
func (a *autoAugment) draw(height, width int, random *Stream) (acts [2]act) {
	pair := a.policy[random.IntN(len(a.policy))]
	for i, s := range pair {
		happens, negative := random.Float64() < s.probability, random.IntN(2) == 1
		if happens {
			acts[i] = act{s.operation, autoArgument(s.operation, s.bin, negative, height, width), picture.Nearest}
		}
	}
	return acts
}

// autoArgument is what one of ten bins means to an operation.
func autoArgument(o operation, bin int, negative bool, height, width int) float64 {
	const bins = 10
	signed := func(top float64) float64 {
		if negative {
			top = -top
		}
		return binned(top, bin, bins)
	}
	switch o {
	case shearX, shearY:
		return signed(0.3)
	case translateX:
		return -math.Trunc(signed(150.0 / 331 * float64(width)))
	case translateY:
		return -math.Trunc(signed(150.0 / 331 * float64(height)))
	case rotate:
		return signed(30)
	case brightness, color, contrast, sharpness:
		return 1 + signed(0.9)
	case posterize:
		return 8 - math.RoundToEven(float64(bin)/((bins-1)/4.0))
	case solarize:
		return math.Ceil(255 - binned(255, bin, bins))
	}
	return 0
}

// binned is one of evenly spaced magnitudes from 0 to top, rounded as
// torch.linspace rounds in float32 on a processor with AVX2 (its last bit
// depends on the processor): what lies on an edge depends on it. torchvision's
// translations go right and down where ours go left and up.
func binned(top float64, bin, bins int) float64 {
	end := float32(top)
	step := float64(end / float32(bins-1))
	if 2*bin < bins {
		return float64(float32(step * float64(bin)))
	}
	return float64(float32(float64(end) - float64(step*float64(bins-1-bin))))
}
