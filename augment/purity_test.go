package augment

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"cone/picture"
	"cone/recipe"
)

// everyStep has each kind of step that works on one picture, with settings
// under which it does something to a picture of about 20×24.
var everyStep = []string{
	"random_resized_crop: {size: 18, interpolation: random}",
	"resize: {height: 17, width: 23}",
	"center_crop: {size: 16}",
	"random_crop: {size: 19, padding: 3, border: reflect}",
	"horizontal_flip: {}",
	"vertical_flip: {}",
	"color_jitter: {}",
	"random_grey: {probability: 0.5}",
	"gaussian_blur: {}",
	"auto_augment: {policy: imagenet, fill: [77, 77, 77]}",
	"auto_augment: {policy: cifar10, fill: [77, 77, 77]}",
	"rand_augment: {config: rand-m9-n3-mstd1-p0.9-inc1, fill: [77, 77, 77]}",
	"trivial_augment_wide: {fill: [77, 77, 77]}",
	"random_erasing: {probability: 0.7, fill: [77, 77, 77]}",
	"random_erasing: {probability: 0.7, value: random}",
	"random_erasing: {probability: 0.7, value: pixel}",
}

// fixed are the steps that draw nothing.
func fixed(step string) bool {
	return strings.HasPrefix(step, "resize") || strings.HasPrefix(step, "center_crop")
}

// TestEveryStepIsTested fails when a kind of step is missing above.
func TestEveryStepIsTested(t *testing.T) {
	var tested recipe.Step
	for _, s := range steps(t, append(everyStep, "mix: {}")...) {
		from, to := reflect.ValueOf(s), reflect.ValueOf(&tested).Elem()
		for i := range from.NumField() {
			if !from.Field(i).IsNil() {
				to.Field(i).Set(from.Field(i))
			}
		}
	}
	tested.Mixup, tested.CutMix = &recipe.Mixup{}, &recipe.CutMix{} // both are kinds of mix
	for i, v := 0, reflect.ValueOf(tested); i < v.NumField(); i++ {
		if v.Field(i).IsNil() {
			t.Errorf("%s is not tested", v.Type().Field(i).Name)
		}
	}
}

// encoded is a picture that is decoded anew each time, with pixels around the
// part that must not count.
type encoded struct{ picture.Image }

func (e *encoded) Region(dst *picture.Image, part picture.Rect, height, width int) (picture.Box, error) {
	around := part
	around.Top, around.Left = part.Top-2, part.Left-1
	around.Height, around.Width = part.Height+3, part.Width+5
	picture.Crop(dst, &e.Image, around)
	for y := range around.Height {
		for x := range around.Width {
			if y < 2 || x < 1 || y >= 2+part.Height || x >= 1+part.Width {
				at := (y*around.Width + x) * e.Channels
				copy(dst.Pixels[at:at+e.Channels], []byte{200, 3, 99})
			}
		}
	}
	return picture.Box{Top: 2, Left: 1, Height: float64(part.Height), Width: float64(part.Width)}, nil
}

// job is one use of one picture, with the right result.
type job struct {
	src  picture.Lazy
	key  Key
	want []byte
}

// jobs transforms pictures of several sizes, decoded and not, by fresh scratch.
func jobs(t *testing.T, transform *Transform, channels int) []job {
	t.Helper()
	var all []job
	for i, size := range []picture.Size{{Height: 20, Width: 24, Channels: channels}, {Height: 31, Width: 19, Channels: channels},
		{Height: 60, Width: 41, Channels: channels}, {Height: 1, Width: 7, Channels: channels}} {
		im := synthetic(size)
		for k := range 10 {
			key := Key{Seed: 1, Epoch: k / 5, Index: 10*i + k, View: k % 2}
			var want []byte
			for _, src := range []picture.Lazy{im, &encoded{*im}} {
				got := make([]byte, transform.OutputSize().Bytes())
				if err := transform.Apply(got, src, key, transform.Scratch()); err != nil {
					t.Fatal(err)
				}
				if want != nil && !bytes.Equal(got, want) {
					t.Errorf("an image and a file of %v give other pixels", size)
				}
				want = got
				all = append(all, job{src, key, want})
			}
		}
		if !bytes.Equal(im.Pixels, synthetic(size).Pixels) {
			t.Errorf("the source has changed")
		}
	}
	return all
}

