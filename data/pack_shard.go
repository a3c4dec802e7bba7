package data

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// tarBytes is what an entry takes: a header, and whole blocks.
func tarBytes(n int) int64 { return tarBlock + int64(n+tarBlock-1)/tarBlock*tarBlock }

// entry writes one entry. Its time, owner and rights are always the same.
func (p *packer) entry(name string, content []byte) error {
	header := tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
	if err := p.tar.WriteHeader(&header); err != nil {
		return err
	}
	_, err := p.tar.Write(content)
	return err
}

func (p *packer) startShard() (err error) {
	if len(p.result.Shards) == maxShards {
		return fmt.Errorf("more than %d shards would be written; choose larger ones", maxShards)
	}
	if p.file, err = os.OpenFile(filepath.Join(p.hidden, p.shardName()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return explainPack(p.dst, err)
	}
	p.tar, p.bytes, p.images = tar.NewWriter(p.file), 0, 0
	return nil
}

// shardName is the name of the shard that is being written.
func (p *packer) shardName() string {
	return fmt.Sprintf("%s-%06d.tar", p.prefix, len(p.result.Shards))
}

// finishShard completes the shard that is being written.
func (p *packer) finishShard() error {
	err := p.tar.Close()
	size, seekErr := p.file.Seek(0, io.SeekCurrent)
	// The first error is what is wrong; the others follow from it.
	if err = cmp.Or(err, seekErr, p.file.Sync(), p.file.Close()); err != nil {
		return explainPack(p.dst, err)
	}
	p.result.Shards = append(p.result.Shards, filepath.Join(p.dst, p.shardName()))
	p.result.Bytes += size
	p.file = nil
	return nil
}

// publish moves everything to its place: the class names first, so that there
// are never shards without them.
func publish(hidden, dst, classes string, shards []string) error {
	var names []string
	if classes != "" {
		names = append(names, "classes.txt")
		if err := writeSynced(filepath.Join(hidden, "classes.txt"), classes); err != nil {
			return err
		}
	}
	for _, path := range shards {
		names = append(names, filepath.Base(path))
	}
	for i, name := range names {
		if err := os.Rename(filepath.Join(hidden, name), filepath.Join(dst, name)); err != nil {
			for _, done := range names[:i] {
				os.Remove(filepath.Join(dst, done))
			}
			return err
		}
	}
	return syncFolder(dst)
}

func writeSynced(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return cmp.Or(err, file.Sync(), file.Close())
}

// syncFolder makes the names in a folder safe.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return cmp.Or(folder.Sync(), folder.Close())
}

// explainPack phrases errors of writing.
func explainPack(dst string, err error) error {
	remedy := "choose another folder"
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		remedy = "make room, or choose a folder on another disk"
	}
	return fmt.Errorf("cannot write shards in %s (%w); %s", dst, err, remedy)
}
