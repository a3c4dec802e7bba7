package data

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"slices"
)

// tarSample is a picture within a shard. A collection has one for each, so it
// is small; the entry's name is read again when somebody asks.
type tarSample struct {
	offset int64 // of the picture's bytes in the shard
	size   int32
	label  int32
	// head is how far the entry begins before offset, in blocks of 512 bytes.
	head int32
}

const (
	// maxPictureBytes bounds one encoded picture.
	maxPictureBytes = 1 << 30
	// maxLabelBytes bounds a .cls or .json entry.
	maxLabelBytes = 1 << 20
	tarBlock      = 512
)

var pictureExtensions = []string{"jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "ppm", "pgm"}

// tarPosition knows how far a tar.Reader has read its file: after Next, where
// an entry's bytes begin. As it seeks, Next passes over contents unread.
type tarPosition struct {
	file io.ReadSeeker
	at   int64
}

func (p *tarPosition) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	p.at += int64(n)
	return n, err
}

func (p *tarPosition) Seek(offset int64, whence int) (int64, error) {
	at, err := p.file.Seek(offset, whence)
	if err == nil {
		p.at = at
	}
	return at, err
}

// indexTar walks the headers of a shard of the given size and lists its
// samples in order. A sample is a run of entries with the same key (tarKey):
// one picture, and its label in KEY.cls (a number) or KEY.json ("label", "cls"
// or "class", the first that is there; a .cls wins). Other entries are passed
// over. Errors are phrased to follow the shard's name.
func indexTar(file io.ReadSeeker, size int64) ([]tarSample, error) {
	walk := tarIndex{size: size, position: &tarPosition{file: file}, seen: map[string]bool{}}
	walk.reader = tar.NewReader(walk.position)
	for {
		header, err := walk.reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, walk.explain(err)
		}
		if err := walk.entry(header); err != nil {
			return nil, err
		}
	}
	// A file that was cut between two entries lacks the end's empty blocks.
	if walk.position.at < walk.next+tarBlock {
		return nil, walk.explain(io.ErrUnexpectedEOF)
	}
	if err := walk.finish(); err != nil {
		return nil, err
	}
	if len(walk.samples) == 0 {
		return nil, errors.New("holds no samples; a shard has pictures such as 0001.jpg, each with 0001.cls")
	}
	return slices.Clip(walk.samples), nil
}

// tarIndex is a shard that is being indexed.
type tarIndex struct {
	reader   *tar.Reader
	position *tarPosition
	size     int64
	next     int64 // where the next entry begins
	samples  []tarSample
	seen     map[string]bool // keys
	current  openSample
}

// entry takes one entry.
func (t *tarIndex) entry(header *tar.Header) error {
	start, offset := t.next, t.position.at
	// Of a global header, the reader leaves the padding.
	t.next = (offset + tarBlock - 1) / tarBlock * tarBlock
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeCont:
		t.next += (header.Size + tarBlock - 1) / tarBlock * tarBlock
	case tar.TypeLink, tar.TypeSymlink, tar.TypeDir, tar.TypeChar, tar.TypeBlock, tar.TypeFifo, tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("has an entry %.200q of the type %q, which is no plain file; write the shard again without it", header.Name, header.Typeflag)
	}
	// Sparse files do not lie in one piece.
	if header.PAXRecords["GNU.sparse.major"] != "" || header.PAXRecords["GNU.sparse.map"] != "" {
		return fmt.Errorf("has a sparse entry %.200q; write the shard again with plain files", header.Name)
	}
	// Checked here, for seeking past a file's end is no error.
	if header.Size > t.size-offset {
		return t.explain(io.ErrUnexpectedEOF)
	}
	key, extension := tarKey(header.Name)
	if key == "" {
		return nil
	}
	if key != t.current.key {
		if err := t.finish(); err != nil {
			return err
		}
		t.current = newSample(key)
	}
	place := tarSample{offset: offset, size: int32(min(header.Size, maxPictureBytes+1)), head: int32((offset - start) / tarBlock)}
	if err := t.current.add(extension, place, t.reader); err != nil {
		return t.explain(err)
	}
	return nil
}

// finish ends the current sample.
func (t *tarIndex) finish() error {
	key := t.current.key
	if key == "" {
		return nil
	}
	if t.seen[key] {
		return fmt.Errorf("has the key %q twice; give every sample a key of its own, and keep its entries together", key)
	}
	t.seen[key] = true
	sample, err := t.current.finished()
	t.samples = append(t.samples, sample)
	return err
}

// explain phrases errors of reading.
func (t *tarIndex) explain(err error) error {
	switch {
	case errors.As(err, new(tarFault)):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF) && t.current.key != "":
		return fmt.Errorf("is cut short after the key %q, its sample %d; fetch it again", t.current.key, len(t.samples)+1)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("is cut short after 0 samples; fetch it again")
	}
	return fmt.Errorf("is no sound tar file after %d samples (%w); fetch it again", len(t.samples), err)
}

// indexShard indexes the shard at path. Every error names it.
func indexShard(path string) ([]tarSample, error) {
	file, info, err := openRegular(path, "put the tar file in its place")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var head [2]byte
	if n, _ := file.ReadAt(head[:], 0); n == 2 && head == [2]byte{0x1f, 0x8b} {
		return nil, fmt.Errorf("%s is compressed, so single pictures in it cannot be reached; unpack it with gunzip", path)
	}
	samples, err := indexTar(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return samples, nil
}

// entryName is the name of the entry of a sample.
func entryName(file io.ReaderAt, s tarSample) (string, error) {
	head := int64(s.head) * tarBlock
	header, err := tar.NewReader(io.NewSectionReader(file, s.offset-head, head)).Next()
	if err != nil {
		return "", err
	}
	return header.Name, nil
}