func TestStepsArePure(t *testing.T) {
	for _, channels := range []int{1, 3} {
		for _, step := range append(everyStep, "all of them") {
			list := []string{step, "resize: {height: 18, width: 22, interpolation: bicubic}"}
			if step == "all of them" {
				list = append(append([]string(nil), everyStep...), list[1])
			}
			t.Run(step, func(t *testing.T) {
				transform := compile(t, picture.Size{Channels: channels}, steps(t, list...)...)
				all := jobs(t, transform, channels)
				var group sync.WaitGroup
				for worker := range 3 {
					group.Go(func() {
						random := rand.New(rand.NewPCG(5, uint64(worker)))
						scratch := transform.Scratch()
						got := bytes.Repeat([]byte{0xee}, transform.OutputSize().Bytes())
						for _, i := range random.Perm(len(all)) {
							if err := transform.Apply(got, all[i].src, all[i].key, scratch); err != nil {
								t.Error(err)
							}
							if !bytes.Equal(got, all[i].want) {
								t.Errorf("%+v depends on what came before", all[i].key)
							}
						}
					})
				}
				group.Wait()
			})
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	size := picture.Size{Height: 20, Width: 24, Channels: 3}
	for _, step := range everyStep {
		transform := compile(t, size, steps(t, step)...)
		for part, key := range map[string]func(i int) Key{
			"seed":  func(i int) Key { return Key{Seed: uint64(i)} },
			"epoch": func(i int) Key { return Key{Epoch: i} },
			"index": func(i int) Key { return Key{Index: i} },
			"view":  func(i int) Key { return Key{View: i} },
		} {
			seen := map[string]bool{}
			for i := range 40 {
				seen[string(apply(t, transform, synthetic(size).Pixels, key(i)))] = true
			}
			if fixed(step) != (len(seen) == 1) {
				t.Errorf("%s makes %d pictures of 40 that differ by %s", step, len(seen), part)
			}
		}
	}
}

// TestGreyPictures compares pictures of 1 channel with pictures of 3 equal
// ones, of which every step makes 3 equal ones: so that Fashion-MNIST is
// augmented as its pictures in RGB would be.
func TestGreyPictures(t *testing.T) {
	grey := picture.Size{Height: 20, Width: 24, Channels: 1}
	colour := picture.Size{Height: 20, Width: 24, Channels: 3}
	src := synthetic(grey).Pixels
	for _, step := range everyStep {
		if strings.Contains(step, "value") {
			continue // random colours
		}
		one, three := compile(t, grey, steps(t, step)...), compile(t, colour, steps(t, step)...)
		for i := range 60 {
			want := inRGB(apply(t, one, src, Key{Index: i}))
			if got := apply(t, three, inRGB(src), Key{Index: i}); !bytes.Equal(got, want) {
				t.Errorf("%s, image %d: 3 channels give other pixels than 1", step, i)
			}
		}
	}
}

// inRGB has every value thrice.
func inRGB(grey []byte) []byte {
	var rgb []byte
	for _, v := range grey {
		rgb = append(rgb, v, v, v)
	}
	return rgb
}

func TestStepsAllocateNothing(t *testing.T) {
	for _, size := range []picture.Size{{Height: 40, Width: 50, Channels: 3}, {Height: 28, Width: 28, Channels: 1}} {
		for _, step := range everyStep {
			transform := compile(t, size, steps(t, step)...)
			src, dst, scratch := synthetic(size), make([]byte, transform.OutputSize().Bytes()), transform.Scratch()
			all := func() {
				for i := range 200 {
					if err := transform.Apply(dst, src, Key{Index: i}, scratch); err != nil {
						t.Fatal(err)
					}
				}
			}
			// Run once before it counts, in which memory grows to what is needed. The
			// count is the whole process's: what a step does not allocate every time
			// was the runtime's.
			n := testing.AllocsPerRun(1, all)
			for again := 0; n > 0 && again < 4; again++ {
				n = min(n, testing.AllocsPerRun(1, all))
			}
			if n > 0 {
				t.Errorf("%s allocates %v times for 200 pictures of %v", step, n, size)
			}
		}
	}
}

// TestErasedColours checks what torchvision's erasing does not have: random
// colours, one for all or one for each pixel.
func TestErasedColours(t *testing.T) {
	size := picture.Size{Height: 20, Width: 24, Channels: 3}
	for value, one := range map[string]bool{"random": true, "pixel": false} {
		step := "random_erasing: {probability: 1, scale: [0.25, 0.25], ratio: [1, 1], value: " + value + "}"
		transform := compile(t, size, steps(t, step)...)
		all := map[string]bool{}
		for i := range 30 {
			colours, erased := map[string]bool{}, 0
			got := apply(t, transform, make([]byte, size.Bytes()), Key{Index: i})
			for at := 0; at < len(got); at += 3 {
				if c := string(got[at : at+3]); c != "\x00\x00\x00" {
					colours[c], all[c] = true, true
					erased++
				}
			}
			if erased < 119 || erased > 121 || (len(colours) == 1) != one {
				t.Errorf("%s: %d pixels in %d colours", value, erased, len(colours))
			}
		}
		if len(all) < 25 {
			t.Errorf("%s: %d colours in 30 pictures", value, len(all))
		}
	}
}
