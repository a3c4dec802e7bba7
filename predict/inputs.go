// Package predict puts a trained model to use on pictures: files, folders,
// lists on standard input, collections; what the model makes of them, and which
// entries of an index they resemble.
//
// Shape legend: N pictures, C classes, D embedding, k neighbours.
package predict

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"cone/codec"
	"cone/data"
)

const (
	// chunkFiles is how many files are prepared by one loader: enough that its
	// start costs nothing, few enough that memory stays flat.
	chunkFiles = 4096
	// sniffed is how many bytes of standard input tell a picture from a list.
	sniffed = 16
	// maxPath bounds a line of a list of paths, in bytes.
	maxPath = 64 << 10
	// maxPicture bounds a picture on standard input, in bytes.
	maxPicture = 1 << 30
)

// Standard is the argument that stands for standard input.
const Standard = "-"

// Inputs say where pictures come from: Collection if it is set, else Arguments.
type Inputs struct {
	// Arguments are files, folders (with all below them, by name), and
	// Standard: one encoded picture, or paths, one a line.
	Arguments []string
	Stdin     io.Reader
	// Collection is labelled pictures.
	Collection data.Source
}

// chunks collects pictures into collections of bounded size.
type chunks struct {
	paths []string
	// visit takes the next pictures; labelled says whether their labels mean
	// anything.
	visit func(s data.Source, labelled bool) error
	// problem takes what cannot be used at all.
	problem func(name string, err error) error
}

// each hands out all pictures in the inputs' order.
func (in Inputs) each(c *chunks) error {
	if in.Collection != nil {
		return c.visit(in.Collection, true)
	}
	for _, argument := range in.Arguments {
		var err error
		if argument == Standard {
			err = c.standard(in.Stdin)
		} else {
			err = c.argument(argument)
		}
		if err != nil {
			return err
		}
	}
	return c.flush()
}

// argument adds a file or what is in a folder.
func (c *chunks) argument(path string) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return c.add(path) // what is wrong with it shows when it is read
	}
	found := false
	var failed error // of what follows, not of the folder
	err := data.EachPicture(path, func(picture string) error {
		found = true
		failed = c.add(picture)
		return failed
	})
	switch {
	case failed != nil:
		return failed
	case err == nil && !found:
		err = fmt.Errorf("%s holds no pictures: name a folder with some", path)
	}
	if err != nil {
		return c.fail(path, err)
	}
	return nil
}

// standard adds what comes on standard input.
func (c *chunks) standard(stdin io.Reader) error {
	in := bufio.NewReaderSize(stdin, maxPath)
	start, err := in.Peek(sniffed)
	if err != nil && err != io.EOF {
		return fmt.Errorf("standard input cannot be read: %w", err)
	}
	if codec.Known(start) {
		content, err := io.ReadAll(io.LimitReader(in, maxPicture))
		if err != nil {
			return fmt.Errorf("standard input cannot be read: %w", err)
		}
		if err := c.flush(); err != nil {
			return err
		}
		return c.visit(data.Encoded(Standard, content), false)
	}
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = fmt.Errorf("line %d has more than %d bytes: write one path a line", number, maxPath)
			}
			return fmt.Errorf("standard input cannot be read: %w", err)
		}
		if path := strings.TrimRight(string(line), "\r\n"); path != "" {
			if strings.ContainsRune(path, 0) {
				return fmt.Errorf("standard input is neither a picture that can be decoded nor a list of paths (line %d)", number)
			}
			if err := c.add(path); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

func (c *chunks) add(path string) error {
	c.paths = append(c.paths, path)
	if len(c.paths) < chunkFiles {
		return nil
	}
	return c.flush()
}

func (c *chunks) flush() error {
	if len(c.paths) == 0 {
		return nil
	}
	source := data.Paths(c.paths)
	c.paths = c.paths[:0]
	return c.visit(source, false)
}

func (c *chunks) fail(name string, err error) error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.problem(name, err)
}
