package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"cone/augment"
	"cone/codec"
	"cone/picture"
	"cone/recipe"
)

// files is a Source of encoded pictures in memory. Broken ones are not
// pictures, and unreadable ones cannot even be read.
type files struct {
	contents   [][]byte
	labels     []int
	names      []string
	unreadable map[int]bool
}

func (f *files) Len() int           { return len(f.contents) }
func (f *files) Classes() []string  { return f.names }
func (f *files) Label(i int) int    { return f.labels[i] }
func (f *files) Name(i int) string  { return fmt.Sprintf("file-%d.png", i) }
func (f *files) Size() picture.Size { return picture.Size{} }
func (f *files) Close() error       { return nil }
func (f *files) Read(i int, buffer *[]byte) ([]byte, error) {
	if f.unreadable[i] {
		return nil, fmt.Errorf("%s cannot be read", f.Name(i))
	}
	*buffer = append((*buffer)[:0], f.contents[i]...)
	return *buffer, nil
}

// shade is the grey of picture i.
func shade(i int) uint8 { return uint8(1 + i%250) }

// pngs makes n pictures of various sizes, each of one shade, in two classes.
func pngs(t testing.TB, n int, broken ...int) *files {
	t.Helper()
	f := &files{names: []string{"even", "odd"}, unreadable: map[int]bool{}}
	for i := range n {
		im := image.NewGray(image.Rect(0, 0, 8+i%5, 9+i%3))
		for p := range im.Pix {
			im.Pix[p] = shade(i)
		}
		var out bytes.Buffer
		if err := png.Encode(&out, im); err != nil {
			t.Fatal(err)
		}
		f.contents, f.labels = append(f.contents, out.Bytes()), append(f.labels, i%2)
	}
	for _, i := range broken {
		f.contents[i] = f.contents[i][:len(f.contents[i])/2]
	}
	return f
}

var toSix = []recipe.Step{
	{Resize: &recipe.Resize{Size: 7, Interpolation: "bilinear"}},
	{CenterCrop: &recipe.CenterCrop{Size: 6}},
}

var cropToSix = []recipe.Step{
	{RandomResizedCrop: &recipe.RandomResizedCrop{Size: 6, Scale: []float64{0.3, 1}, Ratio: []float64{0.75, 1.33}, Interpolation: "bilinear"}},
	{HorizontalFlip: &recipe.HorizontalFlip{Probability: 0.5}},
}

func TestLoaderDecodesFiles(t *testing.T) {
	f := pngs(t, 30)
	for _, cache := range []int64{0, 1 << 20} {
		l := open(t, f, Options{Batch: 4, Augment: toSix, Exact: true, CacheBytes: cache})
		if l.Cached() != (cache > 0) {
			t.Fatalf("cached: %v with %d bytes", l.Cached(), cache)
		}
		for range 2 { // the second time from the cache
			got := read(t, l, 0, 0)
			for i, at := range slices.Concat(got.indices...) {
				pixels := slices.Concat(got.images...)[i*108 : i*108+108]
				if int(at) != i || slices.Min(pixels) != shade(i) || slices.Max(pixels) != shade(i) {
					t.Fatalf("picture %d: index %d, pixels %d…%d", i, at, slices.Min(pixels), slices.Max(pixels))
				}
			}
		}
	}
}

// Neither workers nor the cache nor where an epoch is taken up change a batch.
func TestLoaderOfFilesIsDeterministic(t *testing.T) {
	f := pngs(t, 300, 17, 150)
	options := Options{Batch: 16, Seed: 5, Augment: cropToSix, OnError: Substitute, Exact: true, Workers: 1, DropLast: true}
	want := read(t, open(t, f, options), 2, 0)
	for _, workers := range []int{1, 2, 5} {
		for _, cache := range []int64{0, 1 << 20} {
			options.Workers, options.CacheBytes = workers, cache
			for _, start := range []int{0, 7} {
				l := open(t, f, options)
				rest := epoch{want.images[start:], want.labels[start:], want.indices[start:]}
				if !equal(read(t, l, 2, start), rest) {
					t.Errorf("%d workers, %d bytes of cache, from batch %d: the epoch differs", workers, cache, start)
				}
			}
		}
	}
}

func TestCacheKeepsToItsMemory(t *testing.T) {
	f := pngs(t, 300) // about 300 × 10×10×3 bytes
	if l := open(t, f, Options{Batch: 4, Augment: toSix, CacheBytes: 50_000}); l.Cached() {
		t.Error("100 kB of pictures are to be cached in 50 kB")
	}
	// Beyond the bytes, nothing is kept.
	c := newCache(f, codec.Options{}, 200_000)
	if c == nil {
		t.Fatal("100 kB of pictures are not to be cached in 200 kB")
	}
	kept := 0
	for i := range 300 {
		im := &picture.Image{}
		im.Reset(picture.Size{Height: 100, Width: 10, Channels: 3})
		c.put(i, im)
		if c.get(i) == im {
			kept += len(im.Pixels)
		}
	}
	if kept < 190_000 || kept > 200_000 {
		t.Errorf("%d bytes are kept", kept)
	}
	// A picture that does not fit takes no room from smaller ones.
	small := &picture.Image{}
	small.Reset(picture.Size{Height: 10, Width: 10, Channels: 3})
	if c.put(299, small); c.get(299) != small {
		t.Error("a small picture is not kept though there is room")
	}
}

