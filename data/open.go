package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cone/augment"
	"cone/recipe"
)

// Collection is labelled images for training and for evaluation.
type Collection struct {
	// Format is what the files are, as the setting data.format has it.
	Format string
	// Train and Test have the same classes.
	Train, Test Source
	// Split says that Test was held out of the training images.
	Split bool
	// Held are training images that training does not see, as data.hold_out
	// has it, or nil. With data.evaluate_held_out they are Test instead.
	Held Source

	unused Source // the test part that Held took the place of
}

// Close lets go of open files.
func (c *Collection) Close() error {
	err := errors.Join(c.Train.Close(), c.Test.Close())
	if c.unused != nil {
		err = errors.Join(err, c.unused.Close())
	}
	return err
}

// Open opens the images that the settings name. Every error is one sentence
// that names the file or folder and what to do.
func Open(d recipe.Data) (*Collection, error) {
	c := &Collection{Format: d.Format}
	var err error
	if c.Format == "auto" {
		if c.Format, err = detect(d); err != nil {
			return nil, err
		}
	}
	switch c.Format {
	case "mnist-idx":
		c.Train, c.Test, err = sources(OpenMNIST(d.Path, 0))
	case "cifar":
		c.Train, c.Test, err = openCIFAR(d.Path)
	case "folder":
		c.Train, c.Test, err = openFolders(d.Path, d.Train, d.Test)
	case "list":
		c.Train, c.Test, err = openLists(d.Path, d.Train, d.Test)
	case "webdataset":
		c.Train, c.Test, err = openWebDataset(d)
	case "parquet":
		c.Train, c.Test, err = openParquet(d)
	default:
		err = fmt.Errorf("data.format %q is unknown: choose auto, mnist-idx, cifar, folder, list, webdataset or parquet", c.Format)
	}
	if err != nil {
		return nil, err
	}
	if len(c.Train.Classes()) < 2 {
		return nil, fmt.Errorf("%s has images of one class only; a classifier needs at least two", d.Path)
	}
	if c.Test == nil {
		c.Split = true
		if c.Train, c.Test = split(c.Train, d.TestShare, d.SplitSeed, augment.PurposeSplit); c.Test.Len() == 0 {
			return nil, fmt.Errorf("%s has too few images of each class to hold some out for evaluation; add images, or name a test part in data.test", d.Path)
		}
	}
	if err := c.choose(d); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// choose keeps the training images that the settings name, and makes their
// labels wrong where the settings ask for that.
func (c *Collection) choose(d recipe.Data) error {
	if d.HoldOut > 0 {
		if c.Train, c.Held = split(c.Train, d.HoldOut, d.SplitSeed, augment.PurposeHold); c.Held.Len() == 0 {
			return fmt.Errorf("%s has too few training images of each class for data.hold_out to take some; add images, or set it to 0", d.Path)
		}
	}
	if d.EvaluateHeldOut {
		c.unused, c.Test, c.Held = c.Test, c.Held, nil
	}
	c.Train = Fraction(c.Train, d.Fraction, d.FractionSeed)
	whole := c.Train
	c.Train = First(whole, d.Limit)
	if class := leftOut(whole, c.Train); class >= 0 {
		return fmt.Errorf("data.limit is %d, but the first %d training images of %s have none of class %s, for they are sorted by class: raise it, choose data.fraction instead, or let cone data pack mix them",
			d.Limit, d.Limit, d.Path, whole.Classes()[class])
	}
	if d.LabelNoise.Rate > 0 {
		c.Train = WithNoise(c.Train, d.LabelNoise)
	}
	return nil
}

// Noise is the training images with the labels that were made wrong, or nil.
func (c *Collection) Noise() *Noisy {
	noisy, _ := c.Train.(*Noisy)
	return noisy
}

// leftOut is a class that has images in whole but none in part, or −1.
func leftOut(whole, part Source) int {
	if part.Len() == whole.Len() {
		return -1
	}
	has := make([]bool, len(whole.Classes()))
	for i := range part.Len() {
		has[part.Label(i)] = true
	}
	for i := range whole.Len() {
		if class := whole.Label(i); !has[class] {
			return class
		}
	}
	return -1
}

// sources turns nil pointers into nil interfaces.
func sources(train, test *Dataset, err error) (Source, Source, error) {
	if err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// isShard says whether a file is a tar file by its name, maybe a compressed one,
// which is refused with a remedy.
func isShard(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// detect finds out what lies at the path.
func detect(d recipe.Data) (string, error) {
	info, err := os.Stat(d.Path)
	for _, name := range []string{d.Train, filepath.Base(d.Path)} {
		if name != d.Train && err == nil && info.IsDir() {
			continue // a folder, whatever it is called
		}
		if isShard(name) {
			return "webdataset", nil
		}
		switch strings.ToLower(filepath.Ext(name)) {
		case ".parquet":
			return "parquet", nil
		case ".txt", ".lst", ".list", ".tsv":
			return "list", nil
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is nothing at %q; name the folder or file that holds the images", d.Path)
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s is no collection of images that is known; name a folder, a list of \"path label\" (.txt), a .tar or a .parquet file", d.Path)
	}
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return "", err
	}
	has := func(match func(name string) bool) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			return !strings.HasPrefix(e.Name(), ".") && match(e.Name())
		})
	}
	parquets, err := filepath.Glob(filepath.Join(globEscape(d.Path), "data", "*.parquet"))
	if err != nil {
		return "", err
	}
	_, known := findCIFAR(d.Path)
	// Archives and lists are often left beside what was unpacked from them.
	unpacked, _ := subfolders(filepath.Join(d.Path, "train"))
	switch {
	case has(func(name string) bool { return strings.HasPrefix(name, "train-images-idx3-ubyte") }):
		return "mnist-idx", nil
	case known != nil:
		return "cifar", nil
	case len(unpacked) > 0:
		return "folder", nil
	case has(func(name string) bool { return strings.HasSuffix(name, ".tar") }):
		return "webdataset", nil
	case has(func(name string) bool { return strings.HasSuffix(name, ".parquet") }) || len(parquets) > 0:
		return "parquet", nil
	case has(func(name string) bool { return name == "train.txt" }):
		return "list", nil
	}
	folders, err := subfolders(d.Path)
	if err != nil {
		return "", err
	}
	switch {
	case len(folders) > 0:
		return "folder", nil
	case has(isShard):
		return "webdataset", nil
	}
	remedy := "looked for class folders, train/ and val/, train.txt, idx and CIFAR files, .tar and .parquet"
	if has(isPicture) {
		remedy = "its pictures lie side by side: put those of each class into a folder with the class's name"
	}
	return "", fmt.Errorf("%s holds no collection of images that is known; %s", d.Path, remedy)
}
