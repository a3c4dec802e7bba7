package data

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tarSample is a picture within a shard.
type tarSample struct {
	offset int64 // of the picture's bytes in the shard
	size   int32
	label  int32
}

// maxPictureBytes bounds one encoded picture.
const maxPictureBytes = 1 << 30

// maxLabelBytes bounds a .cls or .json entry.
const maxLabelBytes = 1 << 20

var pictureExtensions = []string{"jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "ppm", "pgm"}

// counting knows how far a tar.Reader has read its file: after Next, where an
// entry's bytes begin. Entries are passed over by seeking.
type counting struct {
	file io.ReadSeeker
	at   int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.at += int64(n)
	return n, err
}

func (c *counting) Seek(offset int64, whence int) (int64, error) {
	at, err := c.file.Seek(offset, whence)
	if err == nil {
		c.at = at
	}
	return at, err
}

// indexTar walks the headers of a shard of the given size and lists its
// samples in order. A sample is a run of entries with the same key, which is
// an entry's path up to the first dot of its base name: one picture, and its
// label in KEY.cls (a number) or KEY.json ("label", "cls" or "class"). Errors
// are phrased to follow the shard's name.
func indexTar(file io.ReadSeeker, size int64) ([]tarSample, error) {
	c := &counting{file: file}
	reader := tar.NewReader(c)
	var samples []tarSample
	seen := map[string]bool{}
	current := newSample("")
	finish := func() error {
		if current.key == "" {
			return nil
		}
		if seen[current.key] {
			return fmt.Errorf("has the key %q twice; give every sample a key of its own", current.key)
		}
		seen[current.key] = true
		sample, err := current.finished()
		if err == nil {
			samples = append(samples, sample)
		}
		return err
	}
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, explainTar(err, len(samples), current.key)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		key, extension := tarKey(header.Name)
		if key == "" {
			continue // a hidden file, such as ._picture.jpg
		}
		if key != current.key {
			if err := finish(); err != nil {
				return nil, err
			}
			current = newSample(key)
		}
		// Checked here, for seeking past a file's end is no error.
		if c.at+header.Size > size {
			return nil, explainTar(io.ErrUnexpectedEOF, len(samples), key)
		}
		if err := current.add(extension, header.Size, c.at, reader); err != nil {
			return nil, err
		}
	}
	if err := finish(); err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return nil, errors.New("holds no samples; a shard has pictures such as 0001.jpg with 0001.cls")
	}
	return samples, nil
}

func explainTar(err error, samples int, key string) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("is cut short after %d samples (key %q); fetch it again", samples, key)
	}
	return fmt.Errorf("is no sound tar file after %d samples (key %q): %w; fetch it again", samples, key, err)
}

// tarKey splits an entry's path at the first dot of its base name.
func tarKey(name string) (key, extension string) {
	dir, base := path.Split(strings.TrimPrefix(name, "./"))
	stem, extension, _ := strings.Cut(base, ".")
	if stem == "" {
		return "", ""
	}
	return dir + stem, strings.ToLower(extension)
}

// openSample is a sample whose entries are still coming.
type openSample struct {
	key                string
	picture, extension string
	offset, size       int64
	label              int64 // −1 before it is known
}

func newSample(key string) openSample { return openSample{key: key, label: -1} }

// add takes an entry of the sample.
func (s *openSample) add(extension string, size, offset int64, content io.Reader) error {
	switch {
	case slices.Contains(pictureExtensions, extension):
		if s.picture != "" {
			return fmt.Errorf("has two pictures for the key %q (.%s and .%s); give each a key of its own", s.key, s.picture, extension)
		}
		if size > maxPictureBytes {
			return fmt.Errorf("has a picture of %d bytes for the key %q, more than %d; remove it", size, s.key, maxPictureBytes)
		}
		s.picture, s.offset, s.size = extension, offset, size
	case extension == "cls" || extension == "json":
		if size > maxLabelBytes {
			return fmt.Errorf("has %d bytes of %s for the key %q, too many for a label", size, extension, s.key)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			return explainTar(err, 0, s.key)
		}
		return s.readLabel(extension, text)
	}
	return nil
}

// readLabel takes the label that .cls or .json names. A .cls wins.
func (s *openSample) readLabel(extension string, text []byte) error {
	word := strings.TrimSpace(string(text))
	if extension == "json" {
		if s.label >= 0 {
			return nil
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil {
			return fmt.Errorf("has no sound JSON for the key %q: %w", s.key, err)
		}
		word = ""
		for _, name := range []string{"label", "cls", "class"} {
			if value, ok := fields[name]; ok {
				word = string(value)
				break
			}
		}
		if word == "" {
			return nil // other facts about the picture
		}
	}
	label, err := strconv.ParseInt(word, 10, 32)
	if err != nil || label < 0 {
		return fmt.Errorf("has the label %.40q for the key %q in .%s; a label is a number from 0", word, s.key, extension)
	}
	s.label = label
	return nil
}

func (s *openSample) finished() (tarSample, error) {
	switch {
	case s.picture == "":
		return tarSample{}, fmt.Errorf("has no picture for the key %q; each sample needs one of .%s", s.key, strings.Join(pictureExtensions, ", ."))
	case s.label < 0:
		return tarSample{}, fmt.Errorf("has no label for the key %q; add %s.cls with the class's number", s.key, s.key)
	}
	return tarSample{offset: s.offset, size: int32(s.size), label: int32(s.label)}, nil
}

// indexShard indexes the shard at path. Every error names it.
func indexShard(path string) ([]tarSample, error) {
	// Checked before opening: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file; put the tar file in its place", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var head [2]byte
	if n, _ := file.ReadAt(head[:], 0); n == 2 && head == [2]byte{0x1f, 0x8b} {
		return nil, fmt.Errorf("%s is compressed, so that single pictures cannot be reached; unpack it with gunzip", path)
	}
	samples, err := indexTar(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return samples, nil
}
