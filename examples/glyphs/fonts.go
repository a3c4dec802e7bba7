package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// fontExtensions are the files that are looked at; Type 1 fonts are not read.
var fontExtensions = []string{".ttf", ".otf", ".ttc", ".otc"}

// fontFiles lists the font files in a folder and below it, or those that a
// text file names.
func fontFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: name a folder of fonts, or a text file that lists font files, with --fonts", path)
	}
	if err != nil {
		return nil, err
	}
	var files []string
	isFont := func(name string) bool { return slices.Contains(fontExtensions, strings.ToLower(filepath.Ext(name))) }
	if info.IsDir() {
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && isFont(name) {
				files = append(files, name)
			}
			return err
		})
	} else {
		var raw []byte
		raw, err = os.ReadFile(path)
		for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
			if name := strings.TrimSpace(lines.Text()); isFont(name) {
				files = append(files, name)
			}
		}
	}
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s holds no fonts (%s): name another place with --fonts", path, strings.Join(fontExtensions, " "))
	}
	slices.Sort(files)
	return files, err
}

// loadFaces reads all fonts; those that cannot be used are listed in left,
// each with the reason.
func loadFaces(files []string, wanted []rune) (faces []*face, left []string) {
	wanted = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(wanted), capitals...))))
	found := make([][]*face, len(files))
	reasons := make([]error, len(files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range files {
		group.Go(func() error {
			raw, err := os.ReadFile(file)
			if err == nil {
				found[i], err = readFaces(raw, wanted)
			}
			reasons[i] = err
			return nil
		})
	}
	_ = group.Wait() // no reason stops the others
	for i, file := range files {
		if reasons[i] != nil {
			left = append(left, fmt.Sprintf("%s (%v)", file, reasons[i]))
		}
		faces = append(faces, found[i]...)
	}
	return faces, left
}
