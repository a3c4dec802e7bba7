package weights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// entries lists the names in a folder, hidden ones too.
func entries(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWriteFileAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, want := range []string{"one", "a longer second one", ""} {
		if err := WriteFileAtomic(path, text(want)); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := entries(t, dir); got != "file" {
		t.Errorf("folder holds %q", got)
	}
}

func TestWriteFileAtomicUnseenUntilComplete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteFileAtomic(path, text("old")); err != nil {
		t.Fatal(err)
	}
	err := WriteFileAtomic(path, func(w io.Writer) error {
		err := text(strings.Repeat("new", 1<<16))(w)
		if got := content(t, path); got != "old" {
			t.Errorf("half-written file is visible: %.10q", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriteFileAtomicKeepsOldFileOnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	failed := errors.New("no more data")
	fail := func(w io.Writer) error { return errors.Join(text("half")(w), failed) }

	err := WriteFileAtomic(path, fail)
	if !errors.Is(err, failed) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "no file was left") {
		t.Errorf("without an old file: %v", err)
	}
	if got := entries(t, dir); got != "" {
		t.Errorf("folder holds %q", got)
	}

	if err := WriteFileAtomic(path, text("old")); err != nil {
		t.Fatal(err)
	}
	err = WriteFileAtomic(path, fail)
	if !errors.Is(err, failed) || !strings.Contains(err.Error(), "previous file is untouched") {
		t.Errorf("with an old file: %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		WriteFileAtomic(path, func(io.Writer) error { panic("half-way") })
	}()
	if got := content(t, path); got != "old" {
		t.Errorf("old file now holds %q", got)
	}
	if got := entries(t, dir); got != "file" {
		t.Errorf("folder holds %q", got)
	}
}

func TestWriteFileAtomicErrors(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	err := WriteFileAtomic(filepath.Join(missing, "file"), text(""))
	if err == nil || !strings.Contains(err.Error(), missing+" does not exist") {
		t.Errorf("missing folder: %v", err)
	}
	if err := WriteFileAtomic(missing, func(io.Writer) error { return syscall.EDQUOT }); err == nil || !strings.Contains(err.Error(), "quota") {
		t.Errorf("quota: %v", err)
	}
	// A folder in the file's place cannot be replaced.
	target := filepath.Join(dir, "folder")
	if err := os.Mkdir(target, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(target, text("x")); err == nil {
		t.Error("a folder was replaced")
	}
	if got := entries(t, dir); got != "folder" {
		t.Errorf("folder holds %q", got)
	}
}

func TestCleanTemporary(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"keep", ".hidden", ".last.ABC" + temporarySuffix, "x" + temporarySuffix} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := CleanTemporary(dir); err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, dir), ".hidden keep x"+temporarySuffix; got != want {
		t.Errorf("folder holds %q, want %q", got, want)
	}
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, 1<<20)
	path := filepath.Join(dir, "last.safetensors")
	arrays := func(n int64) []Array {
		return []Array{{Name: "a", DType: U8, Shape: []int64{n}, Data: make([]byte, n)}}
	}
	if _, err := WriteCheckpoint(path, nil, arrays(1000)); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() error{
		"checkpoint": func() error {
			_, err := WriteCheckpoint(path, nil, arrays(2<<20))
			return err
		},
		"file": func() error {
			return WriteFileAtomic(path, func(w io.Writer) error { return Write(w, nil, arrays(2<<20)) })
		},
	} {
		err := write()
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%s: %v, want ENOSPC", name, err)
		}
		want := fmt.Sprintf("no space left on the disk of %s while writing %s; the previous last.safetensors is untouched", dir, path)
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if err := Verify(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := entries(t, dir); got != "last.safetensors" {
			t.Errorf("%s: folder holds %q", name, got)
		}
	}
}
