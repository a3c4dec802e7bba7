package data

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// folderExtensions are what torchvision's ImageFolder takes for pictures
// (https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html),
// and GIF.
var folderExtensions = []string{".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif"}

func isPicture(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains(folderExtensions, strings.ToLower(filepath.Ext(name)))
}

// subfolders are the folders in dir by name, hidden ones left out, links
// followed.
func subfolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && isFolder(dir, e) {
			out = append(out, e.Name())
		}
	}
	return out, nil // ReadDir sorts
}

func isFolder(dir string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.IsDir()
}

// openFolder reads a folder of class folders: the classes are the sorted names
// of the folders, the pictures whatever lies below, at any depth, in the order
// of torchvision's ImageFolder. A class may be empty where test is set.
func openFolder(dir string, test bool) (*fileSource, error) {
	classes, err := subfolders(dir)
	if err != nil {
		return nil, err
	}
	if len(classes) == 0 {
		return nil, fmt.Errorf("%s has no class folders; put the pictures of each class into a folder with its name", dir)
	}
	found := make([][]string, len(classes))
	var group errgroup.Group
	group.SetLimit(16) // mostly waiting for the disk
	for c, class := range classes {
		group.Go(func() (err error) {
			found[c], err = picturesBelow(dir, class)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s := &fileSource{root: dir, classes: classes}
	for c, pictures := range found {
		if len(pictures) == 0 && !test {
			return nil, fmt.Errorf("%s holds no pictures (%s); fill it, or remove it", filepath.Join(dir, classes[c]), strings.Join(folderExtensions, " "))
		}
		for _, name := range pictures {
			s.add(name, c)
		}
		found[c] = nil
	}
	if s.Len() == 0 {
		return nil, fmt.Errorf("%s holds no pictures (%s) in its class folders; fill them", dir, strings.Join(folderExtensions, " "))
	}
	s.clip()
	return s, nil
}

// picturesBelow lists the pictures in a folder and below it, relative to root:
// folder by folder in the order of the folders' paths, and by name in each.
func picturesBelow(root, folder string) ([]string, error) {
	byFolder := map[string][]string{}
	if err := walk(root, folder, nil, byFolder); err != nil {
		return nil, err
	}
	var all []string
	for _, folder := range slices.Sorted(maps.Keys(byFolder)) {
		for _, name := range byFolder[folder] {
			all = append(all, filepath.Join(folder, name))
		}
	}
	return all, nil
}

// walk notes the names of the pictures in a folder and in those below it. above
// are the folders on the way, so that links in a circle end.
func walk(root, folder string, above []fs.FileInfo, byFolder map[string][]string) error {
	path := filepath.Join(root, folder)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		return fmt.Errorf("%s is a link to a folder above it; remove it", path)
	}
	above = append(above, info)
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
		case isFolder(path, e):
			if err := walk(root, filepath.Join(folder, name), above, byFolder); err != nil {
				return err
			}
		case isPicture(name):
			byFolder[folder] = append(byFolder[folder], name)
		}
	}
	return nil
}

// openFolders opens train/CLASS/… and val/CLASS/… in dir, or CLASS/… alone,
// whose test part is nil.
func openFolders(dir, trainName, testName string) (train, test Source, err error) {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("there is no folder %q; name the one that holds train/CLASS/ or CLASS/", dir)
	case err != nil:
		return nil, nil, err
	case !info.IsDir():
		return nil, nil, fmt.Errorf("%s is a file; name the folder that holds train/CLASS/ or CLASS/", dir)
	}
	if trainName == "" {
		trainName = "train"
		if !hasFolder(dir, trainName) {
			if testName != "" {
				return nil, nil, fmt.Errorf("%s has no folder train; name the folder with the training images in data.train", dir)
			}
			s, err := openFolder(dir, false)
			if err != nil {
				return nil, nil, err
			}
			if names := s.Classes(); !slices.ContainsFunc(names, func(name string) bool { return !isPart(name) }) {
				return nil, nil, fmt.Errorf("the folders %s in %s look like parts and not like classes; name them in data.train and data.test",
					strings.Join(names, ", "), dir)
			}
			return s, nil, nil
		}
	}
	first, err := openFolder(within(dir, trainName), false)
	if err != nil {
		return nil, nil, err
	}
	if testName == "" {
		for _, name := range testNames {
			if hasFolder(dir, name) {
				testName = name
				break
			}
		}
	}
	if testName == "" {
		return first, nil, nil
	}
	second, err := openFolder(within(dir, testName), true)
	if err != nil {
		return nil, nil, err
	}
	if err := sameClasses(first, second); err != nil {
		return nil, nil, err
	}
	return first, second, nil
}

// isPart says whether a folder's name is usual for a part of a collection.
func isPart(name string) bool {
	switch strings.ToLower(name) {
	case "train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval":
		return true
	}
	return false
}

func hasFolder(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.IsDir()
}

// sameClasses refuses folders that differ, and names them.
func sameClasses(train, test *fileSource) error {
	var problems []string
	for _, part := range []struct{ have, lack *fileSource }{{train, test}, {test, train}} {
		var only []string
		for _, class := range part.have.classes {
			if _, ok := slices.BinarySearch(part.lack.classes, class); !ok {
				only = append(only, class)
			}
		}
		if len(only) > 0 {
			shown := strings.Join(only[:min(5, len(only))], ", ")
			if len(only) > 5 {
				shown += fmt.Sprintf(" and %d more", len(only)-5)
			}
			problems = append(problems, fmt.Sprintf("%s has no folder %s, which %s has", part.lack.root, shown, part.have.root))
		}
	}
	if problems == nil {
		return nil
	}
	return errors.New(strings.Join(problems, ", and ") + "; both parts need the same class folders, of which those for evaluation may be empty")
}