func TestSubstitute(t *testing.T) {
	f := pngs(t, 400, 10, 12, 399)
	l := open(t, f, Options{Batch: 8, Seed: 3, Augment: toSix, OnError: Substitute, DropLast: true})
	seen := map[int64]int{}
	for number := range 3 {
		got := read(t, l, number, 0)
		images := slices.Concat(got.images...)
		labels := slices.Concat(got.labels...)
		for i, at := range slices.Concat(got.indices...) {
			seen[at]++
			if images[i*108] != shade(int(at)) || labels[i] != at%2 {
				t.Fatalf("index %d has the pixels %d and label %d", at, images[i*108], labels[i])
			}
		}
	}
	// 10 → 14 (12 is broken too), 12 → 14, 399 → 1, in each of the epochs.
	for at, want := range map[int64]int{10: 0, 12: 0, 399: 0, 14: 9, 1: 6, 16: 3} {
		if seen[at] != want {
			t.Errorf("picture %d came %d times, want %d", at, seen[at], want)
		}
	}
	lost := l.Lost()
	if len(lost) != 3 || lost[0].Index != 10 || lost[2].Index != 399 || !strings.HasPrefix(lost[0].Reason, "file-10.png ") {
		t.Errorf("lost: %+v", lost)
	}
}

func TestLeaveOut(t *testing.T) {
	f := pngs(t, 300, 0, 9)
	f.unreadable[299] = true
	for _, batch := range []int{1, 4, 7, 300} {
		l := open(t, f, Options{Batch: batch, Augment: toSix, OnError: LeaveOut, Workers: 2})
		got := read(t, l, 0, 0)
		indices := slices.Concat(got.indices...)
		var want []int64
		for i := range int64(299) {
			if i != 0 && i != 9 {
				want = append(want, i)
			}
		}
		if !slices.Equal(indices, want) || len(l.Lost()) != 3 {
			t.Fatalf("batch %d: %d images, lost %+v", batch, len(indices), l.Lost())
		}
		for i, at := range indices {
			if p := slices.Concat(got.images...)[i*108]; p != shade(int(at)) {
				t.Fatalf("batch %d: picture %d has the pixels %d", batch, at, p)
			}
		}
	}
}

func TestFailAndTooManyLost(t *testing.T) {
	next := func(f *files, policy Policy) error {
		l := open(t, f, Options{Batch: 50, Augment: toSix, OnError: policy, Workers: 1})
		e, err := l.Epoch(context.Background(), 0, 0)
		for err == nil {
			_, err = e.Next()
		}
		if err == io.EOF {
			return nil
		}
		return err
	}
	if err := next(pngs(t, 200, 33), Fail); err == nil || !strings.Contains(err.Error(), "file-33.png ") || !strings.Contains(err.Error(), "data.on_error") {
		t.Errorf("policy fail: %v", err)
	}
	if err := next(pngs(t, 200, 33, 34), LeaveOut); err != nil {
		t.Errorf("1 %% lost: %v", err)
	}
	err := next(pngs(t, 200, 33, 34, 35), LeaveOut)
	var tooMany *TooManyLost
	if !errors.As(err, &tooMany) || len(tooMany.Lost) != 3 || !strings.Contains(err.Error(), "file-34.png") {
		t.Errorf("1.5 %% lost: %v", err)
	}
	// A class without any good picture ends the search for a substitute.
	f := pngs(t, 1000)
	for i := range f.labels {
		f.labels[i] = 0
	}
	f.labels[5], f.contents[5] = 1, nil
	if err := next(f, Substitute); err == nil || !strings.Contains(err.Error(), "no image of class odd") {
		t.Errorf("no substitute: %v", err)
	}
}

// The ranks' parts of a batch are the batch, in training and evaluation.
func TestRanksShareBatches(t *testing.T) {
	f := pngs(t, 103)
	for _, options := range []Options{
		{Batch: 10, Seed: 6, Augment: cropToSix, DropLast: true},
		{Batch: 10, Augment: toSix},
	} {
		whole := read(t, open(t, f, options), 1, 0)
		for _, world := range []int{2, 3, 4} {
			images := make([][]uint8, len(whole.images))
			indices := make([][]int64, len(whole.images))
			for rank := range world {
				options.Rank, options.World = rank, world
				e, err := open(t, f, options).Epoch(context.Background(), 1, 0)
				if err != nil {
					t.Fatal(err)
				}
				for {
					b, err := e.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					if most := (options.Batch-1)/world + 1; b.N > most || b.N == 0 {
						t.Errorf("rank %d of %d has %d images of a batch of %d", rank, world, b.N, options.Batch)
					}
					images[b.Number] = append(images[b.Number], b.Images...)
					indices[b.Number] = append(indices[b.Number], b.Indices...)
				}
			}
			if !slices.EqualFunc(images, whole.images, slices.Equal) || !slices.EqualFunc(indices, whole.indices, slices.Equal) {
				t.Errorf("%d ranks see other batches than one", world)
			}
		}
	}
}

