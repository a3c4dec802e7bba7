// Package data reads labelled images and prepares batches of them, in
// parallel, ahead of the training step.
//
// Shape legend: N images, H×W image height × width, C channels. Pixels are
// uint8, NHWC: image by image, row by row, the channels of a pixel side by side.
//
// What a batch holds depends on nothing but the dataset, the loader's seed and
// settings, the epoch and the batch's number: see Order and package augment.
package data

import (
	"errors"
	"fmt"

	"cone/picture"
)

// Dataset is a set of labelled images of one size, held in memory. Loaders
// only read it, so several may share one.
type Dataset struct {
	Height, Width, Channels int
	// ClassNames are the names of the classes; labels index them.
	ClassNames []string
	// Origin is the file that the images come from, for people.
	Origin string
	// Labels has N entries in [0, len(Classes)).
	Labels []int64
	// Pixels has N×H×W×C entries.
	Pixels []uint8
}

// Classes are the names of the classes.
func (d *Dataset) Classes() []string { return d.ClassNames }

// Label is the class of image i.
func (d *Dataset) Label(i int) int { return int(d.Labels[i]) }

// Name says which image of which file image i is.
func (d *Dataset) Name(i int) string { return fmt.Sprintf("image %d of %s", i, d.Origin) }

// Read returns the pixels of image i, which are the dataset's own.
func (d *Dataset) Read(i int, _ *[]byte) ([]byte, error) { return d.Image(i), nil }

// Close does nothing: everything is in memory.
func (d *Dataset) Close() error { return nil }

// Len is N, the number of images.
func (d *Dataset) Len() int { return len(d.Labels) }

// Size is the shape H×W×C of every image.
func (d *Dataset) Size() picture.Size {
	return picture.Size{Height: d.Height, Width: d.Width, Channels: d.Channels}
}

// Image returns the H×W×C pixels of image i. They are the dataset's own: do
// not write to them.
func (d *Dataset) Image(i int) []uint8 {
	n := d.Size().Bytes()
	return d.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// check reports the first way in which the fields contradict each other.
func (d *Dataset) check() error {
	if d.Len() == 0 {
		return errors.New("the dataset has no images")
	}
	if d.Height < 1 || d.Width < 1 || d.Channels < 1 {
		return fmt.Errorf("the dataset's images are %d×%d×%d; every side must be at least 1", d.Height, d.Width, d.Channels)
	}
	if want := d.Len() * d.Size().Bytes(); len(d.Pixels) != want {
		return fmt.Errorf("the dataset has %d bytes of pixels, but %d images of %v need %d",
			len(d.Pixels), d.Len(), d.Size(), want)
	}
	if i := firstOutside(d.Labels, len(d.ClassNames)); i >= 0 {
		return fmt.Errorf("label %d of image %d is none of the dataset's %d classes", d.Labels[i], i, len(d.ClassNames))
	}
	return nil
}

// firstOutside returns the index of the first label outside [0, classes), or −1.
func firstOutside(labels []int64, classes int) int {
	for i, label := range labels {
		if label < 0 || label >= int64(classes) {
			return i
		}
	}
	return -1
}
