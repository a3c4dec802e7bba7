package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
)

// ChecksumKey is the metadata key under which a checkpoint keeps its checksum:
// "sha256:" and 64 hexadecimal digits, computed over the whole file with each
// of these digits taken as '0'. To other programs the file is plain
// safetensors. SHA-256 takes about a quarter of a second for 400 MB where the
// processor has instructions for it, and also serves as a checkpoint's identity.
const ChecksumKey = "cone.checksum"

const checksumPrefix = "sha256:"

// ErrNoChecksum is the error of Verify for a file without a checksum of its own.
var ErrNoChecksum = errors.New("it carries no checksum")

// checksumZero stands in for the digits while the checksum is computed.
var checksumZero = strings.Repeat("0", 2*sha256.Size)

// checksumField is the text before the digits in a header. It cannot occur
// inside a string of the header, where its quotes would be escaped.
var checksumField = []byte(`"` + ChecksumKey + `":"` + checksumPrefix)

// WriteCheckpoint writes a safetensors file that carries its own checksum,
// atomically and durably as WriteFileAtomic. It returns the checksum as in the
// file's metadata. ChecksumKey must not be in metadata.
func WriteCheckpoint(path string, metadata map[string]string, arrays []Array) (checksum string, err error) {
	if _, taken := metadata[ChecksumKey]; taken {
		return "", fmt.Errorf("cannot write %s: the metadata key %s is reserved", path, ChecksumKey)
	}
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata[ChecksumKey] = checksumPrefix + checksumZero
	arrays = layout(arrays)
	header, err := encodeHeader(metadata, arrays)
	if err != nil {
		return "", fmt.Errorf("cannot write %s: %w", path, err)
	}
	at, err := checksumOffset(header)
	if err != nil {
		return "", fmt.Errorf("cannot write %s: %w", path, err)
	}
	err = replaceFile(path, func(f *os.File) error {
		h := sha256.New()
		if err := writeAll(io.MultiWriter(f, h), header, arrays); err != nil {
			return err
		}
		digits := hex.EncodeToString(h.Sum(nil))
		checksum = checksumPrefix + digits
		// The file is still a temporary one, so nobody sees the zeros.
		_, err := f.WriteAt([]byte(digits), int64(at))
		return err
	})
	if err != nil {
		return "", err
	}
	return checksum, nil
}

// Verify checks every byte of a checkpoint against the checksum in it. The
// error wraps ErrNoChecksum when the file is sound safetensors without one.
func Verify(path string) error {
	file, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := NewFile(file, size, path); err != nil {
		return err
	}
	header, err := readHeader(file, size)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	at, err := checksumOffset(append(make([]byte, 8), header...))
	if err != nil {
		return fmt.Errorf("cannot verify %s: %w", path, err)
	}
	want := string(header[at-8 : at-8+len(checksumZero)])
	h := sha256.New()
	if err := hashFile(h, file, int64(at), size); err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s is damaged: its checksum is %s, but its contents have %s; use an earlier checkpoint", path, want[:12]+"…", got[:12]+"…")
	}
	return nil
}

// hashFile feeds the file into h with the digits at offset at as zeros.
func hashFile(h io.Writer, file io.ReaderAt, at, size int64) error {
	after := at + int64(len(checksumZero))
	for _, part := range []io.Reader{
		io.NewSectionReader(file, 0, at),
		strings.NewReader(checksumZero),
		io.NewSectionReader(file, after, size-after),
	} {
		if _, err := io.CopyBuffer(h, part, make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	return nil
}

// checksumOffset finds the digits of the checksum in a length prefix and
// header, counted from the start of the file.
func checksumOffset(header []byte) (int, error) {
	if bytes.Count(header, checksumField) != 1 {
		return 0, ErrNoChecksum
	}
	at := bytes.Index(header, checksumField) + len(checksumField)
	end := at + len(checksumZero)
	if end >= len(header) || header[end] != '"' {
		return 0, ErrNoChecksum
	}
	return at, nil
}
