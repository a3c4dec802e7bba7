package recipe

import (
	"reflect"
	"strings"
)

// stepChoices lists the known values of the steps' settings that are names.
var stepChoices = map[string][]string{
	"random_resized_crop.interpolation": {"bilinear", "bicubic", "random"},
	"resize.interpolation":              {"bilinear", "bicubic"},
	"random_crop.border":                {"black", "reflect"},
	"auto_augment.policy":               {"imagenet", "cifar10"},
	"rand_augment.interpolation":        {"bilinear", "bicubic", "random"},
	"random_erasing.value":              {"fill", "random", "pixel"},
	"mix.mode":                          {"batch", "pair", "elem"},
}

// choice checks a step's setting that is a name.
func (c *checker) choice(at, setting, value string) {
	c.oneOf(at+"."+setting, value, stepChoices[setting])
}

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
		c.geometry(at, s)
		c.colours(at, s)
		c.mixing(at, s)
		if i < len(steps)-1 && (s.Mixup != nil || s.CutMix != nil || s.Mix != nil) {
			c.failf("%s mixes pictures, but more steps follow: put it last", at)
		}
	}
}

// geometry checks what changes the place of pixels.
func (c *checker) geometry(at string, s Step) {
	if crop := s.RandomCrop; crop != nil {
		c.choice(at, "random_crop.border", crop.Border)
		at := at + ".random_crop"
		c.atLeast(at+".padding", crop.Padding, 0)
		c.atMost(at+".padding", crop.Padding, maxPixels)
		c.atLeast(at+".size", crop.Size, 0)
		c.atMost(at+".size", crop.Size, maxPixels)
	}
	if crop := s.RandomResizedCrop; crop != nil {
		c.choice(at, "random_resized_crop.interpolation", crop.Interpolation)
		at := at + ".random_resized_crop"
		c.side(at+".size", crop.Size)
		c.area(at+".scale", crop.Scale)
		c.interval(at+".ratio", crop.Ratio)
	}
	if flip := s.HorizontalFlip; flip != nil {
		c.share(at+".horizontal_flip.probability", flip.Probability)
	}
	if flip := s.VerticalFlip; flip != nil {
		c.share(at+".vertical_flip.probability", flip.Probability)
	}
	if r := s.Resize; r != nil {
		c.choice(at, "resize.interpolation", r.Interpolation)
		at := at + ".resize"
		switch {
		case r.Height == 0 && r.Width == 0:
			c.side(at+".size", r.Size)
		case r.Size != 0:
			c.failf("%s has a size and a height or width: give either the short side or both sides", at)
		default:
			c.side(at+".height", r.Height)
			c.side(at+".width", r.Width)
		}
	}
	if s.CenterCrop != nil {
		c.side(at+".center_crop.size", s.CenterCrop.Size)
	}
	if e := s.RandomErasing; e != nil {
		c.choice(at, "random_erasing.value", e.Value)
		at := at + ".random_erasing"
		c.share(at+".probability", e.Probability)
		c.area(at+".scale", e.Scale)
		c.interval(at+".ratio", e.Ratio)
		c.fill(at+".fill", e.Fill)
	}
}

// colours checks what changes the values of pixels, and the policies.
func (c *checker) colours(at string, s Step) {
	if j := s.ColorJitter; j != nil {
		at := at + ".color_jitter"
		c.notNegative(at+".brightness", j.Brightness)
		c.notNegative(at+".contrast", j.Contrast)
		c.notNegative(at+".saturation", j.Saturation)
		if finite(j.Hue) && (j.Hue < 0 || j.Hue > 0.5) {
			c.failf("%s.hue is %v: choose a number from 0 to 0.5, half the circle", at, j.Hue)
		}
		c.share(at+".probability", j.Probability)
	}
	if g := s.RandomGrey; g != nil {
		c.share(at+".random_grey.probability", g.Probability)
	}
	if b := s.GaussianBlur; b != nil {
		at := at + ".gaussian_blur"
		c.share(at+".probability", b.Probability)
		c.interval(at+".sigma", b.Sigma)
		if b.Kernel < 1 || b.Kernel > 1001 || b.Kernel%2 == 0 {
			c.failf("%s.kernel is %d: choose an odd number from 1 to 1001", at, b.Kernel)
		}
	}
	if a := s.AutoAugment; a != nil {
		c.choice(at, "auto_augment.policy", a.Policy)
		c.fill(at+".auto_augment.fill", a.Fill)
	}
	if a := s.RandAugment; a != nil {
		c.choice(at, "rand_augment.interpolation", a.Interpolation)
		c.fill(at+".rand_augment.fill", a.Fill)
	}
	if a := s.TrivialAugmentWide; a != nil {
		c.fill(at+".trivial_augment_wide.fill", a.Fill)
	}
}

// mixing checks what mixes the pictures of a batch.
func (c *checker) mixing(at string, s Step) {
	if m := s.Mixup; m != nil {
		c.positive(at+".mixup.alpha", m.Alpha)
		c.share(at+".mixup.probability", m.Probability)
	}
	if m := s.CutMix; m != nil {
		c.positive(at+".cutmix.alpha", m.Alpha)
		c.share(at+".cutmix.probability", m.Probability)
	}
	if m := s.Mix; m != nil {
		c.choice(at, "mix.mode", m.Mode)
		at := at + ".mix"
		c.notNegative(at+".mixup_alpha", m.MixupAlpha)
		c.notNegative(at+".cutmix_alpha", m.CutMixAlpha)
		if m.MixupAlpha == 0 && m.CutMixAlpha == 0 {
			c.failf("%s has no alpha above 0: set mixup_alpha, cutmix_alpha or both", at)
		}
		c.share(at+".switch_probability", m.SwitchProbability)
		c.share(at+".probability", m.Probability)
	}
}

// fill checks a colour.
func (c *checker) fill(key string, fill []int) {
	if len(fill) != 3 {
		c.failf("%s has %d values: give 3, red, green and blue", key, len(fill))
	}
	for i, v := range fill {
		c.atLeast(element(key, i), v, 0)
		c.atMost(element(key, i), v, 255)
	}
}

// area checks a pair of shares of a picture.
func (c *checker) area(key string, pair []float64) {
	c.interval(key, pair)
	if len(pair) == 2 && finite(pair[1]) && pair[1] > 1 {
		c.failf("%s[1] is %v: choose at most 1, the whole picture", key, pair[1])
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
