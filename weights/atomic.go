package weights

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// temporarySuffix ends the names of files that are not complete yet.
const temporarySuffix = ".cone-tmp"

// WriteFileAtomic writes a file that appears whole or not at all: write fills
// a temporary file in the same folder, which is synced to disk and renamed
// over path. On any error, a full disk included, a file that was at path
// before is untouched and the temporary one is removed. The folder must exist.
func WriteFileAtomic(path string, write func(io.Writer) error) error {
	return replaceFile(path, func(f *os.File) error {
		// Large writes pass straight through the buffer.
		w := bufio.NewWriterSize(f, 1<<16)
		if err := write(w); err != nil {
			return err
		}
		return w.Flush()
	})
}

// CleanTemporary removes the temporary files that a killed process left in
// dir. Nothing else may be writing files there at the time.
func CleanTemporary(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if e.Type().IsRegular() && strings.HasPrefix(name, ".") && strings.HasSuffix(name, temporarySuffix) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
		}
	}
	return err
}

// ReplaceFile is WriteFileAtomic for files that are not written from one end to
// the other.
func ReplaceFile(path string, write func(*os.File) error) error { return replaceFile(path, write) }

func replaceFile(path string, write func(*os.File) error) error {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	// os.CreateTemp would make the file readable by its owner only; this
	// leaves the permissions to the umask.
	name := filepath.Join(dir, "."+base+"."+rand.Text()+temporarySuffix)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return explain(path, err)
	}
	renamed := false
	defer func() { // also when write panics
		if !renamed {
			f.Close()
			os.Remove(name)
		}
	}()
	if err := write(f); err != nil {
		return explain(path, err)
	}
	if err := f.Sync(); err != nil {
		return explain(path, err)
	}
	if err := f.Close(); err != nil {
		return explain(path, err)
	}
	if err := os.Rename(name, path); err != nil {
		return explain(path, err)
	}
	renamed = true
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("%s is written, but may not survive a power failure: %w", path, err)
	}
	return nil
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	// Some file systems cannot sync a folder; they have nothing better to offer.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// explain says what an error means for the file at path.
func explain(path string, err error) error {
	state := "no file was left there"
	if _, statErr := os.Lstat(path); statErr == nil {
		state = "the previous " + filepath.Base(path) + " is untouched"
	}
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("no space left on the disk of %s while writing %s; %s, free some space and try again: %w", dir, path, state, err)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk quota for %s is used up while writing %s; %s, free some space and try again: %w", dir, path, state, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot write %s because the folder %s does not exist: %w", path, dir, err)
	}
	return fmt.Errorf("cannot write %s; %s: %w", path, state, err)
}
