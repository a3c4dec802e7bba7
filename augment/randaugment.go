package augment

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"cone/recipe"
)

// randAugment applies random operations, as timm does
// (https://github.com/huggingface/pytorch-image-models/blob/v1.0.31/timm/data/auto_augment.py).
type randAugment struct {
	filled
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

// maxLayers bounds the operations on one picture.
const maxLayers = 100

// randAugmentOperations are what is drawn from. Each is as likely.
var randAugmentOperations = []operation{
	autoContrast, equalize, invert, rotate, posterize, solarize, solarizeAdd, color, contrast, brightness,
	sharpness, shearX, shearY, translateRelX, translateRelY,
}

// newRandAugment reads timm's string form. timm skips a part without a number;
// here it is a mistake, as one that is written twice or chooses timm's other
// sets of operations (t).
func newRandAugment(s *recipe.RandAugment) (*randAugment, error) {
	r := &randAugment{
		magnitude: levels, bound: levels, operations: 2, probability: 0.5,
		fill: colour(s.Fill), filter: s.Interpolation,
	}
	parts := strings.Split(s.Config, "-")
	if parts[0] != "rand" {
		return nil, fmt.Errorf("config %q must begin with rand, as rand-m7-mstd0.5-inc1", s.Config)
	}
	seen := map[string]bool{}
	for _, part := range parts[1:] {
		name := part
		if digit := strings.IndexAny(part, "0123456789"); digit >= 0 {
			name = part[:digit]
		}
		if !strings.Contains(" m n mstd mmax inc p ", " "+name+" ") {
			return nil, fmt.Errorf("config %q has %q, which is not known; the parts are m, n, mstd, mmax, inc and p", s.Config, part)
		}
		if seen[name] {
			return nil, fmt.Errorf("config %q has %s twice; remove one", s.Config, name)
		}
		seen[name] = true
		value, err := strconv.ParseFloat(part[len(name):], 64)
		if err != nil || math.IsInf(value, 0) {
			return nil, fmt.Errorf("config %q has %q, which names no number; write as in rand-m7-mstd0.5-inc1", s.Config, part)
		}
		if name != "mstd" && name != "p" && value != math.Trunc(value) {
			return nil, fmt.Errorf("config %q has %q; %s is a whole number", s.Config, part, name)
		}
		switch name {
		case "m":
			r.magnitude = value
		case "n":
			r.operations = int(min(value, maxLayers+1))
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
		}
	}
	switch {
	case r.operations < 1 || r.operations > maxLayers:
		return nil, fmt.Errorf("config %q has an n out of range; choose 1 to %d operations", s.Config, maxLayers)
	case r.probability > 1:
		return nil, fmt.Errorf("config %q has p above 1; it is a probability", s.Config)
	case r.bound < 1 || r.bound > maxMagnitude || r.magnitude > maxMagnitude:
		return nil, fmt.Errorf("config %q has a magnitude out of range; choose at most %d, and mmax from 1", s.Config, maxMagnitude)
	}
	return r, nil
}

// maxMagnitude lies far beyond where every operation has lost the picture.
const maxMagnitude = 1000

func (r *randAugment) apply(w *work) error {
	acts := r.draw(&w.random)
	for _, a := range acts[:r.operations] {
		if err := w.perform(a, r.fill); err != nil {
			return err
		}
	}
	return nil
}

// draw chooses the operations and then, for each, whether it happens and how;
// what does not happen is the identity.
func (r *randAugment) draw(random *Stream) (acts [maxLayers]act) {
	for i := range r.operations {
		acts[i].operation = randAugmentOperations[random.IntN(len(randAugmentOperations))]
	}
	for i := range r.operations {
		if random.Float64() >= r.probability {
			acts[i] = act{}
			continue
		}
		acts[i].argument = r.argument(acts[i].operation, r.level(random), random)
		acts[i].filter = filter(r.filter, random)
	}
	return acts
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
			return max(0.1, 1+signed(float64(0.9*share)))
		}
		return 0.1 + float64(1.8*share)
	case shearX, shearY:
		return signed(0.3 * share)
	case translateRelX, translateRelY:
		return signed(0.45 * share)
	}
	return 0
}
