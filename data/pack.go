package data

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cone/augment"
	"cone/codec"
	"cone/picture"
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
	// OnError is "fail", or "skip" to leave out files that are no pictures.
	OnError string
}

// PackResult tells what was written.
type PackResult struct {
	Images  int
	Bytes   int64
	Shards  []string
	Skipped []Lost
}

// shardNames fit a million shards, of which each name is of equal length.
const maxShards = 1_000_000

// Pack writes a collection as WebDataset tar shards into the folder dst:
// KEY.jpg (or what the picture is), untouched, with KEY.cls, the class's
// number, and the class names in classes.txt. Pixels are written as PNG.
// The same collection and options give the same bytes.
//
// Shards take their names when they are complete and safe on the disk; those
// that exist are never written over. When ctx ends, or on any error, what was
// not complete is removed.
func Pack(ctx context.Context, src Source, dst string, o PackOptions) (result PackResult, err error) {
	if o.ShardBytes == 0 {
		o.ShardBytes = 256 << 20
	}
	if err := os.MkdirAll(dst, 0o777); err != nil {
		return result, err
	}
	there, err := filepath.Glob(filepath.Join(globEscape(dst), o.Prefix+"-*.tar"))
	if err != nil {
		return result, err
	}
	if len(there) > 0 {
		return result, fmt.Errorf("%s holds shards already (%s); choose an empty folder, or remove them", dst, filepath.Base(there[0]))
	}
	if err := packClasses(src, dst); err != nil {
		return result, err
	}
	p := packer{source: src, dst: dst, options: o, decoder: codec.NewDecoder(codec.Options{})}
	defer p.decoder.Close()
	defer p.abandon()
	for at, i := range p.order() {
		if err := ctx.Err(); err != nil {
			return result, err
		}
		if err := p.add(at, i); err != nil {
			return result, err
		}
	}
	if err := p.finishShard(); err != nil {
		return result, err
	}
	return p.result, nil
}

// packClasses writes classes.txt, or checks the one that is there.
func packClasses(src Source, dst string) error {
	for _, name := range src.Classes() {
		if strings.ContainsAny(name, "\r\n") || strings.TrimSpace(name) != name || name == "" {
			return fmt.Errorf("the class %q cannot be written as a line of classes.txt; rename it", name)
		}
	}
	path := filepath.Join(dst, "classes.txt")
	there, err := readClassNames(path, maxClasses)
	if err != nil {
		return err
	}
	if there != nil {
		if !slices.Equal(there, src.Classes()) {
			return fmt.Errorf("%s names other classes; choose an empty folder", path)
		}
		return nil
	}
	return os.WriteFile(path, []byte(strings.Join(src.Classes(), "\n")+"\n"), 0o666)
}

// packer writes one shard after the other.
type packer struct {
	source  Source
	dst     string
	options PackOptions
	decoder *codec.Decoder
	buffer  []byte
	result  PackResult

	file   *os.File // the shard being written, under a temporary name
	tar    *tar.Writer
	bytes  int64
	images int
}

func (p *packer) order() []int {
	n := p.source.Len()
	if !p.options.Shuffle {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return order
	}
	random := augment.NewStream(p.options.Seed, augment.PurposeOrder)
	return permutation(&random, n)
}

// add writes picture i as the at-th of the collection.
func (p *packer) add(at, i int) error {
	content, extension, err := p.content(i)
	if err != nil {
		if p.options.OnError != "skip" {
			return err
		}
		p.result.Skipped = append(p.result.Skipped, Lost{Index: i, Reason: err.Error()})
		return nil
	}
	label := strconv.Itoa(p.source.Label(i))
	size := tarBytes(len(content)) + tarBytes(len(label))
	full := p.images > 0 && (p.bytes+size > p.options.ShardBytes || p.images == p.options.ShardImages)
	if full {
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
	for _, entry := range []struct {
		name    string
		content []byte
	}{{key + "." + extension, content}, {key + ".cls", []byte(label)}} {
		header := tar.Header{Name: entry.name, Mode: 0o644, Size: int64(len(entry.content)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := p.tar.WriteHeader(&header); err != nil {
			return p.explain(err)
		}
		if _, err := p.tar.Write(entry.content); err != nil {
			return p.explain(err)
		}
	}
	p.bytes += size
	p.images++
	p.result.Images++
	return nil
}

// tarBytes is what an entry takes: a header, and blocks of 512 bytes.
func tarBytes(n int) int64 { return 512 + int64(n+511)/512*512 }

// content is a picture as it goes into a shard. Files must at least begin
// like a picture.
func (p *packer) content(i int) (content []byte, extension string, err error) {
	content, err = p.source.Read(i, &p.buffer)
	if err != nil {
		return nil, "", err
	}
	if size := p.source.Size(); size.Known() {
		content, err = encodePNG(size, content)
		return content, "png", err
	}
	file, err := p.decoder.Open(content)
	if err != nil {
		return nil, "", fmt.Errorf("%s %w", p.source.Name(i), err)
	}
	return content, extensionOf(file.Header().Format), nil
}

// extensionOf is the usual extension of a format that package codec names.
func extensionOf(format string) string {
	switch format {
	case "JPEG":
		return "jpg"
	case "TIFF":
		return "tif"
	case "PNM":
		return "ppm"
	}
	return strings.ToLower(format)
}

func encodePNG(size picture.Size, pixels []uint8) ([]byte, error) {
	var im image.Image
	bounds := image.Rect(0, 0, size.Width, size.Height)
	switch size.Channels {
	case 1:
		im = &image.Gray{Pix: pixels, Stride: size.Width, Rect: bounds}
	case 3:
		rgba := image.NewNRGBA(bounds)
		for i := range size.Height * size.Width {
			copy(rgba.Pix[4*i:4*i+3], pixels[3*i:3*i+3])
			rgba.Pix[4*i+3] = 255
		}
		im = rgba
	default:
		return nil, fmt.Errorf("pictures of %d channels cannot be packed", size.Channels)
	}
	var out bytes.Buffer
	err := png.Encode(&out, im)
	return out.Bytes(), err
}

func (p *packer) startShard() (err error) {
	if len(p.result.Shards) == maxShards {
		return fmt.Errorf("more than %d shards would be written; choose larger ones", maxShards)
	}
	if p.file, err = os.CreateTemp(p.dst, ".pack-*"); err != nil {
		return err
	}
	p.tar, p.bytes, p.images = tar.NewWriter(p.file), 0, 0
	return nil
}

// finishShard gives a complete shard its name.
func (p *packer) finishShard() error {
	if p.file == nil {
		return nil
	}
	if err := p.tar.Close(); err != nil {
		return p.explain(err)
	}
	size, err := p.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return p.explain(err)
	}
	if err := errors.Join(p.file.Chmod(0o644), p.file.Sync(), p.file.Close()); err != nil {
		return p.explain(err)
	}
	path := filepath.Join(p.dst, fmt.Sprintf("%s-%06d.tar", p.options.Prefix, len(p.result.Shards)))
	if err := os.Rename(p.file.Name(), path); err != nil {
		return p.explain(err)
	}
	p.result.Shards = append(p.result.Shards, path)
	p.result.Bytes += size
	p.file = nil
	return nil
}

// abandon removes a shard that is not complete.
func (p *packer) abandon() {
	if p.file != nil {
		p.file.Close()
		os.Remove(p.file.Name())
	}
}

func (p *packer) explain(err error) error {
	return fmt.Errorf("cannot write the shards in %s: %w; make room, or choose another folder (complete shards are kept)", p.dst, err)
}
