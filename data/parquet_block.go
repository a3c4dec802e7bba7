package data

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/parquet-go/parquet-go"
)

// A block is the pictures of one page, which Parquet can only unpack whole;
// of a row group, where the file has no index of its pages.
type block struct {
	bytes []byte
	ends  []int    // where each row's picture ends
	null  []bool   // rows without one
	names []string // their paths, if the file has them
}

// row returns the picture of a row, or nil, and its path.
func (b *block) row(i int) (content []byte, name string) {
	if i >= len(b.ends) {
		return nil, ""
	}
	if i < len(b.names) {
		name = b.names[i]
	}
	if b.null[i] {
		return nil, name
	}
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.bytes[start:b.ends[i]:b.ends[i]], name
}

func (b *block) size() int64 { return int64(len(b.bytes)) + 64*int64(len(b.ends)) }

const (
	// maxBlockBytes bounds what one block may unpack to.
	maxBlockBytes = 1 << 30
	// blockCacheBytes bounds the blocks that are kept.
	blockCacheBytes = 256 << 20
)

// load unpacks the pictures of a page. Errors are phrased to follow a row's
// name.
func (g rowGroup) load(page int) (b *block, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("is in a damaged part of the file (%v); fetch it again", fault)
		}
	}()
	from, to := g.starts[page], g.group.NumRows()
	if page+1 < len(g.starts) {
		to = g.starts[page+1]
	}
	b = &block{}
	err = g.values(g.file.bytes, from, to, func(v parquet.Value) error {
		if !v.IsNull() {
			if len(b.bytes)+len(v.ByteArray()) > maxBlockBytes {
				return fmt.Errorf("is in a part of the file with more than %d bytes of pictures, too many to unpack at once; write the file with smaller row groups", maxBlockBytes)
			}
			b.bytes = append(b.bytes, v.ByteArray()...)
		}
		b.ends, b.null = append(b.ends, len(b.bytes)), append(b.null, v.IsNull())
		return nil
	})
	if err != nil || g.file.name < 0 {
		return b, err
	}
	return b, g.values(g.file.name, from, to, func(v parquet.Value) error {
		name := ""
		if !v.IsNull() {
			name = string(v.ByteArray())
		}
		b.names = append(b.names, name)
		return nil
	})
}

// values visits the values of a column in the rows from…to.
func (g rowGroup) values(column int, from, to int64, visit func(parquet.Value) error) error {
	pages := g.group.ColumnChunks()[column].Pages()
	defer pages.Close()
	if err := pages.SeekToRow(from); err != nil {
		return fmt.Errorf("cannot be reached (%w); fetch the file again", err)
	}
	left := to - from
	err := eachValue(pages, func(v parquet.Value) error {
		if left == 0 {
			return errEnough
		}
		left--
		return visit(v)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

var errEnough = errors.New("enough")

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// blockCache keeps the blocks used last, up to blockCacheBytes.
type blockCache struct {
	mutex  sync.Mutex
	blocks map[blockKey]*list.Element // of *cachedBlock
	recent list.List                  // the one used last in front
	bytes  int64
}

type blockKey struct{ group, page int }

type cachedBlock struct {
	key   blockKey
	ready chan struct{} // closed once loaded
	block *block
	err   error
}

// get returns the block, loading it if need be; others who ask for it
// meanwhile wait.
func (c *blockCache) get(key blockKey, load func() (*block, error)) (*block, error) {
	c.mutex.Lock()
	if at := c.blocks[key]; at != nil {
		c.recent.MoveToFront(at)
		c.mutex.Unlock()
		cached := at.Value.(*cachedBlock)
		<-cached.ready
		return cached.block, cached.err
	}
	if c.blocks == nil {
		c.blocks = map[blockKey]*list.Element{}
	}
	cached := &cachedBlock{key: key, ready: make(chan struct{})}
	at := c.recent.PushFront(cached)
	c.blocks[key] = at
	c.mutex.Unlock()

	cached.block, cached.err = load()
	close(cached.ready)

	c.mutex.Lock()
	defer c.mutex.Unlock()
	if cached.err != nil {
		c.drop(at)
		return nil, cached.err
	}
	c.bytes += cached.block.size()
	for last := c.recent.Back(); c.bytes > blockCacheBytes && last != nil && last != at; {
		before := last.Prev()
		// One that is still loading is not counted yet.
		if b := last.Value.(*cachedBlock); b.loaded() {
			c.bytes -= b.block.size()
			c.drop(last)
		}
		last = before
	}
	return cached.block, nil
}

func (c *blockCache) drop(at *list.Element) {
	c.recent.Remove(at)
	delete(c.blocks, at.Value.(*cachedBlock).key)
}

func (b *cachedBlock) loaded() bool {
	select {
	case <-b.ready:
		return b.err == nil && b.block != nil
	default:
		return false
	}
}
