package weights

import (
	"archive/zip"
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"cone/weights/pickle"
)

// torchZip is the container since PyTorch 1.6: NAME/data.pkl, the storages
// NAME/data/KEY, NAME/version and, in newer files, NAME/byteorder.
type torchZip struct {
	root    string
	entries map[string]*zip.File
	big     bool
}

// The bounds on a zip. Its list of contents takes about eight times its length
// once it is read, and the entries together may hold as much more than the
// file as numbers of a network can be compressed.
const (
	listShare     = 8
	listAllowance = 1 << 20
	maxExpansion  = 4
	maxSmallEntry = 64 // version, byteorder
)

func (t *Torch) openZip(r io.ReaderAt, size int64) error {
	z, err := newTorchZip(r, size)
	if err != nil {
		return err
	}
	t.storages = z
	e := z.entries[z.root+"/data.pkl"]
	if int64(e.UncompressedSize64) > budget(size) {
		return errors.New("its data.pkl is larger than the file")
	}
	p, err := openEntry(e)
	if err != nil {
		return zipError(err)
	}
	defer p.Close()
	buffered := bufio.NewReader(p)
	t.root, err = pickle.Decode(buffered, budget(size), newTorchLoader(z.size).hooks())
	if err != nil {
		return fmt.Errorf("in its data.pkl, %w", err)
	}
	// Reading to the end checks the checksum.
	if _, err := io.Copy(io.Discard, buffered); err != nil {
		return zipError(err)
	}
	return nil
}

// boundedReader gives up after so many bytes.
type boundedReader struct {
	r    io.ReaderAt
	left int64
}

var errLongList = errors.New("its list of contents is too long for its size")

func (b *boundedReader) ReadAt(p []byte, at int64) (int, error) {
	if b.left < 0 {
		return b.r.ReadAt(p, at)
	}
	if b.left -= int64(len(p)); b.left < 0 {
		b.left = 0
		return 0, errLongList
	}
	return b.r.ReadAt(p, at)
}

func newTorchZip(r io.ReaderAt, size int64) (*torchZip, error) {
	// The standard library keeps the whole list of contents.
	bounded := &boundedReader{r: r, left: size/listShare + listAllowance}
	archive, err := zip.NewReader(bounded, size)
	if err != nil {
		return nil, zipError(err)
	}
	bounded.left = -1 // from here on, what is read is what is asked for
	z := &torchZip{entries: map[string]*zip.File{}}
	if err := z.check(archive.File, size); err != nil {
		return nil, err
	}
	return z, z.readOrder()
}

// check refuses whatever torch.save would never write.
func (z *torchZip) check(files []*zip.File, size int64) error {
	type extent struct {
		from, to int64
		name     string
	}
	var extents []extent
	total := uint64(0)
	for _, f := range files {
		name := clip(f.Name)
		if !filepath.IsLocal(f.Name) || strings.ContainsAny(f.Name, `\:`) || path.Clean(f.Name) != f.Name {
			return fmt.Errorf("its entry %q has a path for a name, as torch.save never writes", name)
		}
		if z.entries[f.Name] != nil {
			return fmt.Errorf("it holds the entry %q twice", name)
		}
		z.entries[f.Name] = f
		if f.Method != zip.Store && f.Method != zip.Deflate || f.Flags&1 != 0 {
			return fmt.Errorf("its entry %q is compressed or encrypted in a way that torch.save never uses", name)
		}
		if f.Method == zip.Store && f.CompressedSize64 != f.UncompressedSize64 {
			return fmt.Errorf("its entry %q is not compressed, but has two sizes", name)
		}
		from, err := f.DataOffset()
		if err != nil {
			return zipError(err)
		}
		if f.CompressedSize64 > uint64(size-from) {
			return fmt.Errorf("its entry %q reaches beyond its end; the file may be cut off", name)
		}
		extents = append(extents, extent{from, from + int64(f.CompressedSize64), name})
		if total += f.UncompressedSize64; f.UncompressedSize64 > 1<<62 || total > uint64(maxExpansion*size+listAllowance) {
			return fmt.Errorf("its entries would unpack to more than %d times its size: this is no file of torch.save", maxExpansion)
		}
		if strings.HasSuffix(f.Name, "/data.pkl") && strings.Count(f.Name, "/") == 1 {
			if z.root != "" {
				return errors.New("it holds two data.pkl")
			}
			z.root = path.Dir(f.Name)
		}
	}
	slices.SortFunc(extents, func(a, b extent) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for i := 1; i < len(extents); i++ {
		if extents[i].from < extents[i-1].to {
			return fmt.Errorf("its entries %q and %q overlap", extents[i-1].name, extents[i].name)
		}
	}
	switch {
	case z.root == "":
		return errors.New("it is a zip without data.pkl")
	case z.entries[z.root+"/constants.pkl"] != nil:
		return errors.New("it is a TorchScript program: load it in Python and save its tensors with torch.save(model.state_dict(), …)")
	}
	return nil
}

// readOrder finds out in which order the bytes of numbers lie.
func (z *torchZip) readOrder() error {
	f := z.entries[z.root+"/byteorder"]
	if f == nil {
		return nil // files before PyTorch 2.1 are little-endian
	}
	if f.UncompressedSize64 > maxSmallEntry {
		return errors.New("its byteorder is neither little nor big")
	}
	text := make([]byte, f.UncompressedSize64)
	if err := readEntry(f, text); err != nil {
		return err
	}
	switch string(text) {
	case "little":
	case "big":
		z.big = true
	default:
		return errors.New("its byteorder is neither little nor big")
	}
	return nil
}

func (z *torchZip) bigEndian() bool { return z.big }

func (z *torchZip) entry(key string) (*zip.File, error) {
	f := z.entries[z.root+"/data/"+key]
	if f == nil {
		return nil, fmt.Errorf("storage %q is missing", clip(key))
	}
	return f, nil
}

func (z *torchZip) size(key string) (int64, error) {
	f, err := z.entry(key)
	if err != nil {
		return 0, err
	}
	return int64(f.UncompressedSize64), nil
}

func (z *torchZip) read(key string, dst []byte) error {
	f, err := z.entry(key)
	if err != nil {
		return err
	}
	return readEntry(f, dst)
}

// openEntry reads an entry and, at its end, compares the checksum, unless
// torch.save was told to write none (set_crc32_options).
func openEntry(f *zip.File) (io.ReadCloser, error) {
	if f.Method != zip.Store || f.CRC32 != 0 {
		return f.Open()
	}
	r, err := f.OpenRaw()
	return io.NopCloser(r), err
}

// readEntry fills dst, which has the entry's size, and checks the checksum.
func readEntry(f *zip.File, dst []byte) error {
	r, err := openEntry(f)
	if err != nil {
		return zipError(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, dst); err != nil {
		return zipError(err)
	}
	// The checksum is compared at the end; more than dst's size is none.
	n, err := r.Read(make([]byte, 1))
	if err != nil && err != io.EOF {
		return zipError(err)
	}
	if n > 0 {
		return fmt.Errorf("its entry %q is longer than it says", clip(f.Name))
	}
	return nil
}

// zipError says what an error of the zip means for the file.
func zipError(err error) error {
	switch {
	case errors.Is(err, errLongList):
		return errLongList
	case errors.Is(err, zip.ErrChecksum):
		return errors.New("it is damaged: a checksum does not fit")
	case errors.Is(err, zip.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("its zip is damaged or cut off")
	}
	return fmt.Errorf("its zip cannot be read: %w", err)
}
