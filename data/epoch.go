package data

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Epoch hands out the batches of one epoch in order. It serves one goroutine
// at a time.
type Epoch struct {
	loader *Loader
	ctx    context.Context
	number int
	visits []Visit    // nil when every image is visited by index
	queue  []*pending // being prepared, the next to hand out first
	next   int        // number of the next batch to queue
	closed atomic.Bool
	err    error // what ended the epoch
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
	if l.options.Sampler != nil {
		e.visits = l.options.Sampler.Visits(number)
	}
	for range l.options.Prefetch {
		e.enqueue()
	}
	return e, nil
}

// Next returns the next batch, waiting for it if need be, and io.EOF after the
// last. Any error ends the epoch: later calls return it again.
func (e *Epoch) Next() (*Batch, error) {
	for e.err == nil {
		b, err := e.await()
		if err != nil {
			e.err = err
			e.Close()
			break
		}
		e.enqueue()
		if b.size > 0 {
			return b.batch(), nil
		}
		// Every image of it is left out, or belongs to other ranks.
		e.loader.give(b.buffers)
	}
	return nil, e.err
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
	share := l.share(e.next)
	b := &pending{
		buffers: l.take(), share: share, epoch: e, number: e.next, size: share.size(),
		done: make(chan struct{}),
	}
	e.next++
	e.queue = append(e.queue, b)
	spans := min(l.options.Workers, b.size)
	if spans == 0 {
		close(b.done)
		return
	}
	b.unfinished.Store(int32(spans))
	// finish may shrink the batch before the last of its spans is handed out.
	size := b.size
	for i := range spans {
		select {
		case l.spans <- span{b, i * size / spans, (i + 1) * size / spans}:
		case <-l.quit:
			return
		}
	}
}

// visit returns what the epoch does at a position.
func (e *Epoch) visit(position int) Visit {
	if e.visits == nil {
		return Visit{Index: int32(position)}
	}
	return e.visits[position]
}

// abandoned reports whether no batch of the epoch will be handed out any more.
func (e *Epoch) abandoned() bool {
	return e.closed.Load() || e.ctx.Err() != nil
}
