package data

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"cone/augment"
	"cone/codec"
	"cone/picture"
	"cone/recipe"
)

// Options say how a Loader cuts a collection into batches. Workers and
// Prefetch change speed and memory only, never what a batch holds.
type Options struct {
	// Batch is the number of images in a batch, over all ranks.
	Batch int
	// Seed starts the random streams of augmentation.
	Seed uint64
	// Sampler gives the order of an epoch; nil visits every image by index.
	Sampler *Sampler
	// Augment is applied to every image.
	Augment []recipe.Step
	// Exact decodes at full size whatever the augmentation needs.
	Exact bool
	// Views is how many times every image of a batch appears in it, augmented
	// differently each time; 0 means 1.
	Views int
	// Codec says how files become pictures.
	Codec codec.Options
	// OnError is what becomes of a picture that cannot be decoded: Fail ends
	// the epoch, Substitute takes another of its class in its place, LeaveOut
	// makes its batch smaller.
	OnError Policy
	// OnLost is told of every picture that cannot be decoded, from many
	// goroutines, instead of Lost; then any number of them may be lost. It
	// is called before the batch is handed out.
	OnLost func(index int, reason error)
	// CacheBytes bounds the memory for decoded pictures; 0 keeps none.
	CacheBytes int64
	// Workers is the number of goroutines that prepare images; 0 means GOMAXPROCS.
	Workers int
	// Prefetch is the number of batches prepared ahead of the one handed out;
	// 0 means 2. Each batch is shared out among all workers, so more than a
	// few only help against uneven steps.
	Prefetch int
	// DropLast leaves out the last, incomplete batch of an epoch, as training
	// does; without it every image is counted once, as in evaluation.
	DropLast bool
	// Rank is this process among World of them, each of which gets an equal
	// part of every batch, without padding; a World of 0 means 1.
	Rank, World int
	// Parts is into how many equal parts each rank's share of a batch will be
	// cut, one after the other; 0 means 1. It changes what ranks share, so that
	// their k-th parts are together what one process has for its k-th part.
	Parts int
}

// Policy is what becomes of pictures that cannot be decoded.
type Policy int

const (
	Fail Policy = iota
	Substitute
	LeaveOut
)

// maxWorkers and maxPrefetch keep a mistyped number from taking all memory.
const (
	maxWorkers  = 1024
	maxPrefetch = 1024
)

// errClosed is what an iterator returns once its loader is closed.
var errClosed = errors.New("the data loader is closed")

// Loader prepares the batches of a collection on goroutines of its own, ahead
// of the training step. Close it to end them.
//
// At most Prefetch batches wait at a time, beside those the caller holds; the
// memory of released batches is used again.
type Loader struct {
	source    Source
	options   Options
	visits    int // of an epoch, over all ranks
	transform *augment.Transform
	mixer     *augment.Mixer
	cache     *cache // nil without one
	lost      lost
	finish    Finish // nil for nothing

	spans   chan span     // work; the workers never block on anything else
	free    chan *buffers // released memory
	quit    chan struct{} // closed by Close
	closing sync.Once
	workers sync.WaitGroup
	waited  atomic.Int64 // nanoseconds
}

// NewLoader checks the options against the collection and starts the workers.
// The collection stays the caller's to close, after the loader.
func NewLoader(s Source, o Options) (*Loader, error) {
	if err := o.complete(s); err != nil {
		return nil, err
	}
	in := s.Size()
	in.Channels = Channels(s)
	transform, err := augment.Compile(o.Augment, in, augment.Options{Exact: o.Exact})
	if err != nil {
		return nil, err
	}
	l := &Loader{source: s, options: o, visits: s.Len(), transform: transform, mixer: transform.Mixer(), quit: make(chan struct{})}
	if l.mixer != nil && o.Views > 1 {
		return nil, errors.New("mixing pictures works with one view of each, but the method asks for more; remove mixup and cutmix from augment")
	}
	if err := l.options.checkShares(l.mixer != nil); err != nil {
		return nil, err
	}
	if o.Sampler != nil {
		l.visits = o.Sampler.Len()
	}
	if o.DropLast && l.visits < o.Batch {
		return nil, fmt.Errorf("a batch of %d images cannot be filled from %d; use a batch of at most %d", o.Batch, l.visits, l.visits)
	}
	l.options.Batch = min(o.Batch, l.visits)
	l.lost.init(s)
	if !s.Size().Known() && o.CacheBytes > 0 {
		l.cache = newCache(s, o.Codec, o.CacheBytes)
	}
	l.options.Prefetch = min(o.Prefetch, l.BatchesPerEpoch())
	// Room for all spans of an epoch's prefetch, so that handing out work does
	// not hold up the training step.
	l.spans = make(chan span, l.options.Prefetch*o.Workers)
	l.free = make(chan *buffers, l.options.Prefetch+1)
	for range o.Workers {
		l.workers.Go(newWorker(l).run)
	}
	return l, nil
}

