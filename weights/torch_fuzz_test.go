package weights

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"testing"
)

// FuzzTorch gives any bytes to the reader of .pth files: containers and all.
// The seeds are the files of testdata/torch.
func FuzzTorch(f *testing.F) {
	for _, data := range torchSeeds(f) {
		f.Add(data)
		f.Add(data[:len(data)*2/3])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<20 {
			openBytes(t, data)
		}
	})
}

// FuzzTorchPickle puts any pickle and any storage into a sound zip, whose
// checksums would stop FuzzTorch early.
func FuzzTorchPickle(f *testing.F) {
	for _, data := range torchSeeds(f) {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			continue // an old file
		}
		for _, e := range z.File {
			if len(e.Name) < 9 || e.Name[len(e.Name)-9:] != "/data.pkl" {
				continue
			}
			r, err := openEntry(e)
			if err != nil {
				f.Fatal(err)
			}
			pickled, err := io.ReadAll(r)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(pickled, make([]byte, 24))
		}
	}
	f.Add([]byte("\x80\x02"+tensorOf(6, 1, i64(2, 2), i64(1, 2))+"."), make([]byte, 24))
	f.Fuzz(func(t *testing.T, pickled, storage []byte) {
		if len(pickled)+len(storage) > 1<<20 {
			return
		}
		openBytes(t, zipOf(t, zipEntry{name: "x/data.pkl", content: pickled},
			zipEntry{name: "x/data/0", content: storage}, zipEntry{name: "x/data/1", content: storage}))
	})
}

func torchSeeds(f *testing.F) (seeds [][]byte) {
	for _, name := range []string{"types-2", "views-1", "beside-1", "beside-2", "legacy-1", "protocol4-2", "big-2", "deflated-1", "unsummed-2", "refused/system-2", "refused/sneaky-1-legacy", "refused/expanded-1", "refused/script-1"} {
		data, err := os.ReadFile("testdata/torch/" + name + ".pth")
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	return seeds
}
