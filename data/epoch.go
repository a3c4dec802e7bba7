package data

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Batch is a set of prepared images. It belongs to the caller until Release.
type Batch struct {
	// N, H, W, C are the shape of Images.
	N, H, W, C int
	// Images has N×H×W×C entries.
	Images []uint8
	// Labels are the N classes.
	Labels []int64
	// Indices are the N places of the images in the dataset.
	Indices []int64

	loader *Loader
	memory *buffers
}

// Release hands the batch's memory back for use by a later batch; neither the
// batch nor slices of it may be used afterwards. Releasing twice does no harm,
// and a batch that is never released is only left to the garbage collector.
func (b *Batch) Release() {
	if b.memory == nil {
		return
	}
	b.loader.give(b.memory)
	b.memory, b.Images, b.Labels, b.Indices = nil, nil, nil, nil
}

// Epoch hands out the batches of one epoch in order. It serves one goroutine
// at a time.
type Epoch struct {
	loader *Loader
	ctx    context.Context
	number int
	order  []int      // nil when not shuffled
	queue  []*pending // being prepared, the next to hand out first
	next   int        // number of the next batch to queue
	closed atomic.Bool
	err    error // what ended the epoch
}

// pending is a batch in preparation.
type pending struct {
	*buffers
	epoch      *Epoch
	number     int // in the epoch, from 0
	size       int // images
	unfinished atomic.Int32
	fault      atomic.Pointer[error]
	done       chan struct{} // closed when every span is finished
}

// Epoch starts to prepare epoch number (from 0), beginning with its batch
// startBatch; the batches before it are skipped at no cost. startBatch may be
// BatchesPerEpoch: such an epoch is already at its end.
//
// When ctx ends, so does the epoch, with ctx's error.
func (l *Loader) Epoch(ctx context.Context, number, startBatch int) (*Epoch, error) {
	if number < 0 {
		return nil, fmt.Errorf("epoch %d does not exist; epochs count from 0", number)
	}
	if last := l.BatchesPerEpoch(); startBatch < 0 || startBatch > last {
		return nil, fmt.Errorf("cannot start at batch %d: an epoch has the batches 0 to %d; was the run begun with another batch size or dataset?", startBatch, last-1)
	}
	e := &Epoch{loader: l, ctx: ctx, number: number, next: startBatch}
	if l.options.Shuffle {
		e.order = Order(l.options.Seed, number, l.data.Len())
	}
	for range l.options.Prefetch {
		e.enqueue()
	}
	return e, nil
}

// Next returns the next batch, waiting for it if need be, and io.EOF after the
// last. Any error ends the epoch: later calls return it again.
func (e *Epoch) Next() (*Batch, error) {
	if e.err != nil {
		return nil, e.err
	}
	b, err := e.await()
	if err != nil {
		e.err = err
		e.Close()
		return nil, err
	}
	e.enqueue()
	size := e.loader.ImageSize()
	return &Batch{
		N: b.size, H: size.Height, W: size.Width, C: size.Channels,
		Images:  b.images[:b.size*size.Bytes()],
		Labels:  b.labels[:b.size],
		Indices: b.indices[:b.size],
		loader:  e.loader,
		memory:  b.buffers,
	}, nil
}

// Close gives up the rest of the epoch. It is not needed after an error of
// Next, io.EOF included.
func (e *Epoch) Close() {
	e.closed.Store(true)
	e.queue = nil
	if e.err == nil {
		e.err = io.EOF
	}
}

// await takes the next batch from the queue once it is complete.
func (e *Epoch) await() (*pending, error) {
	if err := context.Cause(e.ctx); err != nil {
		return nil, err
	}
	select {
	case <-e.loader.quit:
		return nil, errClosed
	default:
	}
	if len(e.queue) == 0 {
		return nil, io.EOF
	}
	b := e.queue[0]
	select {
	case <-b.done: // ready: no time to count
	default:
		start := time.Now()
		defer func() { e.loader.waited.Add(int64(time.Since(start))) }()
		select {
		case <-b.done:
		case <-e.ctx.Done():
			return nil, context.Cause(e.ctx)
		case <-e.loader.quit:
			return nil, errClosed
		}
	}
	e.queue = append(e.queue[:0], e.queue[1:]...)
	if fault := b.fault.Load(); fault != nil {
		return nil, *fault
	}
	return b, nil
}

// enqueue hands the epoch's next batch, if there is one, to the workers, in
// one span for each: that way the first batch of an epoch comes soonest.
func (e *Epoch) enqueue() {
	l := e.loader
	if e.next == l.BatchesPerEpoch() {
		return
	}
	b := &pending{
		buffers: l.take(), epoch: e, number: e.next,
		size: min(l.options.Batch, l.data.Len()-e.next*l.options.Batch),
		done: make(chan struct{}),
	}
	e.next++
	e.queue = append(e.queue, b)
	spans := min(l.options.Workers, b.size)
	b.unfinished.Store(int32(spans))
	for i := range spans {
		select {
		case l.spans <- span{b, i * b.size / spans, (i + 1) * b.size / spans}:
		case <-l.quit:
			return
		}
	}
}

// index returns the dataset index of the image at a position of the epoch.
func (e *Epoch) index(position int) int {
	if e.order == nil {
		return position
	}
	return e.order[position]
}

// abandoned reports whether no batch of the epoch will be handed out any more.
func (e *Epoch) abandoned() bool {
	return e.closed.Load() || e.ctx.Err() != nil
}
