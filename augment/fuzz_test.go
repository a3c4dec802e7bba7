package augment

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"cone/picture"
)

// randomStep is a step with random settings that recipes may have.
func randomStep(r *rand.Rand) string {
	side := func() int { return []int{1, 2, 3, 5, 16, 33}[r.IntN(6)] }
	share := func() float64 { return []float64{0, 0.5, 1}[r.IntN(3)] }
	pair := func(values ...float64) string {
		i := r.IntN(len(values))
		return fmt.Sprintf("[%v, %v]", values[i], values[i+r.IntN(len(values)-i)])
	}
	any := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	fill := fmt.Sprintf("[%d, %d, %d]", r.IntN(256), r.IntN(256), r.IntN(256))
	switch r.IntN(15) {
	case 0:
		return fmt.Sprintf("random_resized_crop: {size: %d, scale: %s, ratio: %s, interpolation: %s}", side(),
			pair(1e-6, 0.1, 1), pair(0.001, 0.5, 1, 2, 1000), any("bilinear", "bicubic", "random"))
	case 1:
		return fmt.Sprintf("resize: {size: %d, interpolation: %s}", side(), any("bilinear", "bicubic"))
	case 2:
		return fmt.Sprintf("resize: {height: %d, width: %d}", side(), side())
	case 3:
		return fmt.Sprintf("center_crop: {size: %d}", side())
	case 4:
		return fmt.Sprintf("random_crop: {padding: %d, size: %d, border: %s}", r.IntN(4), side(), any("black", "reflect"))
	case 5:
		return fmt.Sprintf("random_crop: {padding: %d}", r.IntN(4))
	case 6:
		return fmt.Sprintf("horizontal_flip: {probability: %v}", share())
	case 7:
		return fmt.Sprintf("vertical_flip: {probability: %v}", share())
	case 8:
		return fmt.Sprintf("color_jitter: {brightness: %v, contrast: %v, saturation: %v, hue: %v, probability: %v}",
			4*share(), 4*share(), 4*share(), share()/2, share())
	case 9:
		return fmt.Sprintf("random_grey: {probability: %v}", share())
	case 10:
		return fmt.Sprintf("gaussian_blur: {kernel: %d, sigma: %s, probability: %v}", 2*r.IntN(20)+1, pair(0.001, 1, 50), share())
	case 11:
		return fmt.Sprintf("auto_augment: {policy: %s, fill: %s}", any("imagenet", "cifar10"), fill)
	case 12:
		return fmt.Sprintf("rand_augment: {config: rand-m%d-n%d-p%v-mstd%d-inc%d-mmax%d, fill: %s, interpolation: %s}", r.IntN(31),
			1+r.IntN(4), share(), 50*r.IntN(4), r.IntN(2), 1+r.IntN(30), fill, any("bilinear", "bicubic", "random"))
	case 13:
		return fmt.Sprintf("trivial_augment_wide: {fill: %s}", fill)
	default:
		return fmt.Sprintf("random_erasing: {probability: %v, scale: %s, ratio: %s, value: %s, fill: %s}", share(),
			pair(1e-6, 0.3, 1), pair(0.001, 0.5, 1, 2, 1000), any("fill", "random", "pixel"), fill)
	}
}

