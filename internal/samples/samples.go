// Package samples writes small image collections for tests.
package samples

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Photos writes JPEGs of various sizes, whose class is their colour, as
// dir/train/class-C/NNNN.jpg and dir/val/class-C/NNNN.jpg; picture NNNN is of
// class NNNN modulo the number of classes.
func Photos(dir string, classes, training, test int) error {
	random := rand.New(rand.NewPCG(3, 4))
	for _, part := range []struct {
		name string
		n    int
	}{{"train", training}, {"val", test}} {
		for i := range part.n {
			class := i % classes
			folder := filepath.Join(dir, part.name, fmt.Sprintf("class-%d", class))
			if err := os.MkdirAll(folder, 0o777); err != nil {
				return err
			}
			var out bytes.Buffer
			if err := jpeg.Encode(&out, photo(random, class), nil); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.jpg", i)), out.Bytes(), 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}

// photo is noise with one channel raised.
func photo(random *rand.Rand, class int) image.Image {
	im := image.NewRGBA(image.Rect(0, 0, 20+random.IntN(20), 20+random.IntN(20)))
	for y := range im.Rect.Dy() {
		for x := range im.Rect.Dx() {
			c := [3]uint8{uint8(random.IntN(60)), uint8(random.IntN(60)), uint8(random.IntN(60))}
			c[class%3] += uint8(100 + 50*(class/3))
			im.Set(x, y, color.RGBA{c[0], c[1], c[2], 255})
		}
	}
	return im
}
