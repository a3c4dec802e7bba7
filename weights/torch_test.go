package weights

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// torchFiles are the files that testdata/torch/make.py wrote.
func torchFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "torch", "*.pth"))
	if err != nil || len(files) < 15 {
		t.Fatalf("testdata/torch holds %d files: %v", len(files), err)
	}
	return files
}

// TestReadTorch reads every tensor of files that PyTorch 1.13 and 2.x wrote.
func TestReadTorch(t *testing.T) {
	for _, path := range torchFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(strings.TrimSuffix(path, ".pth") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var want map[string][3]any
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			s, err := OpenAny(path)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			listed := 0
			for name, w := range want {
				info, ok := s.Info(name)
				if !ok {
					t.Errorf("%s is missing", name)
					continue
				}
				a, err := s.Read(name)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				shape := []any{}
				for _, n := range a.Shape {
					shape = append(shape, float64(n))
				}
				got := [3]any{string(a.DType), shape, hex.EncodeToString(a.Data)}
				if !reflect.DeepEqual(got, w) {
					t.Errorf("%s is %v, PyTorch has %v", name, got, w)
				}
				if info.DType != a.DType || !slices.Equal(info.Shape, a.Shape) || info.Size != int64(len(a.Data)) {
					t.Errorf("Info(%q) = %+v", name, info)
				}
				if !strings.HasPrefix(name, "optimizer.") {
					listed++
				}
			}
			if names := s.Names(); len(names) != listed {
				t.Errorf("names are %q, want %d", names, listed)
			}
		})
	}
}

func TestTorchBeside(t *testing.T) {
	for _, name := range []string{"beside-1", "beside-2", "legacy-1", "legacy-2", "protocol4-1", "protocol4-2"} {
		f, err := OpenTorch(filepath.Join("testdata", "torch", name+".pth"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		want := []string{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"}
		if got := f.Names(); !slices.Equal(got, want) {
			t.Errorf("%s: names %q, want %q", name, got, want)
		}
		if n, ok := f.Number("epoch"); !ok || n != 12 {
			t.Errorf("%s: epoch %d, %v", name, n, ok)
		}
		if n, ok := f.Number("count"); !ok || n != 5 {
			t.Errorf("%s: count %d, %v", name, n, ok)
		}
		if got := f.OptimizerGroups(); !reflect.DeepEqual(got, [][]int64{{0, 1, 2, 3}}) {
			t.Errorf("%s: optimizer groups %v", name, got)
		}
	}
}
