package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"cone/picture"
	"cone/recipe"
)

// webDataset is a collection in tar shards
// (https://github.com/webdataset/webdataset), read at random. It keeps
// 24 bytes for each picture.
type webDataset struct {
	classes []string
	first   []int // index of each shard's first sample
	samples []tarSample
	shards  openFiles
}

// openWebDataset opens the tar shards that the settings name: by the patterns
// Train and Test, or train-*.tar and val-*.tar (valid, validation, test), or,
// when there are none of these, every tar file, without a test part. Path may
// itself be a shard or a pattern. Class names are the lines of classes.txt
// beside the shards, else the numbers from 0 to the highest label.
func openWebDataset(d recipe.Data) (train, test Source, err error) {
	dir, trainFiles, testFiles, err := webDatasetParts(d)
	if err != nil {
		return nil, nil, err
	}
	first, err := indexShards(trainFiles)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, "classes.txt")
	names, err := readClassNames(path, maxClasses)
	if err != nil {
		return nil, nil, err
	}
	remedy := "mend the label, or " + path
	if names == nil {
		names = numberNames(int(first.samples[first.highest()].label) + 1)
		remedy = "mend the label, or name the classes in " + path
	}
	parts := []*webDataset{first}
	if len(testFiles) > 0 {
		second, err := indexShards(testFiles)
		if err != nil {
			return nil, nil, err
		}
		parts, test = append(parts, second), second
	}
	for _, part := range parts {
		if at := part.highest(); int(part.samples[at].label) >= len(names) {
			return nil, nil, fmt.Errorf("%s has the label %d, but there are %d classes; %s", part.Name(at), part.samples[at].label, len(names), remedy)
		}
		part.classes = names
	}
	return first, test, nil
}

// webDatasetParts finds the shards of both parts, and the folder of the first.
func webDatasetParts(d recipe.Data) (dir string, train, test []string, err error) {
	info, err := os.Stat(d.Path)
	if err != nil || !info.IsDir() {
		// The path itself is a shard or a pattern.
		if train, err = matchFiles("", d.Path); err != nil {
			return "", nil, nil, err
		}
		dir = filepath.Dir(train[0])
		if d.Test != "" {
			if test, err = matchFiles(dir, d.Test); err == nil {
				err = overlap(train, test)
			}
		}
		return dir, train, test, err
	}
	if train, test, err = folderParts(d.Path, d, ".tar", testNames); err != nil {
		return "", nil, nil, err
	}
	if len(train) == 0 {
		packed, err := filepath.Glob(filepath.Join(globEscape(d.Path), "*.t*gz"))
		if err == nil && len(packed) > 0 {
			return "", nil, nil, fmt.Errorf("%s is compressed, so single pictures in it cannot be reached; unpack it with gunzip", packed[0])
		}
		return "", nil, nil, fmt.Errorf("%s holds no tar shards to train on, such as train-000000.tar; name them in data.train", d.Path)
	}
	return d.Path, train, test, nil
}

// indexing is how many shards are indexed at the same time: more than cores,
// for it is mostly waiting for the disk.
const indexing = 16

// indexShards walks all shards.
func indexShards(paths []string) (*webDataset, error) {
	shards := make([][]tarSample, len(paths))
	faults := make([]error, len(paths))
	var group errgroup.Group
	group.SetLimit(indexing)
	for i, path := range paths {
		group.Go(func() error {
			shards[i], faults[i] = indexShard(path)
			return nil
		})
	}
	group.Wait()
	w := &webDataset{shards: openFiles{paths: paths}}
	total := 0
	for i, samples := range shards {
		if faults[i] != nil {
			return nil, faults[i] // the first, whichever was found first
		}
		w.first = append(w.first, total)
		total += len(samples)
	}
	w.samples = make([]tarSample, 0, total)
	for i, samples := range shards {
		w.samples = append(w.samples, samples...)
		shards[i] = nil
	}
	return w, nil
}

// highest is the sample with the highest label.
func (w *webDataset) highest() int {
	at := 0
	for i := range w.samples {
		if w.samples[i].label > w.samples[at].label {
			at = i
		}
	}
	return at
}

// numberNames are the names of n classes that have none: 0, 1, ….
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
func (w *webDataset) Close() error       { return w.shards.close() }

// shard is the number of the shard that holds sample i.
func (w *webDataset) shard(i int) int {
	at, exact := slices.BinarySearch(w.first, i)
	if !exact {
		at--
	}
	return at
}

// Name reads the entry's name again: to keep all names would take more memory
// than everything else about the samples.
func (w *webDataset) Name(i int) string {
	shard := w.shard(i)
	path := w.shards.paths[shard]
	file, err := w.shards.get(shard)
	if err == nil {
		defer w.shards.done(shard, file)
		var name string
		if name, err = entryName(file, w.samples[i]); err == nil {
			return path + ":" + name
		}
	}
	return fmt.Sprintf("%s: sample %d", path, i-w.first[shard])
}

func (w *webDataset) Read(i int, buffer *[]byte) ([]byte, error) {
	s, shard := w.samples[i], w.shard(i)
	*buffer = slices.Grow((*buffer)[:0], int(s.size))[:s.size]
	file, err := w.shards.get(shard)
	if err == nil {
		_, err = file.ReadAt(*buffer, s.offset)
		w.shards.done(shard, file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read (%w); did the shard change after the start?", w.Name(i), err)
	}
	return *buffer, nil
}
