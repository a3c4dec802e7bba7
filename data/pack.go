package data

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cone/augment"
)

// PackOptions say how Pack writes shards.
type PackOptions struct {
	// ShardBytes bounds a shard's size, unless one picture is larger; 0 means
	// 256 MiB.
	ShardBytes int64
	// ShardImages bounds the pictures in a shard; 0 does not.
	ShardImages int
	// Seed draws the order of the training images, so that reading shard after
	// shard mixes classes.
	Seed uint64
	// OnError is "fail", or "skip" to leave out what cannot be read and files
	// that do not begin like a picture. Pictures are not decoded.
	OnError string
}

// PackResult tells what was written of the training or the test images.
type PackResult struct {
	Images int
	// Bytes is the size of all shards.
	Bytes int64
	// Shards are their paths.
	Shards []string
	// Skipped are the pictures that were left out.
	Skipped []Lost
}

const (
	defaultShardBytes = 256 << 20
	// maxShards have names of equal length, which sort as numbers do.
	maxShards = 1_000_000
	// tarEnd is the size of the empty blocks at a tar file's end.
	tarEnd = 2 * tarBlock
)

// Pack writes a collection as WebDataset tar shards into the folder dst:
// train-000000.tar and so on, whose pictures are in random order, and
// val-000000.tar, in the collection's. They hold KEY.jpg (or what the picture
// is), untouched, with KEY.cls, the number of its class; the class names are in
// classes.txt. Pixels are written as PNG. Keys are the pictures' numbers in the
// order written. The same collection and options give the same bytes.
//
// The shards are written to a hidden folder in dst and take their places when
// all of them are complete and safe on the disk; shards that are in dst already
// are an error. When ctx ends, or on any error, everything written is removed.
func Pack(ctx context.Context, c *Collection, dst string, o PackOptions) (train, test PackResult, err error) {
	if err := o.check(); err != nil {
		return train, test, err
	}
	if err := os.MkdirAll(dst, 0o777); err != nil {
		return train, test, err
	}
	parts := []*packer{{source: c.Train, prefix: "train", shuffle: true}, {source: c.Test, prefix: "val"}}
	for _, p := range parts {
		there, err := filepath.Glob(filepath.Join(globEscape(dst), p.prefix+"-*.tar"))
		if err != nil {
			return train, test, err
		}
		if len(there) > 0 {
			return train, test, fmt.Errorf("%s holds shards already, such as %s; choose an empty folder, or remove them", dst, filepath.Base(there[0]))
		}
	}
	classes, err := classLines(c.Train, dst)
	if err != nil {
		return train, test, err
	}
	hidden, err := os.MkdirTemp(dst, ".pack-*")
	if err != nil {
		return train, test, explainPack(dst, err)
	}
	defer os.RemoveAll(hidden)
	for _, p := range parts {
		p.dst, p.hidden, p.options = dst, hidden, o
		if err := p.write(ctx); err != nil {
			return train, test, err
		}
	}
	train, test = parts[0].result, parts[1].result
	if err := publish(hidden, dst, classes, slices.Concat(train.Shards, test.Shards)); err != nil {
		return PackResult{}, PackResult{}, explainPack(dst, err)
	}
	return train, test, nil
}

func (o *PackOptions) check() error {
	if o.ShardBytes == 0 {
		o.ShardBytes = defaultShardBytes
	}
	switch {
	case o.ShardBytes < 0 || o.ShardImages < 0:
		return errors.New("a shard cannot have less than 0 bytes or pictures; choose 0 for the default")
	case o.OnError != "skip" && o.OnError != "fail":
		return fmt.Errorf("on error %q is unknown; choose skip or fail", o.OnError)
	}
	return nil
}

// classLines is the text of classes.txt, or "" where dst has that file with
// just these classes.
func classLines(src Source, dst string) (string, error) {
	names := src.Classes()
	for _, name := range names {
		if !utf8.ValidString(name) || strings.ContainsAny(name, "\r\n") || strings.TrimSpace(name) != name || name == "" {
			return "", fmt.Errorf("the class %q cannot be written as a line of classes.txt; rename it", name)
		}
	}
	text := strings.Join(names, "\n") + "\n"
	path := filepath.Join(dst, "classes.txt")
	if _, err := parseClassNames(path, text, maxClasses); err != nil {
		return "", err
	}
	there, err := readClassNames(path, maxClasses)
	switch {
	case err != nil:
		return "", err
	case there == nil:
		return text, nil
	case !slices.Equal(there, names):
		return "", fmt.Errorf("%s names other classes; choose an empty folder", path)
	}
	return "", nil
}

// packer writes a part of a collection, one shard after the other.
type packer struct {
	source  Source
	prefix  string // of the shards' names: PREFIX-000000.tar
	shuffle bool
	dst     string
	hidden  string // the folder with what is not yet in its place
	options PackOptions
	buffer  []byte
	result  PackResult

	file   *os.File // the shard that is being written
	tar    *tar.Writer
	bytes  int64
	images int
}

// write writes all shards of the part.
func (p *packer) write(ctx context.Context) error {
	defer func() {
		if p.file != nil {
			p.file.Close()
		}
	}()
	for at, i := range p.order() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.add(at, i); err != nil {
			return err
		}
	}
	if p.result.Images == 0 {
		if len(p.result.Skipped) > 0 {
			return fmt.Errorf("none of the %d pictures for %s can be packed; the first: %s", len(p.result.Skipped), p.prefix, p.result.Skipped[0].Reason)
		}
		return errors.New("the collection has no pictures to pack")
	}
	return p.finishShard()
}

// order is the pictures in the order in which they are written.
func (p *packer) order() []int {
	n := p.source.Len()
	if p.shuffle {
		random := augment.NewStream(p.options.Seed, augment.PurposeOrder)
		return permutation(&random, n)
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// add writes picture i, the at-th in order.
func (p *packer) add(at, i int) error {
	content, extension, err := p.content(i)
	if err != nil {
		if p.options.OnError == "fail" {
			return err
		}
		p.result.Skipped = append(p.result.Skipped, Lost{Index: i, Reason: err.Error()})
		return nil
	}
	label := []byte(strconv.Itoa(p.source.Label(i)))
	size := tarBytes(len(content)) + tarBytes(len(label))
	if p.images > 0 && (p.bytes+size+tarEnd > p.options.ShardBytes || p.images == p.options.ShardImages) {
		if err := p.finishShard(); err != nil {
			return err
		}
	}
	if p.file == nil {
		if err := p.startShard(); err != nil {
			return err
		}
	}
	key := fmt.Sprintf("%09d", at)
	err = p.entry(key+"."+extension, content)
	if err == nil {
		err = p.entry(key+".cls", label)
	}
	if err != nil {
		return explainPack(p.dst, err)
	}
	p.bytes += size
	p.images++
	p.result.Images++
	return nil
}