// complete checks the options and fills in what they leave open.
func (o *Options) complete(s Source) error {
	if checked, ok := s.(interface{ check() error }); ok {
		if err := checked.check(); err != nil {
			return err
		}
	}
	if o.World == 0 {
		o.World = 1
	}
	o.Views = max(o.Views, 1)
	switch {
	case s.Len() == 0:
		return errors.New("the data has no images")
	case o.Batch < 1:
		return fmt.Errorf("the batch is %d images; it must be at least 1", o.Batch)
	case o.DropLast && o.Batch < o.World:
		return fmt.Errorf("a batch of %d images cannot be shared by %d processes; use a larger batch", o.Batch, o.World)
	case o.Rank < 0 || o.Rank >= o.World:
		return fmt.Errorf("rank %d is none of %d processes", o.Rank, o.World)
	case o.Workers < 0 || o.Workers > maxWorkers:
		return fmt.Errorf("%d workers were asked for; use 1 to %d, or 0 for one per core", o.Workers, maxWorkers)
	case o.Prefetch < 0 || o.Prefetch > maxPrefetch:
		return fmt.Errorf("prefetch is %d batches; use 1 to %d, or 0 for the default", o.Prefetch, maxPrefetch)
	}
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	if o.Prefetch == 0 {
		o.Prefetch = 2
	}
	return nil
}

// BatchesPerEpoch is the number of batches an epoch has, with the last,
// incomplete one unless DropLast is set.
func (l *Loader) BatchesPerEpoch() int {
	if l.options.DropLast {
		return l.visits / l.options.Batch
	}
	return (l.visits-1)/l.options.Batch + 1
}

// ImageSize is the shape H×W×C of the images in batches, after augmentation.
func (l *Loader) ImageSize() picture.Size { return l.transform.OutputSize() }

// Wait is the total time that Next has spent waiting for a batch that was not
// ready, over the life of the loader. Its growth, divided by the time passed,
// is the share of time that the data held up the training.
func (l *Loader) Wait() time.Duration { return time.Duration(l.waited.Load()) }

// Lost lists the pictures that could not be decoded so far.
func (l *Loader) Lost() []Lost { return l.lost.list() }

// Recall adds pictures that an earlier part of a run could not decode to those
// that Lost lists.
func (l *Loader) Recall(met []Lost) { l.lost.recall(met) }

// Cached says whether decoded pictures are kept in memory.
func (l *Loader) Cached() bool { return l.cache != nil }

// Close ends the workers and returns when they are gone. Batches handed out
// stay valid; iterators end with an error.
func (l *Loader) Close() error {
	l.closing.Do(func() { close(l.quit) })
	l.workers.Wait()
	return nil
}

// capacity is the largest share of a batch.
func (l *Loader) capacity() int { return (l.options.Batch-1)/l.options.World + 1 }

// take returns released memory, or new memory if there is none.
func (l *Loader) take() *buffers {
	select {
	case b := <-l.free:
		return b
	default:
		n := l.capacity()
		return &buffers{
			images:   make([]uint8, l.options.Views*n*l.transform.OutputSize().Bytes()),
			labels:   make([]int64, n),
			indices:  make([]int64, n),
			partners: make([]int64, n),
			shares:   make([]float32, n),
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
