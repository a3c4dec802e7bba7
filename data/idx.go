package data

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The idx format (http://yann.lecun.com/exdb/mnist/): two zero bytes, the
// element type (8 is uint8), the number of dimensions, each dimension as a
// big-endian uint32, then the elements. As one big-endian number, the first
// four bytes are the "magic" that tells images from labels.
const (
	magicImages = 0x00000803 // 2051: uint8, N×H×W
	magicLabels = 0x00000801 // 2049: uint8, N

	// maxIDXBytes bounds the elements of one file. The largest set in use,
	// EMNIST by class, has 0.64 GB.
	maxIDXBytes = 4 << 30
	// firstRead bounds what is allocated on the word of a header alone.
	firstRead = 1 << 20
)

const fetchAgain = "fetch the file again"

// readIDXFile reads the file at path. Every error names the file.
func readIDXFile(path string, magic uint32) (dims []int, elements []byte, err error) {
	file, _, err := openRegular(path, "put the idx file in its place")
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	dims, elements, err = readIDX(file, magic)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %w", path, err)
	}
	return dims, elements, nil
}

// readIDX reads one idx stream to its end, gzip or not: what the bytes say
// counts, as browsers unpack .gz files without renaming them. It returns the
// dimensions that magic calls for, all positive, and exactly their product of
// bytes. Memory stays within about twice the bytes that are really there.
// Errors are phrased to follow the file's name.
func readIDX(r io.Reader, magic uint32) (dims []int, elements []byte, err error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	r = buffered
	if head, _ := buffered.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		unzip, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, nil, explain(err)
		}
		defer unzip.Close()
		r = unzip
	}
	dims, err = readHeader(r, magic)
	if err != nil {
		return nil, nil, err
	}
	total := int64(1)
	for _, dim := range dims {
		if dim == 0 {
			return nil, nil, fmt.Errorf("declares no data (dimensions %v); %s", dims, fetchAgain)
		}
		if total > maxIDXBytes/int64(dim) {
			return nil, nil, fmt.Errorf("declares dimensions %v, more than the %d bytes this program reads; check the file", dims, int64(maxIDXBytes))
		}
		total *= int64(dim)
	}
	elements, err = readExactly(r, total)
	if err != nil {
		return nil, nil, err
	}
	// Reading on also makes gzip compare its checksum.
	var beyond [1]byte
	switch _, err := io.ReadFull(r, beyond[:]); {
	case err == nil:
		return nil, nil, fmt.Errorf("goes on after the %d bytes of data its header declares; %s", total, fetchAgain)
	case err != io.EOF:
		return nil, nil, explain(err)
	}
	return dims, elements, nil
}

// readHeader reads the magic and the dimensions.
func readHeader(r io.Reader, magic uint32) ([]int, error) {
	var word [4]byte
	read := func() (uint32, error) {
		if _, err := io.ReadFull(r, word[:]); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return 0, fmt.Errorf("ends inside its header; %s", fetchAgain)
			}
			return 0, explain(err)
		}
		return binary.BigEndian.Uint32(word[:]), nil
	}
	found, err := read()
	if err != nil {
		return nil, err
	}
	if found != magic {
		return nil, fmt.Errorf("starts with the magic number %d (%q) where %s files have %d; %s",
			found, word[:], kind(magic), magic, wrongMagicRemedy(found))
	}
	dims := make([]int, magic&0xff)
	for i := range dims {
		dim, err := read()
		if err != nil {
			return nil, err
		}
		dims[i] = int(dim)
	}
	return dims, nil
}

func kind(magic uint32) string {
	if magic == magicLabels {
		return "label"
	}
	return "image"
}

func wrongMagicRemedy(found uint32) string {
	if found == magicImages || found == magicLabels {
		return "it holds " + kind(found) + "s: check whether files were swapped"
	}
	return "it is no idx file of that kind: " + fetchAgain
}

// readExactly reads n bytes. It grows its buffer as data arrives, so that a
// header alone cannot make it allocate.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	data := make([]byte, 0, min(n, firstRead))
	for int64(len(data)) < n {
		if len(data) == cap(data) {
			data = slices.Grow(data, int(min(n-int64(len(data)), int64(len(data)))))
		}
		space := data[len(data):min(int64(cap(data)), n)]
		got, err := io.ReadFull(r, space)
		data = data[:len(data)+got]
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			// The gzip reader reports a cut file with the same errors as a short stream.
			return nil, fmt.Errorf("ends after %d of the %d bytes of data its header declares; %s", len(data), n, fetchAgain)
		case err != nil:
			return nil, explain(err)
		}
	}
	return data, nil
}

// explain words an error of the stream below so that it follows a file's name.
func explain(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("is a truncated gzip file; %s", fetchAgain)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fmt.Errorf("is a damaged gzip file (%w); %s", err, fetchAgain)
	}
	return fmt.Errorf("cannot be read: %w", err)
}