func TestViews(t *testing.T) {
	f := pngs(t, 40, 3)
	f.contents = append(f.contents, slices.Repeat(f.contents[39:], 200)...)
	f.labels = append(f.labels, make([]int, 200)...)
	// Pictures with a slope, so that crops differ.
	for i := range f.contents {
		if i != 3 {
			f.contents[i] = slope(t, i)
		}
	}
	l := open(t, f, Options{Batch: 6, Augment: cropToSix, Views: 2, OnError: LeaveOut})
	e, err := l.Epoch(context.Background(), 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	transform, err := augment.Compile(cropToSix, picture.Size{Channels: 3}, augment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	decoder := codec.NewDecoder(codec.Options{})
	defer decoder.Close()
	different := 0
	for range 3 {
		b, err := e.Next()
		if err != nil {
			t.Fatal(err)
		}
		if b.V != 2 || len(b.Images) != 2*b.N*108 {
			t.Fatalf("%d views, %d bytes for %d images", b.V, len(b.Images), b.N)
		}
		for v := range 2 {
			for i, index := range b.Indices {
				want := make([]uint8, 108)
				file, err := decoder.Open(f.contents[index])
				if err != nil {
					t.Fatal(err)
				}
				key := augment.Key{Epoch: 4, Index: int(index), View: v}
				if err := transform.Apply(want, file, key, transform.Scratch()); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(b.View(v)[i*108:i*108+108], want) {
					t.Errorf("view %d of image %d is not what its key says", v, index)
				}
			}
		}
		if !slices.Equal(b.View(0), b.View(1)) {
			different++
		}
	}
	if different != 3 {
		t.Errorf("the views of %d of 3 batches differ", different)
	}
}

func slope(t testing.TB, i int) []byte {
	t.Helper()
	im := image.NewRGBA(image.Rect(0, 0, 12, 11))
	for y := range 11 {
		for x := range 12 {
			im.Set(x, y, color.RGBA{uint8(20 * x), uint8(20 * y), uint8(i), 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, im); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestLoaderMixes(t *testing.T) {
	f := pngs(t, 64)
	steps := append(slices.Clone(toSix), recipe.Step{Mixup: &recipe.Mixup{Alpha: 1, Probability: 1}})
	l := open(t, f, Options{Batch: 8, Seed: 2, Augment: steps, DropLast: true})
	e, err := l.Epoch(context.Background(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		b, err := e.Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Partners) != b.N || len(b.Shares) != b.N {
			t.Fatalf("%d partners, %d shares for %d images", len(b.Partners), len(b.Shares), b.N)
		}
		for i := range b.N {
			// The default mode mixes with the batch in reverse.
			j := b.N - 1 - i
			share := float64(b.Shares[i])
			want := share*float64(shade(int(b.Indices[i]))) + (1-share)*float64(shade(int(b.Indices[j])))
			if got := float64(b.Images[i*108]); got < want-0.51 || got > want+0.51 || b.Partners[i] != b.Labels[j] {
				t.Errorf("image %d: %v, want %v; partner %d", i, got, want, b.Partners[i])
			}
		}
	}
	if _, err := NewLoader(f, Options{Batch: 8, Augment: steps, Views: 2}); err == nil || !strings.Contains(err.Error(), "one view") {
		t.Errorf("mixing two views: %v", err)
	}
}

// Large pictures wait for each other's memory, and small ones for nobody.
func TestLargePicturesWait(t *testing.T) {
	if done := admit(picture.Size{Height: 4096, Width: 4096, Channels: 3}); done != nil {
		t.Error("a picture of 16 megapixels waits")
	}
	big := picture.Size{Height: 9000, Width: 9000, Channels: 3} // 1.2 GB
	first := admit(big)
	second := make(chan func())
	go func() { second <- admit(big) }()
	select {
	case <-second:
		t.Fatal("two pictures of 81 megapixels are prepared at the same time")
	case <-time.After(50 * time.Millisecond):
	}
	first()
	(<-second)()
	// More than there is at all still goes through, alone.
	if done := admit(picture.Size{Height: 20_000, Width: 20_000, Channels: 3}); done == nil {
		t.Error("a picture of 400 megapixels does not wait")
	} else {
		done()
	}
}
