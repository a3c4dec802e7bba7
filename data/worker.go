package data

import (
	"errors"
	"fmt"
	"runtime/debug"

	"cone/augment"
	"cone/codec"
	"cone/picture"
)

// worker prepares images on a goroutine of its own.
type worker struct {
	loader  *Loader
	decoder *codec.Decoder
	scratch *augment.Scratch
	file    []byte        // of the picture at hand, or raw pixels
	raw     picture.Image // looks at the pixels of a raw picture
	done    func()        // after a large picture
}

func newWorker(l *Loader) *worker {
	return &worker{loader: l, decoder: codec.NewDecoder(l.options.Codec), scratch: l.transform.Scratch()}
}

// run prepares spans until the loader closes.
func (w *worker) run() {
	defer func() { w.decoder.Close() }() // letGo may have changed it
	yieldToTraining()
	for {
		select {
		case <-w.loader.quit:
			return
		case s := <-w.loader.spans:
			w.prepare(s)
			if s.batch.unfinished.Add(-1) == 0 {
				w.finish(s.batch)
			}
		}
	}
}

// prepare fills a span of a batch. A panic becomes the batch's error, with its
// stack, since nobody could recover it on a worker's goroutine.
func (w *worker) prepare(s span) {
	b := s.batch
	defer b.recovered()
	for i := s.from; i < s.to; i++ {
		if b.epoch.abandoned() || b.fault.Load() != nil {
			return // nobody will ask for it
		}
		if err := w.image(b, i); err != nil {
			b.fail(err)
			return
		}
	}
}

func (w *worker) finish(b *pending) {
	defer close(b.done)
	defer b.recovered()
	b.finish()
}

// recovered turns a panic into the batch's error.
func (b *pending) recovered() {
	if fault := recover(); fault != nil {
		b.fail(fmt.Errorf("internal fault while preparing batch %d of epoch %d: %v\n%s", b.number, b.epoch.number, fault, debug.Stack()))
	}
}

// image prepares the image at position i of a batch, by the loader's policy
// where it cannot be decoded.
func (w *worker) image(b *pending, i int) error {
	l := w.loader
	visit := b.epoch.visit(b.first + b.place(i))
	index := int(visit.Index)
	err := w.views(b, i, index, int(visit.Repeat))
	if err == nil {
		b.labels[i], b.indices[i] = int64(l.source.Label(index)), int64(index)
		return nil
	}
	if l.options.OnError == Fail {
		return fmt.Errorf("%w; mend or remove it, or set data.on_error to skip", err)
	}
	if l.options.OnLost != nil {
		l.options.OnLost(index, err)
	} else if err := l.lost.add(index, err); err != nil {
		return err
	}
	if l.options.OnError == LeaveOut {
		b.labels[i] = missing
		return nil
	}
	// Another one of its class, the next that can be decoded: which one
	// depends on nothing but the data.
	label, n := l.source.Label(index), l.source.Len()
	for step := 1; step < n; step++ {
		other := (index + step) % n
		if l.source.Label(other) != label {
			continue
		}
		if err := w.views(b, i, other, int(visit.Repeat)); err == nil {
			b.labels[i], b.indices[i] = int64(label), int64(other)
			return nil
		} else if err := l.lost.add(other, err); err != nil {
			return err
		}
	}
	return errors.New("no image of class " + l.source.Classes()[label] + " can be decoded; mend or remove the class")
}

// views prepares every view of an image. Its errors name the picture.
func (w *worker) views(b *pending, i, index, repeat int) error {
	l := w.loader
	lazy, err := w.open(index)
	defer w.letGo()
	if err != nil {
		return err
	}
	for v := range l.options.Views {
		key := augment.Key{
			Seed: l.options.Seed, Epoch: b.epoch.number, Index: index,
			View: repeat*l.options.Views + v,
		}
		if err := l.transform.Apply(b.image(v, i), lazy, key, w.scratch); err != nil {
			return fmt.Errorf("%s %w", l.source.Name(index), err)
		}
		if l.finish == nil {
			continue
		}
		if err := l.finish(&picture.Image{Size: l.ImageSize(), Pixels: b.image(v, i)}, index); err != nil {
			return fmt.Errorf("%s %w", l.source.Name(index), err)
		}
	}
	return nil
}

// letGo gives back what a large picture took, buffers included.
func (w *worker) letGo() {
	if w.done == nil {
		return
	}
	w.decoder.Close()
	w.decoder, w.scratch, w.file = codec.NewDecoder(w.loader.options.Codec), w.loader.transform.Scratch(), nil
	w.done()
	w.done = nil
}

// open makes picture index ready to be transformed.
func (w *worker) open(index int) (picture.Lazy, error) {
	s := w.loader.source
	if cached := w.loader.cache.get(index); cached != nil {
		return cached, nil
	}
	content, err := s.Read(index, &w.file)
	if err != nil {
		return nil, err
	}
	if s.Size().Known() {
		w.raw = picture.Image{Size: s.Size(), Pixels: content}
		return &w.raw, nil
	}
	file, err := w.decoder.Open(content)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.Name(index), err)
	}
	w.done = admit(file.Shape())
	if w.loader.cache == nil {
		return file, nil
	}
	decoded := &picture.Image{}
	if err := file.Decode(decoded); err != nil {
		return nil, fmt.Errorf("%s %w", s.Name(index), err)
	}
	w.loader.cache.put(index, decoded)
	return decoded, nil
}
