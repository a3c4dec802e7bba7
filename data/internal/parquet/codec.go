package parquet

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// codecs are those that decompress knows.
var codecs = []format.CompressionCodec{format.Uncompressed, format.Snappy, format.Zstd, format.Gzip}

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
	var out []byte
	var err error
	switch codec {
	case format.Uncompressed:
		out = content
	case format.Snappy:
		if n, err := snappy.DecodedLen(content); err != nil || n != size {
			return nil, errors.New("a page of another size than it says")
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
	default:
		err = fmt.Errorf("the compression %v", codec)
	}
	if err == nil && len(out) != size {
		err = errors.New("a page of another size than it says")
	}
	return out, err
}
