package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// maxFooterBytes bounds a file's metadata; 100,000 column chunks need about as
// much.
const maxFooterBytes = 16 << 20

// readFooter reads the metadata at a Parquet file's end
// (https://parquet.apache.org/docs/file-format). Errors are phrased to follow
// the file's name.
func readFooter(file io.ReaderAt, size int64) (*format.FileMetaData, error) {
	const magic = "PAR1"
	var head, tail [8]byte
	if size < 12 {
		return nil, fmt.Errorf("is no Parquet file, for it has %d bytes; fetch it again", size)
	}
	if _, err := file.ReadAt(head[:4], 0); err != nil {
		return nil, damaged(err)
	}
	if _, err := file.ReadAt(tail[:], size-8); err != nil {
		return nil, damaged(err)
	}
	switch {
	case string(tail[4:]) == "PARE":
		return nil, errors.New("is encrypted; decrypt it")
	case string(head[:4]) != magic:
		return nil, fmt.Errorf("is no Parquet file, which begins with %s; name the right file", magic)
	case string(tail[4:]) != magic:
		return nil, fmt.Errorf("is cut short: a Parquet file ends with %s; fetch it again", magic)
	}
	length := int64(binary.LittleEndian.Uint32(tail[:4]))
	if length > size-12 || length > maxFooterBytes {
		return nil, damaged(fmt.Errorf("metadata of %d bytes", length))
	}
	content := make([]byte, length)
	if _, err := file.ReadAt(content, size-8-length); err != nil {
		return nil, damaged(err)
	}
	// A signature may follow the metadata.
	n, err := thriftLength(content)
	if err != nil {
		return nil, damaged(err)
	}
	metadata := &format.FileMetaData{}
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, content[:n], metadata); err != nil {
		return nil, damaged(err)
	}
	return metadata, nil
}

func damaged(err error) error {
	return fmt.Errorf("is a damaged Parquet file (%w); fetch it again", err)
}
