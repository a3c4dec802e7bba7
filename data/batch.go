package data

import (
	"sync/atomic"

	"cone/augment"
)

// Batch is a set of prepared images. It belongs to the caller until Release.
type Batch struct {
	// Number of the batch in its epoch, from 0.
	Number int
	// N, H, W, C are the shape of a view of the images; V is how many views
	// there are.
	V, N, H, W, C int
	// Images has V×N×H×W×C entries, view by view.
	Images []uint8
	// Labels are the N classes.
	Labels []int64
	// Indices are the N places of the images in the collection.
	Indices []int64
	// Partners and Shares, N each, are there when pictures are mixed: image i
	// counts Shares[i] for its own label and the rest for Partners[i].
	Partners []int64
	Shares   []float32

	loader *Loader
	memory *buffers
}

// View returns the N×H×W×C pixels of one view.
func (b *Batch) View(v int) []uint8 {
	n := len(b.Images) / b.V
	return b.Images[v*n : (v+1)*n : (v+1)*n]
}

// Release hands the batch's memory back for use by a later batch; neither the
// batch nor slices of it may be used afterwards. Releasing twice does no harm,
// and a batch that is never released is only left to the garbage collector.
func (b *Batch) Release() {
	if b.memory == nil {
		return
	}
	b.loader.give(b.memory)
	*b = Batch{}
}

// buffers is the memory of one batch, at full batch size.
type buffers struct {
	images          []uint8
	labels, indices []int64
	partners        []int64
	shares          []float32
}

// missing marks the label of an image that is left out.
const missing = -1

// pending is a batch in preparation.
type pending struct {
	*buffers
	share
	epoch      *Epoch
	number     int // in the epoch, from 0
	size       int // images, at last without those left out
	unfinished atomic.Int32
	fault      atomic.Pointer[error]
	done       chan struct{} // closed when every span is finished
}

// span is a run of images of one batch, the work of one goroutine.
type span struct {
	batch    *pending
	from, to int // positions in the batch
}

// image is where view v of the image at position i goes.
func (b *pending) image(v, i int) []uint8 {
	bytes := b.epoch.loader.ImageSize().Bytes()
	at := (v*b.size + i) * bytes
	return b.images[at : at+bytes : at+bytes]
}

// fail ends the batch, with the first error reported.
func (b *pending) fail(err error) { b.fault.CompareAndSwap(nil, &err) }

// finish completes a batch whose images are all done, or left out.
func (b *pending) finish() {
	if b.fault.Load() == nil && !b.epoch.abandoned() {
		b.compact()
		b.mix()
	}
}

// compact closes the gaps of images that are left out.
func (b *pending) compact() {
	kept := 0
	for _, label := range b.labels[:b.size] {
		if label != missing {
			kept++
		}
	}
	if kept == b.size {
		return
	}
	bytes, to := b.epoch.loader.ImageSize().Bytes(), 0
	for v := range b.epoch.loader.options.Views {
		for i := range b.size {
			if b.labels[i] != missing {
				// Never ahead of what is still to be read.
				copy(b.images[to:to+bytes], b.image(v, i))
				to += bytes
			}
		}
	}
	n := 0
	for i := range b.size {
		if b.labels[i] != missing {
			b.labels[n], b.indices[n] = b.labels[i], b.indices[i]
			n++
		}
	}
	b.size = kept
}

// mix applies the recipe's mixing of pictures, if it has one.
func (b *pending) mix() {
	l := b.epoch.loader
	if l.mixer == nil || b.size == 0 {
		return
	}
	random := augment.NewStream(l.options.Seed, augment.PurposeMix, uint64(b.epoch.number), uint64(b.first))
	images := b.images[:b.size*l.ImageSize().Bytes()]
	var mixed []augment.Mixed
	if l.options.World == 1 {
		mixed = l.mixer.Apply(images, b.size, l.ImageSize(), random)
	} else {
		mixed = l.mixer.ApplyShare(images, b.places(), b.whole, l.ImageSize(), random)
	}
	for i, m := range mixed {
		b.partners[i], b.shares[i] = b.labels[m.Partner], float32(m.Share)
	}
}

// batch hands out what has been prepared.
func (b *pending) batch() *Batch {
	l := b.epoch.loader
	size, views := l.ImageSize(), l.options.Views
	out := &Batch{
		Number: b.number,
		V:      views, N: b.size, H: size.Height, W: size.Width, C: size.Channels,
		Images:  b.images[:views*b.size*size.Bytes()],
		Labels:  b.labels[:b.size],
		Indices: b.indices[:b.size],
		loader:  l,
		memory:  b.buffers,
	}
	if l.mixer != nil {
		out.Partners, out.Shares = b.partners[:b.size], b.shares[:b.size]
	}
	return out
}
