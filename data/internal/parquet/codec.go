package parquet

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// codecs are those that decompress knows, with the most that a byte can stand
// for: a copy of 64 bytes takes 3 in snappy, a block of 128 KiB takes 4 in
// zstd, and deflate expands 1032 times.
var codecs = map[format.CompressionCodec]int{format.Uncompressed: 1, format.Snappy: 22, format.Zstd: 32 << 10, format.Gzip: 1032}

var errPageUnpacked = errors.New("a page of another size than it says")

// unzstd decodes whole frames, and no more than its result has room for.
var unzstd = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // only wrong options are an error
	}
	return d
})

// decompress unpacks a page of the given size.
func decompress(codec format.CompressionCodec, content []byte, size int) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	// Memory follows the bytes that are there.
	if size/codecs[codec] > len(content) {
		return nil, errPageUnpacked
	}
	var out []byte
	var err error
	switch codec {
	case format.Uncompressed:
		out = content
	case format.Snappy:
		if n, err := snappy.DecodedLen(content); err != nil || n != size {
			return nil, errPageUnpacked
		}
		out, err = snappy.Decode(make([]byte, size), content)
	case format.Zstd:
		out, err = unzstd().DecodeAll(content, make([]byte, 0, size))
	case format.Gzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(content)); err == nil {
			out = make([]byte, size)
			_, err = io.ReadFull(r, out)
		}
	}
	if err == nil && len(out) != size {
		err = errPageUnpacked
	}
	return out, err
}
