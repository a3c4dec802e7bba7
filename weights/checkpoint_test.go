package weights

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func writeCheckpoint(t *testing.T) (path, checksum string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "last.safetensors")
	metadata, arrays := pythonArrays()
	// A value that looks like the checksum's own field must not mislead.
	metadata["trap"] = string(checksumField) + checksumZero + `"`
	checksum, err := WriteCheckpoint(path, metadata, arrays)
	if err != nil {
		t.Fatal(err)
	}
	return path, checksum
}

func TestCheckpointRoundTrip(t *testing.T) {
	path, checksum := writeCheckpoint(t)
	if err := Verify(path); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Metadata()[ChecksumKey]; got != checksum {
		t.Errorf("metadata has %q, WriteCheckpoint returned %q", got, checksum)
	}
	metadata, arrays := pythonArrays()
	if got := f.Metadata()["note"]; got != metadata["note"] {
		t.Errorf("note %q", got)
	}
	for _, want := range arrays {
		if got, err := f.Read(want.Name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Read(%q) = %+v, %v", want.Name, got, err)
		}
	}
}

// The definition in ChecksumKey's comment, computed the plain way.
func TestChecksumDefinition(t *testing.T) {
	path, checksum := writeCheckpoint(t)
	digits := strings.TrimPrefix(checksum, "sha256:")
	b := []byte(content(t, path))
	if n := bytes.Count(b, []byte(digits)); n != 1 {
		t.Fatalf("digits occur %d times", n)
	}
	b = bytes.Replace(b, []byte(digits), bytes.Repeat([]byte("0"), 64), 1)
	if want := fmt.Sprintf("%x", sha256.Sum256(b)); digits != want {
		t.Errorf("checksum %s, want %s", digits, want)
	}
}

func TestCheckpointIsDeterministic(t *testing.T) {
	a, _ := writeCheckpoint(t)
	b, _ := writeCheckpoint(t)
	if content(t, a) != content(t, b) {
		t.Error("equal contents gave different files")
	}
}

func TestVerifyDetectsEveryDamage(t *testing.T) {
	path, _ := writeCheckpoint(t)
	whole := []byte(content(t, path))
	damaged := filepath.Join(t.TempDir(), "damaged.safetensors")
	check := func(what string, b []byte) {
		if err := os.WriteFile(damaged, b, 0o666); err != nil {
			t.Fatal(err)
		}
		err := Verify(damaged)
		if err == nil {
			t.Errorf("%s: not detected", what)
		} else if !strings.Contains(err.Error(), damaged) {
			t.Errorf("%s: %v does not name the file", what, err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range whole { // every byte, one random flip
		b := bytes.Clone(whole)
		b[i] ^= byte(1 + random.IntN(255))
		check(fmt.Sprintf("byte %d of %d flipped", i, len(whole)), b)
	}
	for n := range whole {
		check(fmt.Sprintf("cut to %d of %d", n, len(whole)), whole[:n])
	}
	check("a byte more", append(bytes.Clone(whole), 0))
}

func TestVerifyWithoutChecksum(t *testing.T) {
	path := filepath.Join("testdata", "python.safetensors")
	err := Verify(path)
	if !errors.Is(err, ErrNoChecksum) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestWriteCheckpointRefusesReservedKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if _, err := WriteCheckpoint(path, map[string]string{ChecksumKey: "x"}, nil); err == nil {
		t.Error("accepted")
	}
}

func TestWriteCheckpointKeepsOldOneOnError(t *testing.T) {
	path, _ := writeCheckpoint(t)
	before := content(t, path)
	failed := errors.New("device lost")
	_, err := WriteCheckpoint(path, nil, []Array{
		{Name: "a", DType: U8, Shape: []int64{1 << 16}, Data: make([]byte, 1<<16)},
		{Name: "b", DType: U8, Load: func() ([]byte, error) { return nil, failed }},
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if content(t, path) != before {
		t.Error("the old checkpoint changed")
	}
	if got := entries(t, filepath.Dir(path)); got != filepath.Base(path) {
		t.Errorf("folder holds %q", got)
	}
}

func BenchmarkWriteCheckpoint(b *testing.B) {
	data := make([]byte, 64<<20)
	path := filepath.Join(b.TempDir(), "x")
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := WriteCheckpoint(path, nil, []Array{{Name: "a", DType: U8, Shape: []int64{int64(len(data))}, Data: data}}); err != nil {
			b.Fatal(err)
		}
	}
}
