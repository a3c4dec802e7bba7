package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// debianFashionMNIST is where Debian's package dataset-fashion-mnist puts its files.
const debianFashionMNIST = "/usr/share/datasets/fashion-mnist"

// fashionClasses are the classes of Fashion-MNIST
// (https://github.com/zalandoresearch/fashion-mnist#labels), by label.
var fashionClasses = []string{
	"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
	"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
}

// OpenMNIST reads the training and test images of a data set in MNIST's
// format from dir: train-images-idx3-ubyte, train-labels-idx1-ubyte and the
// same two with t10k in place of train, each plain or, failing that, with .gz.
// Images come out as uint8 N×H×W×1.
//
// The number of classes is classes or, when that is 0, the number of lines of
// classes.txt or, without that file, the largest training label plus one.
// Class names are the lines of classes.txt beside the files, if there is one;
// else Fashion-MNIST's for ten classes in a folder whose name contains
// "fashion-mnist"; else "0", "1", ….
//
// Every error is one sentence that names the file and what to do.
func OpenMNIST(dir string, classes int) (train, test *Dataset, err error) {
	if classes < 0 || classes == 1 || classes > 256 {
		return nil, nil, fmt.Errorf("%d classes were asked for, but the labels of idx files allow 2 to 256; use such a number, or 0 to count them", classes)
	}
	if err := checkFolder(dir); err != nil {
		return nil, nil, err
	}
	names, err := readClassNames(filepath.Join(dir, "classes.txt"), 256)
	if err != nil {
		return nil, nil, err
	}
	train, trainLabels, err := openPart(dir, "train")
	if err != nil {
		return nil, nil, err
	}
	test, testLabels, err := openPart(dir, "t10k")
	if err != nil {
		return nil, nil, err
	}
	if train.Size() != test.Size() {
		return nil, nil, fmt.Errorf("the training images in %s are %v but the test images are %v; use files of one data set",
			dir, train.Size(), test.Size())
	}
	if names, err = classNames(dir, names, classes, train, trainLabels); err != nil {
		return nil, nil, err
	}
	train.ClassNames, test.ClassNames = names, slices.Clone(names)
	if err := checkLabels(trainLabels, train); err != nil {
		return nil, nil, err
	}
	if err := checkLabels(testLabels, test); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// checkLabels checks that every label that came from file has a class.
func checkLabels(file string, set *Dataset) error {
	i, classes := firstOutside(set.Labels, len(set.ClassNames)), len(set.ClassNames)
	if i < 0 {
		return nil
	}
	return fmt.Errorf("%s has label %d for image %d (the first is 0), but there are only %d classes, 0 to %d; use files of one data set",
		file, set.Labels[i], i, classes, classes-1)
}

// classNames settles the number of classes, and their names.
func classNames(dir string, listed []string, classes int, train *Dataset, labelFile string) ([]string, error) {
	if listed != nil {
		if classes != 0 && classes != len(listed) {
			return nil, fmt.Errorf("%s names %d classes but %d were asked for; make the two agree",
				filepath.Join(dir, "classes.txt"), len(listed), classes)
		}
		return listed, nil
	}
	if classes == 0 {
		for _, label := range train.Labels {
			classes = max(classes, int(label)+1)
		}
	}
	if classes < 2 {
		return nil, fmt.Errorf("%s has no label but 0; a classifier needs images of at least two classes", labelFile)
	}
	if base := strings.ToLower(filepath.Base(dir)); classes == len(fashionClasses) && strings.Contains(base, "fashion-mnist") {
		return slices.Clone(fashionClasses), nil
	}
	return numberNames(classes), nil
}

// openPart reads the images and labels of one part, "train" or "t10k", and
// also returns the path of the label file.
func openPart(dir, part string) (set *Dataset, labelFile string, err error) {
	imageFile, err := findIDX(dir, part+"-images-idx3-ubyte")
	if err != nil {
		return nil, "", err
	}
	labelFile, err = findIDX(dir, part+"-labels-idx1-ubyte")
	if err != nil {
		return nil, "", err
	}
	shape, pixels, err := readIDXFile(imageFile, magicImages)
	if err != nil {
		return nil, "", err
	}
	_, bytes, err := readIDXFile(labelFile, magicLabels)
	if err != nil {
		return nil, "", err
	}
	if len(bytes) != shape[0] {
		return nil, "", fmt.Errorf("%s has %d images but %s has %d labels; use files of one data set",
			imageFile, shape[0], labelFile, len(bytes))
	}
	labels := make([]int64, len(bytes))
	for i, b := range bytes {
		labels[i] = int64(b)
	}
	return &Dataset{Height: shape[1], Width: shape[2], Channels: 1, Labels: labels, Pixels: pixels, Origin: imageFile}, labelFile, nil
}

// findIDX returns the path of the file called name, or else name.gz, in dir.
func findIDX(dir, name string) (string, error) {
	for _, candidate := range []string{name, name + ".gz"} {
		path := filepath.Join(dir, candidate)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%s has neither %s nor %s.gz; %s", dir, name, name, missingRemedy(dir))
}

func checkFolder(dir string) error {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %q; %s", dir, missingRemedy(dir))
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is a file; name the folder that holds the four idx files", dir)
	}
	return nil
}

func missingRemedy(dir string) string {
	if filepath.Clean(dir) == debianFashionMNIST {
		return "install the data with `apt install dataset-fashion-mnist`"
	}
	return "name the folder that holds the four idx files of MNIST or a set like it"
}
