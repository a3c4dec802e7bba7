package data

import (
	"archive/tar"
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
		return p.explain(err)
	}
	p.tar, p.bytes, p.images = tar.NewWriter(p.file), 0, 0
	return nil
}

// shardName is the name of the shard that is being written.
func (p *packer) shardName() string {
	return fmt.Sprintf("%s-%06d.tar", p.options.Prefix, len(p.result.Shards))
}

// finishShard completes the shard that is being written.
func (p *packer) finishShard() error {
	err := p.tar.Close()
	size, seekErr := p.file.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, seekErr, p.file.Sync(), p.file.Close()); err != nil {
		return p.explain(err)
	}
	p.result.Shards = append(p.result.Shards, filepath.Join(p.dst, p.shardName()))
	p.result.Bytes += size
	p.file = nil
	return nil
}

// publish moves everything to its place: the class names first, so that there
// are never shards without them.
func (p *packer) publish(classes string) error {
	var names []string
	if classes != "" {
		names = append(names, "classes.txt")
		if err := writeSynced(filepath.Join(p.hidden, "classes.txt"), classes); err != nil {
			return p.explain(err)
		}
	}
	for _, path := range p.result.Shards {
		names = append(names, filepath.Base(path))
	}
	for i, name := range names {
		if err := os.Rename(filepath.Join(p.hidden, name), filepath.Join(p.dst, name)); err != nil {
			for _, done := range names[:i] {
				os.Remove(filepath.Join(p.dst, done))
			}
			return p.explain(err)
		}
	}
	if err := syncFolder(p.dst); err != nil {
		return p.explain(err)
	}
	return nil
}

func writeSynced(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncFolder makes the names in a folder safe.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// abandon removes what is not in its place.
func (p *packer) abandon() {
	if p.file != nil {
		p.file.Close()
	}
	os.RemoveAll(p.hidden)
}

func (p *packer) explain(err error) error {
	remedy := "choose another folder"
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		remedy = "make room, or choose a folder on another disk"
	}
	return fmt.Errorf("cannot write shards in %s (%w); %s", p.dst, err, remedy)
}
