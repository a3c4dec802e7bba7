package parquet

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"
)

// unpackingBytes bounds what the pages that are being unpacked at the same time
// take, packed and unpacked, unless one alone takes more.
const unpackingBytes = 1 << 30

var unpacking = semaphore.NewWeighted(unpackingBytes)

// Cache keeps the unpacked pages used last, of any number of readers.
type Cache struct {
	limit  int64
	mutex  sync.Mutex
	blocks map[blockKey]*list.Element // of *block
	recent list.List                  // the one used last in front
	bytes  int64
}

// NewCache gives a cache of the given number of bytes. One page alone may take
// more.
func NewCache(bytes int64) *Cache {
	return &Cache{limit: bytes, blocks: map[blockKey]*list.Element{}}
}

// blockKey is a page of a column in a row group.
type blockKey struct {
	chunk *chunk
	page  int
}

// block is an unpacked page: a value per row.
type block struct {
	key    blockKey
	ready  chan struct{} // closed once the rest is there
	values *values
	bytes  int64
	err    error
}

// text returns the text in a row of a column, and whether it has one.
func (c *Cache) text(chunk *chunk, row int) ([]byte, bool, error) {
	if err := chunk.find(); err != nil {
		return nil, false, err
	}
	page := chunk.pageOf(row)
	b := c.get(blockKey{chunk, page})
	if b.err != nil {
		return nil, false, b.err
	}
	v := b.values.value(chunk.kind, row-int(chunk.pages[page].row))
	return v.Text, !v.Null, nil
}

// get returns a page, unpacking it if need be; others who ask for it meanwhile
// wait.
func (c *Cache) get(key blockKey) *block {
	c.mutex.Lock()
	if at := c.blocks[key]; at != nil {
		c.recent.MoveToFront(at)
		c.mutex.Unlock()
		b := at.Value.(*block)
		<-b.ready
		return b
	}
	b := &block{key: key, ready: make(chan struct{})}
	at := c.recent.PushFront(b)
	c.blocks[key] = at
	c.mutex.Unlock()

	values, err := key.chunk.unpack(key.page)

	c.mutex.Lock()
	b.values, b.err = values, err
	if err != nil {
		c.drop(at)
	} else {
		b.bytes = int64(len(values.data)) + 8*int64(len(values.spans))
		c.bytes += b.bytes
		c.trim()
	}
	close(b.ready)
	c.mutex.Unlock()
	return b
}

// trim lets go of the pages not used for longest, until the others fit, but
// for the one used last: one page alone may be larger than the limit. Pages
// count from the moment they are unpacked.
func (c *Cache) trim() {
	for at := c.recent.Back(); at != c.recent.Front() && c.bytes > c.limit; {
		before := at.Prev()
		if at.Value.(*block).values != nil {
			c.drop(at)
		}
		at = before
	}
}

func (c *Cache) drop(at *list.Element) {
	b := at.Value.(*block)
	c.recent.Remove(at)
	delete(c.blocks, b.key)
	c.bytes -= b.bytes
}

// unpack decodes a page of the column. Errors are phrased to follow a row's
// name.
func (c *chunk) unpack(page int) (*values, error) {
	place := c.pages[page]
	weight := int64(place.length) + int64(place.unpacked) + int64(c.dictionary.length) + int64(c.dictionary.unpacked)
	weight = min(weight, unpackingBytes)
	if err := unpacking.Acquire(context.Background(), weight); err != nil {
		return nil, err
	}
	defer unpacking.Release(weight)
	values, err := c.readPage(place, c.readDictionary)
	if err != nil {
		return nil, fmt.Errorf("lies in a damaged part of the file (%w); fetch it again", err)
	}
	return values, nil
}
