package augment

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"cone/picture"
	"cone/recipe"
)

func crop(padding int) recipe.Step {
	return recipe.Step{RandomCrop: &recipe.RandomCrop{Padding: padding}}
}

func flip(probability float64) recipe.Step {
	return recipe.Step{HorizontalFlip: &recipe.HorizontalFlip{Probability: probability}}
}

func compile(t testing.TB, in picture.Size, steps ...recipe.Step) *Transform {
	t.Helper()
	transform, err := Compile(steps, in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return transform
}

// numbered is an image whose bytes are 1, 2, 3, …, so that none is black.
func numbered(size picture.Size) []byte {
	image := make([]byte, size.Bytes())
	for i := range image {
		image[i] = byte(i%255 + 1)
	}
	return image
}

// apply writes into memory full of rubbish, as recycled buffers are. Where the
// transform takes various sizes, the picture's is given.
func apply(t testing.TB, transform *Transform, src []byte, key Key, size ...picture.Size) []byte {
	t.Helper()
	dst := bytes.Repeat([]byte{0xee}, transform.OutputSize().Bytes())
	of := append(size, transform.in)[0]
	if err := transform.Apply(dst, &picture.Image{Size: of, Pixels: src}, key, transform.Scratch()); err != nil {
		t.Fatal(err)
	}
	return dst
}

func TestFlipMirrorsPixels(t *testing.T) {
	for _, c := range []struct {
		size picture.Size
		want []byte
	}{
		{picture.Size{Height: 2, Width: 3, Channels: 1}, []byte{3, 2, 1, 6, 5, 4}},
		{picture.Size{Height: 1, Width: 3, Channels: 3}, []byte{7, 8, 9, 4, 5, 6, 1, 2, 3}},
		{picture.Size{Height: 2, Width: 1, Channels: 2}, []byte{1, 2, 3, 4}},
	} {
		if got := apply(t, compile(t, c.size, flip(1)), numbered(c.size), Key{}); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.size, got, c.want)
		}
	}
}

func TestNoStepsCopy(t *testing.T) {
	size := picture.Size{Height: 3, Width: 4, Channels: 2}
	for name, transform := range map[string]*Transform{
		"none":          compile(t, size),
		"crop 0":        compile(t, size, crop(0)),
		"flip 0":        compile(t, size, flip(0)),
		"flip twice":    compile(t, size, flip(1), flip(1)),
		"four steps":    compile(t, size, flip(1), crop(0), flip(0), flip(1)),
		"five in a row": compile(t, size, flip(1), flip(1), crop(0), flip(1), flip(1)),
	} {
		src := numbered(size)
		if got := apply(t, transform, src, Key{Seed: 1, Epoch: 2, Index: 3}); !slices.Equal(got, numbered(size)) {
			t.Errorf("%s: %v", name, got)
		}
		if !slices.Equal(src, numbered(size)) {
			t.Errorf("%s changed its source", name)
		}
	}
}

// The shifts and flips come from a second implementation, in Python, of the
// documented streams: the crop draws its row, then its column, then the flip.
func TestKnownAnswers(t *testing.T) {
	size := picture.Size{Height: 5, Width: 6, Channels: 1}
	transform := compile(t, size, crop(2), flip(0.5))
	for _, c := range []struct {
		key         Key
		down, right int
		flipped     bool
	}{
		{Key{Seed: 1, Epoch: 0, Index: 0}, 2, 0, false},
		{Key{Seed: 1, Epoch: 0, Index: 1}, 0, 2, true},
		{Key{Seed: 1, Epoch: 1, Index: 0}, -2, 1, false},
		{Key{Seed: 2, Epoch: 0, Index: 0}, -2, 1, true},
	} {
		var shifted picture.Image
		picture.Crop(&shifted, &picture.Image{Size: size, Pixels: numbered(size)},
			picture.Rect{Top: c.down, Left: c.right, Height: size.Height, Width: size.Width})
		if c.flipped {
			picture.Flip(&shifted)
		}
		want := shifted.Pixels
		if got := apply(t, transform, numbered(size), c.key); !slices.Equal(got, want) {
			t.Errorf("%+v:\n%v, want\n%v", c.key, got, want)
		}
	}
}

