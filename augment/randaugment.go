package augment

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cone/picture"
	"cone/recipe"
)

// randAugment applies random operations, as timm does
// (https://github.com/huggingface/pytorch-image-models/blob/v0.9.16/timm/data/auto_augment.py).
type randAugment struct {
	sized
	magnitude   float64
	deviation   float64 // of the magnitude; infinite: uniform from 0
	bound       float64 // of the magnitude
	operations  int
	probability float64
	increasing  bool
	fill        [3]uint8
	filter      string
}

// levels is the scale of magnitudes.
const levels = 10

// randAugmentOperations are what is drawn from. Each is as likely.
var randAugmentOperations = []operation{
	autoContrast, equalize, invert, rotate, posterize, solarize, solarizeAdd, color, contrast, brightness,
	sharpness, shearX, shearY, translateRelX, translateRelY,
}

// newRandAugment reads timm's string form.
func newRandAugment(s *recipe.RandAugment) (*randAugment, error) {
	r := &randAugment{
		magnitude: levels, bound: levels, operations: 2, probability: 0.5,
		fill: colour(s.Fill), filter: s.Interpolation,
	}
	parts := strings.Split(s.Config, "-")
	if parts[0] != "rand" {
		return nil, fmt.Errorf("config %q must begin with rand, as rand-m7-mstd0.5-inc1", s.Config)
	}
	for _, part := range parts[1:] {
		name := strings.TrimRight(part, "0123456789.")
		value, err := strconv.ParseFloat(part[len(name):], 64)
		if err != nil {
			return nil, fmt.Errorf("config %q has %q, which names no number; write as in rand-m7-mstd0.5-inc1", s.Config, part)
		}
		switch name {
		case "m":
			r.magnitude = value
		case "n":
			r.operations = int(value)
		case "mstd":
			if r.deviation = value; value > 100 {
				r.deviation = math.Inf(1)
			}
		case "mmax":
			r.bound = value
		case "inc":
			r.increasing = value != 0
		case "p":
			r.probability = value
		default:
			return nil, fmt.Errorf("config %q has %q, which is not known; the parts are m, n, mstd, mmax, inc and p", s.Config, part)
		}
	}
	switch {
	case r.operations < 1 || r.operations > 100:
		return nil, fmt.Errorf("config %q asks for %d operations; choose n from 1 to 100", s.Config, r.operations)
	case r.probability > 1:
		return nil, fmt.Errorf("config %q has p above 1; it is a probability", s.Config)
	case r.bound > levels:
		return nil, fmt.Errorf("config %q has mmax above %d, the end of the scale", s.Config, levels)
	case r.magnitude > levels:
		return nil, fmt.Errorf("config %q has m above %d, the end of the scale", s.Config, levels)
	}
	return r, nil
}

func (r *randAugment) apply(w *work) error {
	var chosen [100]operation
	for i := range r.operations {
		chosen[i] = randAugmentOperations[w.random.IntN(len(randAugmentOperations))]
	}
	for _, o := range chosen[:r.operations] {
		if !w.chance(r.probability) {
			continue
		}
		argument := r.argument(o, r.level(&w.random), &w.random)
		if err := w.perform(o, argument, filter(r.filter, &w.random), r.fill); err != nil {
			return err
		}
	}
	return nil
}

// level is the magnitude of one operation.
func (r *randAugment) level(random *Stream) float64 {
	level := r.magnitude
	switch {
	case math.IsInf(r.deviation, 1):
		level *= random.Float64()
	case r.deviation > 0:
		level += r.deviation * random.Normal()
	}
	return max(0, min(level, r.bound))
}

// argument is what a level means to an operation. Where it has two
// directions, the stream draws one.
func (r *randAugment) argument(o operation, level float64, random *Stream) float64 {
	share := level / levels
	signed := func(v float64) float64 {
		if random.IntN(2) == 1 {
			return -v
		}
		return v
	}
	switch o {
	case rotate:
		return signed(30 * share)
	case posterize:
		bits := math.Trunc(4 * share)
		if r.increasing {
			bits = 4 - bits
		}
		return bits
	case solarize:
		threshold := min(256, math.Trunc(256*share))
		if r.increasing {
			threshold = 256 - threshold
		}
		return threshold
	case solarizeAdd:
		return min(128, math.Trunc(110*share))
	case color, contrast, brightness, sharpness:
		if r.increasing {
			return max(0.1, 1+signed(0.9*share))
		}
		return 0.1 + 1.8*share
	case shearX, shearY:
		return signed(0.3 * share)
	case translateRelX, translateRelY:
		return signed(0.45 * share)
	}
	return 0
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

// trivialAugmentWide applies one operation with a random magnitude, as
// torchvision does
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/autoaugment.py).
type trivialAugmentWide struct {
	sized
	fill [3]uint8
}

// wideBins is the number of magnitudes.
const wideBins = 31

var wideOperations = []operation{
	identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast, sharpness,
	posterize, solarize, autoContrast, equalize,
}

func (t *trivialAugmentWide) apply(w *work) error {
	o := wideOperations[w.random.IntN(len(wideOperations))]
	argument := wideArgument(o, w.random.IntN(wideBins), w.random.IntN(2) == 1)
	return w.perform(o, argument, picture.Nearest, t.fill)
}

// wideArgument is what bin means to an operation.
func wideArgument(o operation, bin int, negative bool) float64 {
	share := float64(bin) / (wideBins - 1)
	sign := 1.0
	if negative {
		sign = -1
	}
	switch o {
	case shearX, shearY:
		return sign * 0.99 * share
	case translateX, translateY:
		return sign * math.Trunc(32*share)
	case rotate:
		return sign * 135 * share
	case brightness, color, contrast, sharpness:
		return 1 + sign*0.99*share
	case posterize:
		return 8 - math.RoundToEven(float64(bin)/(float64(wideBins-1)/6))
	case solarize:
		// Pillow compares with the threshold as it is: v < 12.75 is v < 13.
		return math.Ceil(255 - 255*share)
	}
	return 0
}
