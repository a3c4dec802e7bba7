package data

import (
	"errors"
	"os"
	"sync"
)

// openFiles keeps a bounded number of files open.
type openFiles struct {
	paths []string
	mutex sync.Mutex
	open  map[int]*os.File
}

// maxOpenFiles stays, for both parts of a collection, below the usual limit of
// 1024 a process.
const maxOpenFiles = 256

// get returns an open file, to be handed back with done. Files beyond
// maxOpenFiles are opened for each use.
func (o *openFiles) get(i int) (*os.File, error) {
	o.mutex.Lock()
	file := o.open[i]
	o.mutex.Unlock()
	if file != nil {
		return file, nil
	}
	file, err := os.Open(o.paths[i])
	if err != nil {
		return nil, err
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.open == nil {
		o.open = map[int]*os.File{}
	}
	if o.open[i] == nil && len(o.open) < maxOpenFiles {
		o.open[i] = file
	}
	return file, nil
}

// done closes a file unless it is one of those kept.
func (o *openFiles) done(i int, file *os.File) {
	o.mutex.Lock()
	kept := o.open[i] == file
	o.mutex.Unlock()
	if !kept {
		file.Close()
	}
}

func (o *openFiles) close() error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	var all []error
	for i, file := range o.open {
		all = append(all, file.Close())
		delete(o.open, i)
	}
	return errors.Join(all...)
}
