// Package augment turns the steps of a recipe into a transform of uint8 images.
//
// Shape legend: H×W image height × width, C channels. An image is H×W×C bytes,
// row by row, the channels of a pixel side by side.
//
// What a transform does to an image depends on nothing but the run's seed, the
// epoch and the image's index in its dataset (see Key). Worker count, batch
// size and resuming therefore change no picture.
package augment

import (
	"errors"
	"fmt"
	"math"

	"cone/picture"
	"cone/recipe"
)

// Key names one use of one image; everything random about it follows from here.
type Key struct {
	Seed  uint64 // the run's seed
	Epoch int    // from 0
	Index int    // of the image in its dataset, from 0
}

// Transform is a compiled list of steps for images of one size. It is
// immutable: any number of goroutines may share it, each with its own scratch.
type Transform struct {
	in, out picture.Size
	steps   []step
	largest int // bytes of the largest image between two steps
}

// step is one compiled step. apply fills the whole of dst, an image of the
// size that resize returns, and draws the same amount of randomness for every
// image, so that a step's luck does not depend on that of the step before.
type step interface {
	resize(in picture.Size) picture.Size
	apply(dst, src []byte, in picture.Size, random *Stream)
}

// Compile checks the steps against images of size in and prepares them. With
// no steps the transform copies the image.
func Compile(steps []recipe.Step, in picture.Size) (*Transform, error) {
	if in.Height < 1 || in.Width < 1 || in.Channels < 1 {
		return nil, fmt.Errorf("cannot transform images of size %v: every side must be at least 1", in)
	}
	t := &Transform{in: in, out: in}
	for i, s := range steps {
		name, compiled, err := compileStep(s, t.out)
		if err != nil {
			if name != "" {
				name = " (" + name + ")"
			}
			return nil, fmt.Errorf("image transform step %d%s: %w", i+1, name, err)
		}
		t.steps = append(t.steps, compiled)
		t.out = compiled.resize(t.out)
		if i < len(steps)-1 {
			t.largest = max(t.largest, t.out.Bytes())
		}
	}
	return t, nil
}

// OutputSize is the size of the images that Apply writes.
func (t *Transform) OutputSize() picture.Size { return t.out }

// Scratch returns working memory for Apply. It serves one goroutine at a time.
func (t *Transform) Scratch() *Scratch {
	scratch := &Scratch{}
	for i := range min(2, len(t.steps)-1) {
		scratch.images[i] = make([]byte, t.largest)
	}
	return scratch
}

// Scratch holds what a transform needs between its steps.
type Scratch struct {
	images [2][]byte
	random Stream
}

// Apply transforms src, an image of the size given to Compile, into dst, an
// image of OutputSize; both lengths must fit exactly. dst and src must not
// overlap, and src is left as it is.
func (t *Transform) Apply(dst, src []byte, key Key, scratch *Scratch) {
	if len(src) != t.in.Bytes() || len(dst) != t.out.Bytes() {
		panic(fmt.Sprintf("augment: %d and %d bytes given for images of %v and %v", len(src), len(dst), t.in, t.out))
	}
	if len(t.steps) == 0 {
		copy(dst, src)
		return
	}
	scratch.random = NewStream(key.Seed, PurposeAugment, uint64(key.Epoch), uint64(key.Index))
	size := t.in
	for i, s := range t.steps {
		next := s.resize(size)
		to := dst
		if i < len(t.steps)-1 {
			to = scratch.images[i%2][:next.Bytes()]
		}
		s.apply(to, src, size, &scratch.random)
		src, size = to, next
	}
}

// compileStep returns the step's name as written in recipes, and the step.
func compileStep(s recipe.Step, in picture.Size) (name string, compiled step, err error) {
	set := 0
	if s.RandomCrop != nil {
		set++
		name, compiled, err = "random_crop", &randomCrop{s.RandomCrop.Padding}, checkCrop(s.RandomCrop, in)
	}
	if s.HorizontalFlip != nil {
		set++
		name, compiled, err = "horizontal_flip", &horizontalFlip{s.HorizontalFlip.Probability}, checkFlip(s.HorizontalFlip)
	}
	if s.RandomResizedCrop != nil {
		set++
		name, err = "random_resized_crop", errUnsupported
	}
	if s.Resize != nil {
		set++
		name, err = "resize", errUnsupported
	}
	if s.CenterCrop != nil {
		set++
		name, err = "center_crop", errUnsupported
	}
	switch {
	case set == 0:
		return "", nil, errors.New("the step is empty; name one operation, such as random_crop")
	case set > 1:
		return "", nil, errors.New("the step names more than one operation; write each as a list item of its own")
	}
	return name, compiled, err
}

var errUnsupported = errors.New("this version supports random_crop and horizontal_flip on idx data; remove the step")

func checkCrop(s *recipe.RandomCrop, in picture.Size) error {
	if s.Padding < 0 {
		return fmt.Errorf("padding is %d; it must be 0 or more", s.Padding)
	}
	// Wider padding would let a crop miss the picture and train on black.
	if limit := min(in.Height, in.Width) - 1; s.Padding > limit {
		return fmt.Errorf("padding %d could crop the picture away; images of %d×%d allow at most %d",
			s.Padding, in.Height, in.Width, limit)
	}
	return nil
}

func checkFlip(s *recipe.HorizontalFlip) error {
	if p := s.Probability; math.IsNaN(p) || p < 0 || p > 1 {
		return fmt.Errorf("probability is %v; it must lie between 0 and 1", p)
	}
	return nil
}
