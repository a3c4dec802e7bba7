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

	"cone/augment"
)

// PackOptions say how Pack writes shards.
type PackOptions struct {
	// Prefix of the shards' names: PREFIX-000000.tar.
	Prefix string
	// ShardBytes bounds a shard's size, unless one picture is larger; 0 means
	// 256 MiB.
	ShardBytes int64
	// ShardImages bounds the pictures in a shard; 0 does not.
	ShardImages int
	// Shuffle writes the pictures in random order, drawn from Seed, so that
	// reading shard after shard mixes classes.
	Shuffle bool
	Seed    uint64
	// OnError is "fail", or "skip" to leave out what cannot be read and files
	// that do not begin like a picture. Pictures are not decoded.
	OnError string
}

// PackResult tells what was written.
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
// KEY.jpg (or what the picture is), untouched, with KEY.cls, the number of its
// class, and the class names in classes.txt. Pixels are written as PNG. Keys
// are the pictures' numbers in the order written. The same collection and
// options give the same bytes.
//
// The shards are written to a hidden folder in dst and take their places when
// all of them are complete and safe on the disk; shards that are in dst already
// are an error. When ctx ends, or on any error, everything written is removed.
func Pack(ctx context.Context, src Source, dst string, o PackOptions) (result PackResult, err error) {
	if err := o.check(); err != nil {
		return result, err
	}
	if err := os.MkdirAll(dst, 0o777); err != nil {
		return result, err
	}
	there, err := filepath.Glob(filepath.Join(globEscape(dst), globEscape(o.Prefix)+"-*.tar"))
	if err != nil {
		return result, err
	}
	if len(there) > 0 {
		return result, fmt.Errorf("%s holds shards already, such as %s; choose an empty folder, or remove them", dst, filepath.Base(there[0]))
	}
	classes, err := classLines(src, dst)
	if err != nil {
		return result, err
	}
	p := packer{source: src, dst: dst, options: o}
	if p.hidden, err = os.MkdirTemp(dst, ".pack-*"); err != nil {
		return result, p.explain(err)
	}
	defer p.abandon()
	if err := p.write(ctx); err != nil {
		return PackResult{}, err
	}
	if err := p.publish(classes); err != nil {
		return PackResult{}, err
	}
	return p.result, nil
}

func (o *PackOptions) check() error {
	if o.ShardBytes == 0 {
		o.ShardBytes = defaultShardBytes
	}
	switch {
	case o.ShardBytes < 0 || o.ShardImages < 0:
		return errors.New("a shard cannot have less than 0 bytes or pictures; choose 0 for the default")
	case o.Prefix == "" || o.Prefix != filepath.Base(o.Prefix) || strings.HasPrefix(o.Prefix, "."):
		return fmt.Errorf("shards cannot be named %q; choose a name such as train", o.Prefix)
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
		if strings.ContainsAny(name, "\r\n") || strings.TrimSpace(name) != name || name == "" {
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

// packer writes one shard after the other.
type packer struct {
	source  Source
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

// write writes all shards.
func (p *packer) write(ctx context.Context) error {
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
			return fmt.Errorf("none of %d pictures can be packed; the first: %s", len(p.result.Skipped), p.result.Skipped[0].Reason)
		}
		return errors.New("the collection has no pictures to pack")
	}
	return p.finishShard()
}

// order is the pictures in the order in which they are written.
func (p *packer) order() []int {
	n := p.source.Len()
	if p.options.Shuffle {
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
	if err := errors.Join(p.entry(key+"."+extension, content), p.entry(key+".cls", label)); err != nil {
		return p.explain(err)
	}
	p.bytes += size
	p.images++
	p.result.Images++
	return nil
}