// Every place of the crop, flipped or not, must be about equally likely.
func TestCropAndFlipAreUniform(t *testing.T) {
	const images = 25000
	size := picture.Size{Height: 4, Width: 4, Channels: 1}
	transform := compile(t, size, crop(2), flip(0.5))
	counts := map[string]int{}
	scratch, src, dst := transform.Scratch(), &picture.Image{Size: size, Pixels: numbered(size)}, make([]byte, size.Bytes())
	for i := range images {
		if err := transform.Apply(dst, src, Key{Seed: 5, Epoch: 1, Index: i}, scratch); err != nil {
			t.Fatal(err)
		}
		counts[string(dst)]++
	}
	if len(counts) != 50 {
		t.Fatalf("%d different pictures, want 5 × 5 places × 2", len(counts))
	}
	chi := 0.0
	for _, n := range counts {
		chi += math.Pow(float64(n)-images/50, 2) / (images / 50)
	}
	if chi > 85.4 { // 49 degrees of freedom, 0.1 %
		t.Errorf("chi-squared is %.1f", chi)
	}
}

func TestFlipProbability(t *testing.T) {
	const images = 20000
	size := picture.Size{Height: 1, Width: 2, Channels: 1}
	transform := compile(t, size, flip(0.2))
	flipped := 0.0
	for i := range images {
		if apply(t, transform, []byte{1, 2}, Key{Index: i})[0] == 2 {
			flipped++
		}
	}
	if share := flipped / images; math.Abs(share-0.2) > 4*math.Sqrt(0.2*0.8/images) {
		t.Errorf("flipped a share of %v, want 0.2", share)
	}
}

func TestCompileErrors(t *testing.T) {
	size := picture.Size{Height: 28, Width: 20, Channels: 1}
	both := crop(1)
	both.HorizontalFlip = &recipe.HorizontalFlip{Probability: 0.5}
	for _, c := range []struct {
		name string
		step recipe.Step
		want string
	}{
		{"empty", recipe.Step{}, "step 2: the step is empty"},
		{"two", both, "more than one operation"},
		{"negative padding", crop(-1), "step 2 (random_crop): padding is -1"},
		{"wide padding", crop(20), "padding 20 could crop the picture away; images of 28×20 allow at most 19"},
		{"huge padding", crop(math.MaxInt), "could crop the picture away"},
		{"probability above", flip(1.01), "probability is 1.01"},
		{"probability below", flip(-0.1), "between 0 and 1"},
		{"probability NaN", flip(math.NaN()), "probability is NaN"},
		{"no side", recipe.Step{Resize: &recipe.Resize{}}, "step 2 (resize): size is 0"},
		{"wide side", recipe.Step{CenterCrop: &recipe.CenterCrop{Size: 1 << 20}}, "step 2 (center_crop): size is 1048576"},
		{"scale", recipe.Step{RandomResizedCrop: &recipe.RandomResizedCrop{Size: 8, Scale: []float64{1, 0.5}, Ratio: []float64{1, 1}}}, "scale is [1 0.5]"},
	} {
		_, err := Compile([]recipe.Step{flip(1), c.step}, size, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	twoChannels := picture.Size{Height: 8, Width: 8, Channels: 2}
	_, err := Compile([]recipe.Step{{TrivialAugmentWide: &recipe.TrivialAugmentWide{Fill: []int{1, 2, 3}}}}, twoChannels, Options{})
	if err == nil || !strings.Contains(err.Error(), "1 or 3 channels, and these have 2") {
		t.Errorf("two channels: %v", err)
	}
	if _, err := Compile(nil, picture.Size{Height: 0, Width: 4, Channels: 1}, Options{}); err == nil {
		t.Error("images without rows were accepted")
	}
	if _, err := Compile([]recipe.Step{crop(19)}, size, Options{}); err != nil {
		t.Errorf("the widest padding allowed: %v", err)
	}
}

func BenchmarkCropAndFlip(b *testing.B) {
	size := picture.Size{Height: 28, Width: 28, Channels: 1}
	transform := compile(b, size, crop(2), flip(0.5))
	scratch, src, dst := transform.Scratch(), &picture.Image{Size: size, Pixels: numbered(size)}, make([]byte, size.Bytes())
	b.SetBytes(int64(size.Bytes()))
	b.ReportAllocs()
	for i := range b.N {
		if err := transform.Apply(dst, src, Key{Index: i}, scratch); err != nil {
			b.Fatal(err)
		}
	}
}
