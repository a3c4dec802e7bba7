package augment

import (
	"errors"
	"fmt"
	"math"

	"cone/recipe"
)

// compileStep returns the step's name as written in recipes, and the step, or
// the mixer that it stands for.
func compileStep(s recipe.Step) (name string, compiled step, mixer *Mixer, err error) {
	set := 0
	found := func(called string, c step, e error) {
		set++
		name, compiled, err = called, c, e
	}
	if c := s.RandomResizedCrop; c != nil {
		found("random_resized_crop", &randomResizedCrop{RandomResizedCrop: *c}, errors.Join(
			checkSide("size", c.Size), checkPair("scale", c.Scale), checkPair("ratio", c.Ratio)))
	}
	if c := s.Resize; c != nil {
		found("resize", &resizeTo{Resize: *c}, checkResize(c))
	}
	if c := s.CenterCrop; c != nil {
		found("center_crop", &centerCrop{*c}, checkSide("size", c.Size))
	}
	if c := s.RandomCrop; c != nil {
		found("random_crop", &randomCrop{*c}, checkCrop(c))
	}
	if c := s.HorizontalFlip; c != nil {
		found("horizontal_flip", &horizontalFlip{HorizontalFlip: *c}, checkProbability(c.Probability))
	}
	if c := s.VerticalFlip; c != nil {
		found("vertical_flip", &verticalFlip{VerticalFlip: *c}, checkProbability(c.Probability))
	}
	if c := s.ColorJitter; c != nil {
		found("color_jitter", &colorJitter{ColorJitter: *c}, errors.Join(checkProbability(c.Probability), checkJitter(c)))
	}
	if c := s.RandomGrey; c != nil {
		found("random_grey", &randomGrey{RandomGrey: *c}, checkProbability(c.Probability))
	}
	if c := s.GaussianBlur; c != nil {
		found("gaussian_blur", &gaussianBlur{GaussianBlur: *c}, errors.Join(
			checkProbability(c.Probability), checkKernel(c.Kernel), checkPair("sigma", c.Sigma)))
	}
	if c := s.AutoAugment; c != nil {
		policy, known := autoAugmentPolicies[c.Policy]
		err := checkFill(c.Fill)
		if !known {
			err = fmt.Errorf("policy %q is unknown; choose imagenet or cifar10", c.Policy)
		}
		found("auto_augment", &autoAugment{policy: policy, fill: colour(c.Fill)}, err)
	}
	if c := s.RandAugment; c != nil {
		err := checkFill(c.Fill)
		var r *randAugment
		if err == nil {
			r, err = newRandAugment(c)
		}
		found("rand_augment", r, err)
	}
	if c := s.TrivialAugmentWide; c != nil {
		found("trivial_augment_wide", &trivialAugmentWide{fill: colour(c.Fill)}, checkFill(c.Fill))
	}
	if c := s.RandomErasing; c != nil {
		found("random_erasing", &randomErasing{RandomErasing: *c}, errors.Join(
			checkProbability(c.Probability), checkPair("scale", c.Scale), checkPair("ratio", c.Ratio), checkFill(c.Fill)))
	}
	mix := func(called string, m recipe.Mix) {
		set++
		mixer = &Mixer{m}
		name, err = called, errors.Join(checkProbability(m.Probability), checkMix(m))
	}
	if c := s.Mixup; c != nil {
		mix("mixup", recipe.Mix{MixupAlpha: c.Alpha, Probability: c.Probability, Mode: "batch"})
	}
	if c := s.CutMix; c != nil {
		mix("cutmix", recipe.Mix{CutMixAlpha: c.Alpha, Probability: c.Probability, Mode: "batch"})
	}
	if c := s.Mix; c != nil {
		mix("mix", *c)
	}
	switch {
	case set == 0:
		return "", nil, nil, errors.New("the step is empty; name one operation, such as random_crop")
	case set > 1:
		return "", nil, nil, errors.New("the step names more than one operation; write each as a list item of its own")
	}
	return name, compiled, mixer, err
}

func checkSide(name string, pixels int) error {
	if pixels < 1 || pixels > maxSide {
		return fmt.Errorf("%s is %d; choose 1 to %d pixels", name, pixels, maxSide)
	}
	return nil
}

func checkResize(r *recipe.Resize) error {
	if r.Size == 0 && (r.Height != 0 || r.Width != 0) {
		return errors.Join(checkSide("height", r.Height), checkSide("width", r.Width))
	}
	if r.Height != 0 || r.Width != 0 {
		return errors.New("has a size and a height or width; give either the short side or both sides")
	}
	return checkSide("size", r.Size)
}

func checkCrop(c *recipe.RandomCrop) error {
	if c.Padding < 0 {
		return fmt.Errorf("padding is %d; it must be 0 or more", c.Padding)
	}
	if c.Size != 0 {
		return checkSide("size", c.Size)
	}
	return nil
}

// checkPair checks a range of positive numbers.
func checkPair(name string, pair []float64) error {
	if len(pair) != 2 || !(pair[0] > 0) || !(pair[1] >= pair[0]) || math.IsInf(pair[1], 0) {
		return fmt.Errorf("%s is %v; give two numbers above 0, the smaller one first", name, pair)
	}
	return nil
}

func checkProbability(p float64) error {
	if !(p >= 0 && p <= 1) {
		return fmt.Errorf("probability is %v; it must lie between 0 and 1", p)
	}
	return nil
}

func checkJitter(c *recipe.ColorJitter) error {
	for _, x := range []float64{c.Brightness, c.Contrast, c.Saturation} {
		if !(x >= 0) || math.IsInf(x, 0) {
			return fmt.Errorf("has the strength %v; choose 0 or more", x)
		}
	}
	if !(c.Hue >= 0 && c.Hue <= 0.5) {
		return fmt.Errorf("hue is %v; choose 0 to 0.5, half the circle", c.Hue)
	}
	return nil
}

func checkKernel(k int) error {
	if k < 1 || k > 1001 || k%2 == 0 {
		return fmt.Errorf("kernel is %d; choose an odd number from 1 to 1001", k)
	}
	return nil
}
