package data

import (
	"sync/atomic"

	"cone/augment"
	"cone/codec"
	"cone/picture"
)

// cache keeps decoded pictures, for collections that fit into memory whole.
// Cached pictures are decoded at full size, as with the setting data.exact.
type cache struct {
	pictures []atomic.Pointer[picture.Image]
	room     atomic.Int64 // bytes
}

// overhead is an Image and its pointer.
const overhead = 64

// sampled is how many headers are read to estimate what a collection takes.
const sampled = 512

// newCache returns nil if the collection, judged by a sample of its headers,
// does not fit into the given bytes. The judgement is a pure function of the
// data, so a run that is taken up again decodes as before.
func newCache(s Source, o codec.Options, bytes int64) *cache {
	n := s.Len()
	if int64(n) > bytes/3 { // not even a pixel each
		return nil
	}
	decoder := codec.NewDecoder(o)
	defer decoder.Close()
	random := augment.NewStream(0, uint64(n))
	var buffer []byte
	var sum, seen float64
	for i := range min(n, sampled) {
		index := i
		if n > sampled {
			index = random.IntN(n)
		}
		content, err := s.Read(index, &buffer)
		if err != nil {
			continue // a matter for whoever needs the picture
		}
		file, err := decoder.Open(content)
		if err != nil {
			continue
		}
		sum += float64(file.Shape().Bytes())
		seen++
	}
	if seen == 0 || (sum/seen+overhead)*float64(n) > float64(bytes) {
		return nil
	}
	c := &cache{pictures: make([]atomic.Pointer[picture.Image], n)}
	// The estimate may be a little low: what does not fit is decoded again and
	// again.
	c.room.Store(bytes)
	return c
}

// get returns the picture, or nil if it is not there.
func (c *cache) get(index int) *picture.Image {
	if c == nil {
		return nil
	}
	return c.pictures[index].Load()
}

// put keeps the picture, which nobody may change any more, if there is room.
func (c *cache) put(index int, im *picture.Image) {
	size := int64(len(im.Pixels)) + overhead
	if c.room.Add(-size) < 0 || !c.pictures[index].CompareAndSwap(nil, im) {
		c.room.Add(size) // no room, or another worker was faster
	}
}
