// Package augment turns the steps of a recipe into a transform of pictures.
//
// Shape legend: N batch, H×W image height × width, C channels. An image is
// H×W×C bytes, row by row, the channels of a pixel side by side.
//
// What a transform does to an image depends on nothing but the run's seed, the
// epoch, the image's index in its collection and the view (see Key). Worker
// count, batch size and resuming therefore change no picture.
package augment

import (
	"errors"
	"fmt"

	"cone/picture"
	"cone/recipe"
)

// Key names one use of one image; everything random about it follows from here.
type Key struct {
	Seed  uint64 // the run's seed
	Epoch int    // from 0
	Index int    // of the image in its collection, from 0
	View  int    // which of the image's uses in the epoch, from 0
}

// stream is the key's random stream. View 0 has no key of its own, so that
// runs with one view draw what they always drew.
func (k Key) stream() Stream {
	if k.View == 0 {
		return NewStream(k.Seed, PurposeAugment, uint64(k.Epoch), uint64(k.Index))
	}
	return NewStream(k.Seed, PurposeAugment, uint64(k.Epoch), uint64(k.Index), uint64(k.View))
}

// Options of Compile.
type Options struct {
	// Exact has pictures decoded at full size, whatever the steps make of them.
	Exact bool
}

// Transform is a compiled list of steps. It is immutable: any number of
// goroutines may share it, each with its own scratch.
type Transform struct {
	in, out picture.Size
	exact   bool
	steps   []step
	mixer   *Mixer
}

// step is one compiled step.
type step interface {
	// resize is the size of what comes out, when in goes in. Sizes that vary
	// from picture to picture are not Known. An error says what does not fit.
	resize(in picture.Size) (picture.Size, error)
	apply(w *work) error
}

// Compile checks the steps against pictures of size in and prepares them;
// a size that is not Known stands for pictures of various sizes, of which some
// step must make one. With no steps the transform copies the picture.
func Compile(steps []recipe.Step, in picture.Size, o Options) (*Transform, error) {
	if in.Channels < 1 || in.Known() && in.Width < 1 || in.Height < 0 {
		return nil, fmt.Errorf("cannot transform images of %d×%d×%d: every side must be at least 1", in.Height, in.Width, in.Channels)
	}
	t := &Transform{in: in, out: in, exact: o.Exact}
	for i, s := range steps {
		fail := func(name string, err error) error {
			if name != "" {
				name = " (" + name + ")"
			}
			return fmt.Errorf("image transform step %d%s: %w", i+1, name, err)
		}
		name, compiled, mixer, err := compileStep(s)
		if err != nil {
			return nil, fail(name, err)
		}
		if t.mixer != nil {
			return nil, fail(name, errors.New("comes after pictures are mixed; put mixup, cutmix or mix last"))
		}
		if mixer != nil {
			t.mixer = mixer
			continue
		}
		if t.out, err = compiled.resize(t.out); err != nil {
			return nil, fail(name, err)
		}
		t.steps = append(t.steps, compiled)
	}
	if !t.out.Known() {
		return nil, errors.New("the pictures have various sizes and the image transform does not make them one; add random_resized_crop, or resize and center_crop")
	}
	t.steps = fuse(t.steps)
	return t, nil
}

// OutputSize is the size of the images that Apply writes.
func (t *Transform) OutputSize() picture.Size { return t.out }

// Mixer is what happens to a batch of transformed pictures; nil for nothing.
func (t *Transform) Mixer() *Mixer { return t.mixer }

// Scratch returns working memory for Apply. It serves one goroutine at a time.
func (t *Transform) Scratch() *Scratch { return &Scratch{} }

// Scratch holds what a transform needs between its steps.
type Scratch struct {
	work work
}

// Apply transforms src into dst, an image of OutputSize, whose length must fit
// exactly; src is left as it is. Errors are those of src's decoder.
func (t *Transform) Apply(dst []byte, src picture.Lazy, key Key, scratch *Scratch) error {
	shape := src.Shape()
	if t.in.Known() && shape != t.in || shape.Channels != t.in.Channels || len(dst) != t.out.Bytes() {
		panic(fmt.Sprintf("augment: a picture of %v and %d bytes given for %v and %v", shape, len(dst), t.in, t.out))
	}
	w := &scratch.work
	w.start(src, key.stream(), t.exact)
	for _, s := range t.steps {
		if err := s.apply(w); err != nil {
			return err
		}
	}
	if err := w.load(); err != nil {
		return err
	}
	if w.image.Size != t.out {
		panic(fmt.Sprintf("augment: a picture of %v came out where %v should", w.image.Size, t.out))
	}
	copy(dst, w.image.Pixels)
	return nil
}
