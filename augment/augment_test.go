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
	transform, err := Compile(steps, in)
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

// apply writes into memory full of rubbish, as recycled buffers are.
func apply(transform *Transform, src []byte, key Key) []byte {
	dst := bytes.Repeat([]byte{0xee}, transform.OutputSize().Bytes())
	transform.Apply(dst, src, key, transform.Scratch())
	return dst
}

func TestShift(t *testing.T) {
	grey := picture.Size{2, 3, 1}
	for _, c := range []struct {
		down, right int
		want        []byte
	}{
		{0, 0, []byte{1, 2, 3, 4, 5, 6}},
		{1, 0, []byte{4, 5, 6, 0, 0, 0}},
		{-1, 0, []byte{0, 0, 0, 1, 2, 3}},
		{0, 1, []byte{2, 3, 0, 5, 6, 0}},
		{0, -2, []byte{0, 0, 1, 0, 0, 4}},
		{1, -1, []byte{0, 4, 5, 0, 0, 0}},
	} {
		got := bytes.Repeat([]byte{0xee}, 6)
		shift(got, numbered(grey), grey, c.down, c.right)
		if !slices.Equal(got, c.want) {
			t.Errorf("shift by %d, %d: %v, want %v", c.down, c.right, got, c.want)
		}
	}
	colour := picture.Size{2, 2, 3}
	got := bytes.Repeat([]byte{0xee}, 12)
	shift(got, numbered(colour), colour, -1, 1)
	if want := []byte{0, 0, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("shift of colours: %v, want %v", got, want)
	}
}

func TestFlipMirrorsPixels(t *testing.T) {
	for _, c := range []struct {
		size picture.Size
		want []byte
	}{
		{picture.Size{2, 3, 1}, []byte{3, 2, 1, 6, 5, 4}},
		{picture.Size{1, 3, 3}, []byte{7, 8, 9, 4, 5, 6, 1, 2, 3}},
		{picture.Size{2, 1, 2}, []byte{1, 2, 3, 4}},
	} {
		if got := apply(compile(t, c.size, flip(1)), numbered(c.size), Key{}); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.size, got, c.want)
		}
	}
}

func TestNoStepsCopy(t *testing.T) {
	size := picture.Size{3, 4, 2}
	for name, transform := range map[string]*Transform{
		"none":          compile(t, size),
		"crop 0":        compile(t, size, crop(0)),
		"flip 0":        compile(t, size, flip(0)),
		"flip twice":    compile(t, size, flip(1), flip(1)),
		"four steps":    compile(t, size, flip(1), crop(0), flip(0), flip(1)),
		"five in a row": compile(t, size, flip(1), flip(1), crop(0), flip(1), flip(1)),
	} {
		src := numbered(size)
		if got := apply(transform, src, Key{1, 2, 3}); !slices.Equal(got, numbered(size)) {
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
	size := picture.Size{5, 6, 1}
	transform := compile(t, size, crop(2), flip(0.5))
	for _, c := range []struct {
		key         Key
		down, right int
		flipped     bool
	}{
		{Key{1, 0, 0}, 2, 0, false},
		{Key{1, 0, 1}, 0, 2, true},
		{Key{1, 1, 0}, -2, 1, false},
		{Key{2, 0, 0}, -2, 1, true},
	} {
		want := make([]byte, size.Bytes())
		shift(want, numbered(size), size, c.down, c.right)
		if c.flipped {
			mirrored := make([]byte, size.Bytes())
			mirror(mirrored, want, size)
			want = mirrored
		}
		if got := apply(transform, numbered(size), c.key); !slices.Equal(got, want) {
			t.Errorf("%+v:\n%v, want\n%v", c.key, got, want)
		}
	}
}

// Every place of the crop, flipped or not, must be about equally likely.
func TestCropAndFlipAreUniform(t *testing.T) {
	const images = 25000
	size := picture.Size{4, 4, 1}
	transform := compile(t, size, crop(2), flip(0.5))
	counts := map[string]int{}
	scratch, src, dst := transform.Scratch(), numbered(size), make([]byte, size.Bytes())
	for i := range images {
		transform.Apply(dst, src, Key{Seed: 5, Epoch: 1, Index: i}, scratch)
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
	size := picture.Size{1, 2, 1}
	transform := compile(t, size, flip(0.2))
	flipped := 0.0
	for i := range images {
		if apply(transform, []byte{1, 2}, Key{Index: i})[0] == 2 {
			flipped++
		}
	}
	if share := flipped / images; math.Abs(share-0.2) > 4*math.Sqrt(0.2*0.8/images) {
		t.Errorf("flipped a share of %v, want 0.2", share)
	}
}

func TestCompileErrors(t *testing.T) {
	size := picture.Size{28, 20, 1}
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
		{"resize", recipe.Step{Resize: &recipe.Resize{Size: 8}}, "step 2 (resize): this version supports random_crop and horizontal_flip on idx data"},
		{"center_crop", recipe.Step{CenterCrop: &recipe.CenterCrop{Size: 8}}, "step 2 (center_crop): this version supports"},
		{"random_resized_crop", recipe.Step{RandomResizedCrop: &recipe.RandomResizedCrop{Size: 8}}, "step 2 (random_resized_crop): this version supports"},
	} {
		_, err := Compile([]recipe.Step{flip(1), c.step}, size)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Compile(nil, picture.Size{0, 4, 1}); err == nil {
		t.Error("images without rows were accepted")
	}
	if _, err := Compile([]recipe.Step{crop(19)}, size); err != nil {
		t.Errorf("the widest padding allowed: %v", err)
	}
}

func BenchmarkCropAndFlip(b *testing.B) {
	size := picture.Size{28, 28, 1}
	transform := compile(b, size, crop(2), flip(0.5))
	scratch, src, dst := transform.Scratch(), numbered(size), make([]byte, size.Bytes())
	b.SetBytes(int64(size.Bytes()))
	b.ReportAllocs()
	for i := range b.N {
		transform.Apply(dst, src, Key{Index: i}, scratch)
	}
}
