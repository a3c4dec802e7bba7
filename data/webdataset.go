package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"cone/picture"
	"cone/recipe"
)

// webDataset is a collection in tar shards
// (https://github.com/webdataset/webdataset), read at random.
type webDataset struct {
	classes []string
	paths   []string
	first   []int // index of each shard's first sample
	samples []tarSample
	files   openFiles
}

// openWebDataset opens the tar shards that the settings name: by the patterns
// Train and Test, or train-*.tar and val-*.tar (valid, validation, test), or,
// when there are none of these, every tar file, without a test part. Class
// names are the lines of classes.txt beside the shards, else numbers.
func openWebDataset(d recipe.Data) (train, test Source, err error) {
	dir, trainFiles, testFiles, err := webDatasetParts(d)
	if err != nil {
		return nil, nil, err
	}
	first, err := indexShards(trainFiles)
	if err != nil {
		return nil, nil, err
	}
	parts := []*webDataset{first}
	if len(testFiles) > 0 {
		second, err := indexShards(testFiles)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, second)
	}
	names, err := readClassNames(filepath.Join(dir, "classes.txt"), maxClasses)
	if err != nil {
		return nil, nil, err
	}
	if names == nil {
		names = numberNames(first.highest() + 1)
	}
	for _, part := range parts {
		if highest := part.highest(); highest >= len(names) {
			return nil, nil, fmt.Errorf("the shards from %s on have the label %d, but there are %d classes; mend the labels or classes.txt",
				part.paths[0], highest, len(names))
		}
		part.classes = names
	}
	if len(parts) == 2 {
		test = parts[1]
	}
	return first, test, nil
}

// webDatasetParts finds the shards of both parts, and their folder.
func webDatasetParts(d recipe.Data) (dir string, train, test []string, err error) {
	info, err := os.Stat(d.Path)
	if err == nil && info.IsDir() {
		dir = d.Path
	} else {
		// The path itself is a shard or a pattern.
		dir = filepath.Dir(d.Path)
		if train, err = matchFiles(dir, filepath.Base(d.Path)); err != nil {
			return "", nil, nil, err
		}
	}
	if train == nil {
		if train, err = partFiles(dir, d.Train, ".tar", "train"); err != nil {
			return "", nil, nil, err
		}
	}
	if info == nil || info.IsDir() || d.Test != "" {
		if test, err = partFiles(dir, d.Test, ".tar", testNames...); err != nil {
			return "", nil, nil, err
		}
	}
	if train == nil {
		all, err := filepath.Glob(filepath.Join(globEscape(dir), "*.tar"))
		if err != nil {
			return "", nil, nil, err
		}
		train = slices.DeleteFunc(all, func(path string) bool { return slices.Contains(test, path) })
	}
	if len(train) == 0 {
		return "", nil, nil, fmt.Errorf("%s holds no tar shards to train on, such as train-000000.tar; name them in data.train", dir)
	}
	test = slices.DeleteFunc(test, func(path string) bool { return slices.Contains(train, path) })
	return dir, train, test, nil
}

// indexShards walks all shards, on all cores.
func indexShards(paths []string) (*webDataset, error) {
	shards := make([][]tarSample, len(paths))
	var group errgroup.Group
	group.SetLimit(16) // mostly waiting for the disk
	for i, path := range paths {
		group.Go(func() (err error) {
			shards[i], err = indexShard(path)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	w := &webDataset{paths: paths, files: openFiles{paths: paths}}
	total := 0
	for _, samples := range shards {
		w.first = append(w.first, total)
		total += len(samples)
	}
	w.samples = make([]tarSample, 0, total)
	for _, samples := range shards {
		w.samples = append(w.samples, samples...)
	}
	return w, nil
}

// highest is the largest label.
func (w *webDataset) highest() int {
	highest := int32(0)
	for _, s := range w.samples {
		highest = max(highest, s.label)
	}
	return int(highest)
}

func numberNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

func (w *webDataset) Len() int           { return len(w.samples) }
func (w *webDataset) Classes() []string  { return w.classes }
func (w *webDataset) Label(i int) int    { return int(w.samples[i].label) }
func (w *webDataset) Size() picture.Size { return picture.Size{} }
func (w *webDataset) Shards() []int      { return w.first }
func (w *webDataset) Close() error       { return w.files.close() }

// shard is the number of the shard that holds sample i.
func (w *webDataset) shard(i int) int {
	at, exact := slices.BinarySearch(w.first, i)
	if !exact {
		at--
	}
	return at
}

// Name reads the entry's name again: keeping them would take more memory than
// everything else about the samples.
func (w *webDataset) Name(i int) string {
	shard := w.shard(i)
	if name, err := entryName(w.paths[shard], w.samples[i].offset); err == nil {
		return w.paths[shard] + ":" + name
	}
	return fmt.Sprintf("%s: sample %d", w.paths[shard], i-w.first[shard])
}

func (w *webDataset) Read(i int, buffer *[]byte) ([]byte, error) {
	s, shard := w.samples[i], w.shard(i)
	*buffer = slices.Grow((*buffer)[:0], int(s.size))[:s.size]
	file, err := w.files.get(shard)
	if err == nil {
		_, err = file.ReadAt(*buffer, s.offset)
		w.files.done(shard, file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w; did the shard change during the run?", w.Name(i), err)
	}
	return *buffer, nil
}

// openFiles keeps a bounded number of files open.
type openFiles struct {
	paths []string
	mutex sync.Mutex
	open  map[int]*os.File
}

// maxOpenFiles stays below the usual limit of 1024 per process.
const maxOpenFiles = 256

// get returns an open file, to be handed back with done.
func (o *openFiles) get(i int) (*os.File, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if file := o.open[i]; file != nil {
		return file, nil
	}
	file, err := os.Open(o.paths[i])
	if err == nil && len(o.open) < maxOpenFiles {
		if o.open == nil {
			o.open = map[int]*os.File{}
		}
		o.open[i] = file
	}
	return file, err
}

// done closes a file that is not one of those kept.
func (o *openFiles) done(i int, file *os.File) {
	o.mutex.Lock()
	kept := o.open[i] == file
	o.mutex.Unlock()
	if !kept {
		file.Close()
	}
}

func (o *openFiles) close() error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	var first error
	for i, file := range o.open {
		if err := file.Close(); err != nil && first == nil {
			first = err
		}
		delete(o.open, i)
	}
	return first
}

// entryName finds the name of the entry whose bytes begin at offset, from the
// header in the block before. A name that needs more than that block is cut.
func entryName(path string, offset int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	var block [512]byte
	if _, err := file.ReadAt(block[:], offset-512); err != nil {
		return "", err
	}
	text := func(b []byte) string {
		name, _, _ := strings.Cut(string(b), "\x00")
		return name
	}
	name := text(block[:100])
	// The ustar format (POSIX 1003.1) puts what does not fit in front.
	if string(block[257:263]) == "ustar\x00" {
		if prefix := text(block[345:500]); prefix != "" {
			name = prefix + "/" + name
		}
	}
	return name, nil
}
