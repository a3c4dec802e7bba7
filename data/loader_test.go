package data

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cone/augment"
	"cone/picture"
	"cone/recipe"
)

// synthetic is a dataset of n images of 4×5×2 in three classes, each image different.
func synthetic(n int) *Dataset {
	d := &Dataset{Height: 4, Width: 5, Channels: 2, ClassNames: []string{"a", "b", "c"}}
	for i := range n {
		d.Labels = append(d.Labels, int64(i*i%3))
		for p := range d.Size().Bytes() {
			d.Pixels = append(d.Pixels, uint8(1+(i*31+p*7)%255))
		}
	}
	return d
}

var cropAndFlip = []recipe.Step{
	{RandomCrop: &recipe.RandomCrop{Padding: 2}},
	{HorizontalFlip: &recipe.HorizontalFlip{Probability: 0.5}},
}

// open shuffles when a seed is given.
func open(t testing.TB, d Source, o Options) *Loader {
	t.Helper()
	if o.Seed != 0 && o.Sampler == nil {
		var err error
		if o.Sampler, err = NewSampler(recipe.Sampling{Order: "shuffle"}, o.Seed, d, o.Batch); err != nil {
			t.Fatal(err)
		}
	}
	l, err := NewLoader(d, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// epoch is everything a loader hands out, one entry a batch.
type epoch struct {
	images          [][]uint8
	labels, indices [][]int64
}

func read(t testing.TB, l *Loader, number, startBatch int) (e epoch) {
	t.Helper()
	batches, err := l.Epoch(context.Background(), number, startBatch)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := batches.Next()
		if err == io.EOF {
			return e
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := b.N * b.H * b.W * b.C; len(b.Images) != n || len(b.Labels) != b.N || len(b.Indices) != b.N {
			t.Fatalf("%d×%d×%d×%d: %d bytes, %d labels, %d indices", b.N, b.H, b.W, b.C, len(b.Images), len(b.Labels), len(b.Indices))
		}
		e.images = append(e.images, slices.Clone(b.Images))
		e.labels = append(e.labels, slices.Clone(b.Labels))
		e.indices = append(e.indices, slices.Clone(b.Indices))
		b.Release()
	}
}

func equal(a, b epoch) bool {
	return slices.EqualFunc(a.images, b.images, slices.Equal) &&
		slices.EqualFunc(a.labels, b.labels, slices.Equal) && slices.EqualFunc(a.indices, b.indices, slices.Equal)
}

// Batches are what a plain loop over the documented functions gives.
func TestLoaderAgainstPlainLoop(t *testing.T) {
	d := synthetic(23)
	transform, err := augment.Compile(cropAndFlip, d.Size(), augment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, d, Options{Batch: 5, Seed: 9, Augment: cropAndFlip, Workers: 3})
	got := read(t, l, 4, 0)
	order := Order(9, 4, 23)
	var want epoch
	for chunk := range slices.Chunk(order, 5) {
		var images []uint8
		var labels, indices []int64
		for _, index := range chunk {
			image := make([]uint8, transform.OutputSize().Bytes())
			raw := &picture.Image{Size: d.Size(), Pixels: d.Image(index)}
			if err := transform.Apply(image, raw, augment.Key{Seed: 9, Epoch: 4, Index: index}, transform.Scratch()); err != nil {
				t.Fatal(err)
			}
			images, labels, indices = append(images, image...), append(labels, d.Labels[index]), append(indices, int64(index))
		}
		want.images, want.labels, want.indices = append(want.images, images), append(want.labels, labels), append(want.indices, indices)
	}
	if !equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLoaderWithoutShuffleKeepsImages(t *testing.T) {
	d := synthetic(10)
	got := read(t, open(t, d, Options{Batch: 4}), 3, 0)
	if !slices.Equal(slices.Concat(got.images...), d.Pixels) || !slices.Equal(slices.Concat(got.labels...), d.Labels) {
		t.Error("images or labels changed")
	}
}

func TestLoaderIsDeterministic(t *testing.T) {
	d := synthetic(203)
	options := Options{Batch: 16, Seed: 1, Augment: cropAndFlip, Workers: 1, Prefetch: 1}
	reference := open(t, d, options)
	want := []epoch{read(t, reference, 0, 0), read(t, reference, 1, 0)}
	if equal(want[0], want[1]) {
		t.Error("two epochs are equal")
	}
	for _, workers := range []int{0, 1, 2, 7, 40} {
		for _, prefetch := range []int{0, 1, 5, 100} {
			options.Workers, options.Prefetch = workers, prefetch
			l := open(t, d, options)
			// Epochs out of order: none depends on what was read before.
			for _, number := range []int{1, 0, 1} {
				if !equal(read(t, l, number, 0), want[number]) {
					t.Errorf("epoch %d differs with %d workers, prefetch %d", number, workers, prefetch)
				}
			}
		}
	}
	options.Seed, options.Sampler = 2, nil
	if equal(read(t, open(t, d, options), 0, 0), want[0]) {
		t.Error("two seeds give one epoch")
	}
}

func TestLoaderResumes(t *testing.T) {
	d := synthetic(50)
	options := Options{Batch: 8, Seed: 3, Augment: cropAndFlip}
	whole := read(t, open(t, d, options), 2, 0)
	l := open(t, d, options)
	for start := 0; start <= 7; start++ {
		want := epoch{whole.images[start:], whole.labels[start:], whole.indices[start:]}
		if got := read(t, l, 2, start); !equal(got, want) {
			t.Errorf("from batch %d: %v, want %v", start, got.indices, want.indices)
		}
	}
}

// The picture of an image does not depend on how batches are cut.
func TestBatchSizeChangesNoPicture(t *testing.T) {
	d := synthetic(30)
	pictures := func(batch int) []uint8 {
		return slices.Concat(read(t, open(t, d, Options{Batch: batch, Seed: 3, Augment: cropAndFlip}), 2, 0).images...)
	}
	if !slices.Equal(pictures(7), pictures(30)) {
		t.Error("pictures differ")
	}
}

func TestLastBatch(t *testing.T) {
	for _, c := range []struct {
		n, batch int
		drop     bool
		sizes    []int
	}{
		{10, 4, true, []int{4, 4}},
		{10, 4, false, []int{4, 4, 2}},
		{8, 4, true, []int{4, 4}},
		{8, 4, false, []int{4, 4}},
		{3, 3, true, []int{3}},
		{3, 100, false, []int{3}},
		{1, 1, false, []int{1}},
	} {
		l := open(t, synthetic(c.n), Options{Batch: c.batch, Seed: 4, DropLast: c.drop, Workers: 2})
		got := read(t, l, 0, 0)
		var sizes []int
		seen := map[int64]bool{}
		for _, indices := range got.indices {
			sizes = append(sizes, len(indices))
			for _, i := range indices {
				if seen[i] {
					t.Errorf("%+v: image %d comes twice", c, i)
				}
				seen[i] = true
			}
		}
		if !slices.Equal(sizes, c.sizes) || l.BatchesPerEpoch() != len(c.sizes) {
			t.Errorf("%+v: sizes %v, %d batches per epoch", c, sizes, l.BatchesPerEpoch())
		}
	}
}

func TestLoaderErrors(t *testing.T) {
	short, label := synthetic(4), synthetic(4)
	short.Pixels = short.Pixels[1:]
	label.Labels[2] = 3
	flat := synthetic(4)
	flat.Height = 0
	good := synthetic(4)
	for _, c := range []struct {
		data    *Dataset
		options Options
		want    string
	}{
		{&Dataset{}, Options{Batch: 1}, "no images"},
		{short, Options{Batch: 1}, "159 bytes of pixels, but 4 images of 4×5×2 need 160"},
		{label, Options{Batch: 1}, "label 3 of image 2"},
		{flat, Options{Batch: 1}, "0×5×2"},
		{good, Options{}, "the batch is 0 images"},
		{good, Options{Batch: 5, DropLast: true}, "a batch of 5 images cannot be filled from 4"},
		{good, Options{Batch: 1, Workers: -1}, "-1 workers"},
		{good, Options{Batch: 1, Workers: 1 << 40}, "workers were asked for; use 1 to 1024"},
		{good, Options{Batch: 1, Prefetch: -1}, "prefetch is -1"},
		{good, Options{Batch: 1, Prefetch: 1 << 40}, "batches; use 1 to 1024"},
		{good, Options{Batch: 1, Augment: []recipe.Step{{}}}, "step 1: the step is empty"},
	} {
		before := runtime.NumGoroutine()
		if _, err := NewLoader(c.data, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.options, err, c.want)
		}
		if runtime.NumGoroutine() != before {
			t.Errorf("%+v: workers were started", c.options)
		}
	}
	l := open(t, good, Options{Batch: 3})
	for _, at := range [][2]int{{-1, 0}, {0, -1}, {0, 3}} {
		if _, err := l.Epoch(context.Background(), at[0], at[1]); err == nil {
			t.Errorf("epoch %d, batch %d was accepted", at[0], at[1])
		}
	}
}

// synctest fails if Close leaves a goroutine behind.
func TestCloseEndsWorkers(t *testing.T) {
	for _, read := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			l, err := NewLoader(synthetic(100), Options{Batch: 10, Workers: 4, Prefetch: 3})
			if err != nil {
				t.Fatal(err)
			}
			e, err := l.Epoch(context.Background(), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			for range read {
				if _, err := e.Next(); err != nil {
					t.Fatal(err)
				}
			}
			l.Close()
			l.Close()
			if _, err := e.Next(); err != errClosed {
				t.Errorf("Next after Close: %v", err)
			}
			late, err := l.Epoch(context.Background(), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := late.Next(); err != errClosed {
				t.Errorf("a new epoch after Close: %v", err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	l := open(t, synthetic(100), Options{Batch: 10})
	ctx, cancel := context.WithCancel(context.Background())
	e, err := l.Epoch(ctx, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 2 {
		if _, err := e.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
	}
	if got := read(t, l, 0, 0); len(got.images) != 10 {
		t.Errorf("the next epoch has %d batches", len(got.images))
	}
}

// An epoch given up half way, or read beside another, disturbs no other.
func TestEpochsAreIndependent(t *testing.T) {
	l := open(t, synthetic(64), Options{Batch: 4, Seed: 8, Augment: cropAndFlip, Workers: 3, Prefetch: 4})
	want := read(t, l, 5, 0)
	for range 50 {
		e, err := l.Epoch(context.Background(), 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			b, err := e.Next()
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		if e.Close(); !equal(read(t, l, 5, 0), want) {
			t.Fatal("an abandoned epoch changed the next")
		}
		if _, err := e.Next(); err != io.EOF {
			t.Fatalf("Next after Close: %v", err)
		}
	}
}

// Workers skip what is left in the queue of an epoch that was given up.
func TestAbandonedWorkIsSkipped(t *testing.T) {
	l := open(t, synthetic(4), Options{Batch: 4})
	prepared := func(e *Epoch) bool {
		b := &pending{buffers: l.take(), share: l.share(0), epoch: e, size: 4, done: make(chan struct{})}
		b.unfinished.Store(1)
		newWorker(l).prepare(span{b, 0, 4})
		return b.images[0] != 0
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	closed := &Epoch{loader: l, ctx: context.Background()}
	closed.Close()
	if prepared(closed) || prepared(&Epoch{loader: l, ctx: ctx}) {
		t.Error("a batch nobody can get was prepared")
	}
	if !prepared(&Epoch{loader: l, ctx: context.Background()}) {
		t.Error("a batch was not prepared")
	}
}

func TestPanicBecomesAnError(t *testing.T) {
	d := synthetic(40)
	l := open(t, d, Options{Batch: 10, Workers: 2, Prefetch: 1})
	d.Pixels = slices.Clip(d.Pixels[:25*d.Size().Bytes()]) // batch 2 reads past the end
	e, err := l.Epoch(context.Background(), 6, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := e.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := e.Next(); err == nil || !strings.Contains(err.Error(), "batch 2 of epoch 6") || !strings.Contains(err.Error(), "out of range") {
			t.Fatalf("got %v", err)
		}
	}
	// The workers live on.
	e, err = l.Epoch(context.Background(), 7, 1)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := e.Next(); err != nil || b.Indices[0] != 10 {
		t.Errorf("after a panic: %v", err)
	}
}

func TestBatchMemory(t *testing.T) {
	l := open(t, synthetic(400), Options{Batch: 4, Workers: 2, Prefetch: 2})
	e, err := l.Epoch(context.Background(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	next := func() *Batch {
		b, err := e.Next()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// A batch that is held keeps its pixels while others come and go.
	held := next()
	kept := slices.Clone(held.Images)
	addresses := map[*uint8]bool{&held.Images[0]: true}
	for range 90 {
		b := next()
		addresses[&b.Images[0]] = true
		b.Release()
		b.Release()
		if b.Images != nil {
			t.Fatal("a released batch still has its images")
		}
	}
	if !slices.Equal(held.Images, kept) {
		t.Error("a held batch was overwritten")
	}
	if len(addresses) > 5 {
		t.Errorf("%d buffers were used for 2 batches ahead and 2 held", len(addresses))
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := NewLoader(synthetic(8), Options{Batch: 4, Workers: 1, Prefetch: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		e := &Epoch{loader: l, ctx: context.Background()}
		slow := &pending{buffers: l.take(), epoch: e, size: 4, done: make(chan struct{})}
		e.queue, e.next = []*pending{slow}, l.BatchesPerEpoch()
		go func() {
			time.Sleep(3 * time.Second)
			close(slow.done)
		}()
		if _, err := e.Next(); err != nil {
			t.Fatal(err)
		}
		if l.Wait() != 3*time.Second {
			t.Errorf("waited %v, want 3s", l.Wait())
		}
		// A batch that is ready costs no time.
		ready, err := l.Epoch(context.Background(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := ready.Next(); err != nil || l.Wait() != 3*time.Second {
			t.Errorf("waited %v, error %v", l.Wait(), err)
		}
	})
}

func BenchmarkEpoch(b *testing.B) {
	d := &Dataset{Height: 28, Width: 28, Channels: 1, ClassNames: []string{"a", "b"}, Labels: make([]int64, 10000), Pixels: make([]uint8, 10000*784)}
	l := open(b, d, Options{Batch: 128, Seed: 1, Augment: cropAndFlip, DropLast: true})
	b.SetBytes(int64(len(d.Pixels)))
	b.ReportAllocs()
	for i := range b.N {
		e, err := l.Epoch(context.Background(), i, 0)
		if err != nil {
			b.Fatal(err)
		}
		for {
			batch, err := e.Next()
			if err != nil {
				break
			}
			batch.Release()
		}
	}
}
