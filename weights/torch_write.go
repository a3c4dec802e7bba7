package weights

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"cone/weights/pickle"
)

// torchAlignment is where storages begin in a file, so that Python can map it.
const torchAlignment = 64

// paddingID marks the padding in a zip's local header, as torch does ("FB").
const paddingID = 0x4246

// torchNames are the types that a .pth can hold: the storage's class.
var torchNames = map[DType]string{
	F32: "FloatStorage", F64: "DoubleStorage", F16: "HalfStorage", BF16: "BFloat16Storage", I64: "LongStorage",
	I32: "IntStorage", I16: "ShortStorage", I8: "CharStorage", U8: "ByteStorage", Bool: "BoolStorage", C64: "ComplexFloatStorage",
}

// TorchWriter collects what WriteTorch writes: its methods turn arrays into
// values that the top of the file can hold.
type TorchWriter struct{ arrays []Array }

// Tensor is an array as a value of the file. Arrays are written in the order
// of the calls.
func (w *TorchWriter) Tensor(a Array) (any, error) {
	class, ok := torchNames[a.DType]
	if !ok {
		return nil, fmt.Errorf("tensor %q has the type %s, which a .pth cannot hold", clip(a.Name), a.DType)
	}
	size, err := a.ByteSize()
	if err != nil {
		return nil, err
	}
	if size > math.MaxUint32-1 {
		return nil, fmt.Errorf("tensor %q has %d bytes, and a .pth is written with at most 4 GiB a tensor", clip(a.Name), size)
	}
	shape, strides := pickle.Tuple{}, make(pickle.Tuple, len(a.Shape))
	count := int64(1)
	for i := len(a.Shape) - 1; i >= 0; i-- {
		strides[i] = count
		count *= max(1, a.Shape[i]) // as torch has strides around empty dimensions
	}
	for _, n := range a.Shape {
		shape = append(shape, n)
	}
	storage := pickle.Persistent{ID: pickle.Tuple{
		"storage", pickle.Global{Module: "torch", Name: class}, fmt.Sprint(len(w.arrays)), "cpu", size / a.DType.Size(),
	}}
	w.arrays = append(w.arrays, a)
	return pickle.Call{
		Callee:    pickle.Global{Module: "torch._utils", Name: "_rebuild_tensor_v2"},
		Arguments: pickle.Tuple{storage, int64(0), shape, strides, false, pickle.OrderedDict(nil)},
	}, nil
}

// StateDict is a collections.OrderedDict of the arrays by their names.
func (w *TorchWriter) StateDict(arrays []Array) (any, error) {
	items := pickle.NewDict()
	for _, a := range arrays {
		v, err := w.Tensor(a)
		if err != nil {
			return nil, err
		}
		if _, taken := items.Get(a.Name); taken {
			return nil, fmt.Errorf("two tensors are named %q", clip(a.Name))
		}
		if err := items.Set(a.Name, v); err != nil {
			return nil, err
		}
	}
	return pickle.OrderedDict(items), nil
}

// Write writes a file as torch.save does: a zip named archive, whose storages
// are not compressed and begin at multiples of 64 bytes. The top is what
// Python's torch.load returns; with weights_only=True, too, for it names only
// what is allowed there.
func (w *TorchWriter) Write(out io.Writer, archive string, top any) error {
	data, err := pickle.Encode(top)
	if err != nil {
		return err
	}
	z := &alignedZip{out: &countingWriter{w: out}}
	z.zip = zip.NewWriter(z.out)
	if err := z.add(archive+"/data.pkl", data); err != nil {
		return err
	}
	if err := z.add(archive+"/byteorder", []byte("little")); err != nil {
		return err
	}
	for i, a := range w.arrays {
		content := a.Data
		if a.Load != nil {
			if content, err = a.Load(); err != nil {
				return fmt.Errorf("cannot fetch tensor %q: %w", clip(a.Name), err)
			}
		}
		if err := checkData(a, content); err != nil {
			return err
		}
		if err := z.add(fmt.Sprintf("%s/data/%d", archive, i), content); err != nil {
			return err
		}
	}
	if err := z.add(archive+"/version", []byte("3\n")); err != nil {
		return err
	}
	return z.zip.Close()
}

// countingWriter knows how much was written.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// alignedZip writes entries whose contents are aligned.
type alignedZip struct {
	out *countingWriter
	zip *zip.Writer
}

// localHeader is the length of a zip's local header without name and padding.
const localHeader = 30

func (z *alignedZip) add(name string, content []byte) error {
	if err := z.zip.Flush(); err != nil {
		return err
	}
	const least = 4 // the padding's own header
	begin := z.out.n + localHeader + int64(len(name)) + least
	padding := make([]byte, least+(-begin&(torchAlignment-1)))
	for i := range padding {
		padding[i] = 'Z'
	}
	binary.LittleEndian.PutUint16(padding, paddingID)
	binary.LittleEndian.PutUint16(padding[2:], uint16(len(padding)-least))
	w, err := z.zip.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, Extra: padding, CRC32: crc32.ChecksumIEEE(content),
		CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}
