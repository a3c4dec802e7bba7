package recipe

import (
	"reflect"
	"strings"
)

// kinds lists the YAML keys of the steps that s holds; a proper Step has one.
func (s Step) kinds() []string {
	var kinds []string
	v := reflect.ValueOf(s)
	for _, f := range fieldsOf(v.Type()) {
		if !v.Field(f.index).IsNil() {
			kinds = append(kinds, f.key)
		}
	}
	return kinds
}

// steps checks one image transform under its dotted key.
func (c *checker) steps(key string, steps []Step) {
	for i, s := range steps {
		at := element(key, i)
		switch kinds := s.kinds(); len(kinds) {
		case 0:
			c.failf("%s holds no step: choose %s, or remove it", at, strings.Join(siblings(reflect.TypeFor[Step]()), ", "))
		case 1:
		default:
			c.failf("%s holds %s: write each as a list item of its own", at, strings.Join(kinds, " and "))
		}
		if s.RandomCrop != nil {
			c.atLeast(at+".random_crop.padding", s.RandomCrop.Padding, 0)
			c.atMost(at+".random_crop.padding", s.RandomCrop.Padding, maxPixels)
		}
		if crop := s.RandomResizedCrop; crop != nil {
			at := at + ".random_resized_crop"
			c.side(at+".size", crop.Size)
			c.interval(at+".scale", crop.Scale)
			if n := len(crop.Scale); n == 2 && finite(crop.Scale[1]) && crop.Scale[1] > 1 {
				c.failf("%s.scale[1] is %v: choose at most 1, the whole picture", at, crop.Scale[1])
			}
			c.interval(at+".ratio", crop.Ratio)
			c.oneOf(at+".interpolation", crop.Interpolation, interpolations)
		}
		if s.HorizontalFlip != nil {
			c.share(at+".horizontal_flip.probability", s.HorizontalFlip.Probability)
		}
		if s.Resize != nil {
			c.side(at+".resize.size", s.Resize.Size)
			c.oneOf(at+".resize.interpolation", s.Resize.Interpolation, interpolations)
		}
		if s.CenterCrop != nil {
			c.side(at+".center_crop.size", s.CenterCrop.Size)
		}
	}
}

// side checks the length of an image's side in pixels.
func (c *checker) side(key string, pixels int) {
	c.atLeast(key, pixels, 1)
	c.atMost(key, pixels, maxPixels)
}

// interval checks a pair low ≤ high of positive numbers.
func (c *checker) interval(key string, pair []float64) {
	if len(pair) != 2 {
		c.failf("%s has %d values: give 2, the smallest and the largest", key, len(pair))
		return
	}
	c.positive(element(key, 0), pair[0])
	if pair[0] > pair[1] {
		c.failf("%s is [%v, %v]: put the smaller value first", key, pair[0], pair[1])
	}
}
