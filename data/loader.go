package data

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"cone/augment"
	"cone/picture"
	"cone/recipe"
)

// Options say how a Loader cuts a dataset into batches. Workers and Prefetch
// change speed and memory only, never what a batch holds.
type Options struct {
	// Batch is the number of images in a batch.
	Batch int
	// Seed starts the random streams of order and augmentation.
	Seed uint64
	// Shuffle visits the images in Order instead of by index.
	Shuffle bool
	// Augment is applied to every image.
	Augment []recipe.Step
	// Workers is the number of goroutines that prepare images; 0 means GOMAXPROCS.
	Workers int
	// Prefetch is the number of batches prepared ahead of the one handed out;
	// 0 means 2. Each batch is shared out among all workers, so more than a
	// few only help against uneven steps.
	Prefetch int
	// DropLast leaves out the last, incomplete batch of an epoch, as training
	// does; without it every image is counted once, as in evaluation.
	DropLast bool
}

// maxWorkers and maxPrefetch keep a mistyped number from taking all memory.
const (
	maxWorkers  = 1024
	maxPrefetch = 1024
)

// errClosed is what an iterator returns once its loader is closed.
var errClosed = errors.New("the data loader is closed")

// Loader prepares the batches of a dataset on goroutines of its own, ahead of
// the training step. Close it to end them.
//
// At most Prefetch batches wait at a time, beside those the caller holds; the
// memory of released batches is used again.
type Loader struct {
	data      *Dataset
	options   Options
	transform *augment.Transform

	spans   chan span     // work; the workers never block on anything else
	free    chan *buffers // released memory
	quit    chan struct{} // closed by Close
	closing sync.Once
	workers sync.WaitGroup
	waited  atomic.Int64 // nanoseconds
}

// buffers is the memory of one batch, at full batch size.
type buffers struct {
	images          []uint8
	labels, indices []int64
}

// span is a run of images of one batch, the work of one goroutine.
type span struct {
	batch    *pending
	from, to int // positions in the batch
}

// NewLoader checks the dataset and options and starts the workers.
func NewLoader(d *Dataset, o Options) (*Loader, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	switch n := d.Len(); {
	case o.Batch < 1:
		return nil, fmt.Errorf("the batch is %d images; it must be at least 1", o.Batch)
	case o.DropLast && o.Batch > n:
		return nil, fmt.Errorf("a batch of %d images cannot be filled from a dataset of %d; use a batch of at most %d", o.Batch, n, n)
	case o.Workers < 0 || o.Workers > maxWorkers:
		return nil, fmt.Errorf("%d workers were asked for; use 1 to %d, or 0 for one per core", o.Workers, maxWorkers)
	case o.Prefetch < 0 || o.Prefetch > maxPrefetch:
		return nil, fmt.Errorf("prefetch is %d batches; use 1 to %d, or 0 for the default", o.Prefetch, maxPrefetch)
	}
	transform, err := augment.Compile(o.Augment, d.Size())
	if err != nil {
		return nil, err
	}
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	if o.Prefetch == 0 {
		o.Prefetch = 2
	}
	o.Batch = min(o.Batch, d.Len())
	l := &Loader{data: d, options: o, transform: transform, quit: make(chan struct{})}
	l.options.Prefetch = min(o.Prefetch, l.BatchesPerEpoch())
	// Room for all spans of an epoch's prefetch, so that handing out work does
	// not hold up the training step.
	l.spans = make(chan span, l.options.Prefetch*o.Workers)
	l.free = make(chan *buffers, l.options.Prefetch+1)
	for range o.Workers {
		l.workers.Go(l.work)
	}
	return l, nil
}

// BatchesPerEpoch is the number of batches an epoch has, with the last,
// incomplete one unless DropLast is set.
func (l *Loader) BatchesPerEpoch() int {
	n, batch := l.data.Len(), l.options.Batch
	if l.options.DropLast {
		return n / batch
	}
	return (n-1)/batch + 1
}

// ImageSize is the shape H×W×C of the images in batches, after augmentation.
func (l *Loader) ImageSize() picture.Size { return l.transform.OutputSize() }

// Wait is the total time that Next has spent waiting for a batch that was not
// ready, over the life of the loader. Its growth, divided by the time passed,
// is the share of time that the data held up the training.
func (l *Loader) Wait() time.Duration { return time.Duration(l.waited.Load()) }

// Close ends the workers and returns when they are gone. Batches handed out
// stay valid; iterators end with an error.
func (l *Loader) Close() error {
	l.closing.Do(func() { close(l.quit) })
	l.workers.Wait()
	return nil
}

// work prepares spans until the loader closes.
func (l *Loader) work() {
	scratch := l.transform.Scratch()
	for {
		select {
		case <-l.quit:
			return
		case s := <-l.spans:
			l.prepare(s, scratch)
		}
	}
}

// prepare fills a span of a batch. A panic becomes the batch's error, with its
// stack, since nobody could recover it on a worker's goroutine.
func (l *Loader) prepare(s span, scratch *augment.Scratch) {
	b := s.batch
	defer func() {
		if fault := recover(); fault != nil {
			err := fmt.Errorf("internal fault while preparing batch %d of epoch %d: %v\n%s", b.number, b.epoch.number, fault, debug.Stack())
			b.fault.CompareAndSwap(nil, &err)
		}
		if b.unfinished.Add(-1) == 0 {
			close(b.done)
		}
	}()
	if b.epoch.abandoned() {
		return // nobody will ask for it
	}
	bytes, first := l.transform.OutputSize().Bytes(), b.number*l.options.Batch
	for i := s.from; i < s.to; i++ {
		index := b.epoch.index(first + i)
		key := augment.Key{Seed: l.options.Seed, Epoch: b.epoch.number, Index: index}
		l.transform.Apply(b.images[i*bytes:(i+1)*bytes], l.data.Image(index), key, scratch)
		b.labels[i] = l.data.Labels[index]
		b.indices[i] = int64(index)
	}
}

// take returns released memory, or new memory if there is none.
func (l *Loader) take() *buffers {
	select {
	case b := <-l.free:
		return b
	default:
		n := l.options.Batch
		return &buffers{
			images:  make([]uint8, n*l.transform.OutputSize().Bytes()),
			labels:  make([]int64, n),
			indices: make([]int64, n),
		}
	}
}

// give keeps memory for the next batch, or leaves it to the garbage collector
// if there is enough.
func (l *Loader) give(b *buffers) {
	select {
	case l.free <- b:
	default:
	}
}