// randomTransform applies random steps to a picture of a random, often tiny,
// size. Whatever they are, nothing may panic, fused steps must do what they do
// one by one, and the same key must give the same picture. It says whether the
// steps fitted the picture.
func randomTransform(t *testing.T, seed uint64) bool {
	r := rand.New(rand.NewPCG(seed, 1))
	side := func() int { return []int{1, 1, 2, 3, 7, 20, 41}[r.IntN(7)] }
	size := picture.Size{Height: side(), Width: side(), Channels: 1 + 2*r.IntN(2)}
	var list []string
	for range 1 + r.IntN(5) {
		list = append(list, randomStep(r))
	}
	in := size
	if r.IntN(2) == 0 { // as if sizes varied
		in = picture.Size{Channels: size.Channels}
	}
	transform, err := Compile(steps(t, list...), in, Options{})
	if err != nil {
		return false
	}
	plain := *transform
	plain.steps = nil
	for _, s := range steps(t, list...) {
		_, compiled, _, err := compileStep(s)
		if err != nil {
			t.Fatal(err)
		}
		plain.steps = append(plain.steps, compiled)
	}
	src, scratch := synthetic(size), transform.Scratch()
	for i := range 4 {
		key := Key{Seed: seed, Index: i}
		var results [3][]byte
		for j, tr := range []*Transform{transform, &plain, transform} {
			results[j] = make([]byte, transform.OutputSize().Bytes())
			if err := tr.Apply(results[j], src, key, scratch); err != nil {
				t.Fatalf("%v to a picture of %v: %v", list, size, err)
			}
		}
		if !bytes.Equal(results[0], results[1]) {
			t.Errorf("%v, fused, does something else to a picture of %v", list, size)
		}
		if !bytes.Equal(results[0], results[2]) {
			t.Errorf("%v does something else the second time to a picture of %v", list, size)
		}
	}
	if !bytes.Equal(src.Pixels, synthetic(size).Pixels) {
		t.Errorf("%v changed its source", list)
	}
	return true
}

func TestRandomTransforms(t *testing.T) {
	const rounds = 3000
	fitted := 0
	for seed := range uint64(rounds) {
		if randomTransform(t, seed) {
			fitted++
		}
	}
	if fitted < rounds/3 {
		t.Errorf("only %d of %d lists of steps fitted their picture", fitted, rounds)
	}
}

func FuzzTransforms(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { randomTransform(t, seed) })
}

// TestTinyPictures runs every step on the pictures that are easiest to get
// wrong.
func TestTinyPictures(t *testing.T) {
	for _, step := range append(everyStep, "resize: {size: 9}", "center_crop: {size: 2}", "random_crop: {padding: 0}") {
		for _, sides := range [][2]int{{1, 1}, {1, 7}, {7, 1}, {2, 2}, {1, 20}, {3, 300}} {
			for _, channels := range []int{1, 3} {
				size := picture.Size{Height: sides[0], Width: sides[1], Channels: channels}
				for _, in := range []picture.Size{size, {Channels: channels}} {
					transform, err := Compile(steps(t, step, "resize: {height: 4, width: 5}"), in, Options{})
					if err != nil {
						continue // a crop that is larger
					}
					for i := range 20 {
						apply(t, transform, synthetic(size).Pixels, Key{Index: i}, size)
					}
				}
			}
		}
	}
}

func TestTinyBatches(t *testing.T) {
	for _, size := range []picture.Size{{Height: 1, Width: 1, Channels: 1}, {Height: 1, Width: 7, Channels: 3}} {
		for n := range 5 {
			for _, mode := range []string{"batch", "pair", "elem"} {
				mixer := compile(t, size, steps(t, "mix: {mode: "+mode+"}")...).Mixer()
				for place := range uint64(20) {
					before := shaded(size, n)
					images := bytes.Clone(before)
					mixed := mixer.Apply(images, n, size, NewStream(1, PurposeMix, 0, place))
					if len(mixed) != n {
						t.Fatalf("%d of %d pictures are mixed", len(mixed), n)
					}
					for i, m := range mixed {
						if !(m.Share >= 0 && m.Share <= 1) || m.Share < 1 && m.Partner != n-1-i {
							t.Errorf("%+v of %d pictures of %v", m, n, size)
						}
						bytesOf := func(b []byte) []byte { return b[i*size.Bytes() : (i+1)*size.Bytes()] }
						if m.Share == 1 && !bytes.Equal(bytesOf(images), bytesOf(before)) {
							t.Errorf("a picture that is all its own has changed")
						}
					}
				}
			}
		}
	}
}
