package augment

import (
	"errors"
	"fmt"
	"math"

	"cone/picture"
	"cone/recipe"
)

// filter is the resampling of an interpolation's name. "random" draws.
func filter(name string, random *Stream) picture.Filter {
	switch name {
	case "bicubic":
		return picture.Bicubic
	case "random":
		if random.IntN(2) == 1 {
			return picture.Bicubic
		}
	}
	return picture.Bilinear
}

// randomResizedCrop cuts a random area and resizes it; flip mirrors the result
// with that probability at no extra cost.
type randomResizedCrop struct {
	recipe.RandomResizedCrop
	flip *horizontalFlip
}

func (c *randomResizedCrop) resize(in picture.Size) (picture.Size, error) {
	return picture.Size{Height: c.Size, Width: c.Size, Channels: in.Channels}, nil
}

func (c *randomResizedCrop) apply(w *work) error {
	size := w.size()
	part := c.draw(size.Height, size.Width, &w.random)
	f := filter(c.Interpolation, &w.random)
	flipped := c.flip != nil && w.chance(c.flip.Probability)
	src, box, err := w.region(part, c.Size, c.Size)
	if err != nil {
		return err
	}
	if flipped {
		picture.ResizedCropFlipped(w.spare(), src, box, c.Size, c.Size, f, &w.scratch)
	} else {
		picture.ResizedCrop(w.spare(), src, box, c.Size, c.Size, f, &w.scratch)
	}
	w.turn()
	return nil
}

// draw is torchvision's RandomResizedCrop.get_params
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/transforms.py).
func (c *randomResizedCrop) draw(height, width int, random *Stream) picture.Rect {
	area := float64(height) * float64(width)
	low, high := math.Log(c.Ratio[0]), math.Log(c.Ratio[1])
	for range 10 {
		target := area * random.between(c.Scale[0], c.Scale[1])
		aspect := math.Exp(random.between(low, high))
		w := int(math.RoundToEven(math.Sqrt(target * aspect)))
		h := int(math.RoundToEven(math.Sqrt(target / aspect)))
		if 0 < w && w <= width && 0 < h && h <= height {
			return picture.Rect{Top: random.IntN(height - h + 1), Left: random.IntN(width - w + 1), Height: h, Width: w}
		}
	}
	// The middle, as much of it as the aspect ratio allows.
	h, w := height, width
	switch ratio := float64(width) / float64(height); {
	case ratio < c.Ratio[0]:
		h = int(math.RoundToEven(float64(w) / c.Ratio[0]))
	case ratio > c.Ratio[1]:
		w = int(math.RoundToEven(float64(h) * c.Ratio[1]))
	}
	h, w = min(max(h, 1), height), min(max(w, 1), width)
	return picture.Rect{Top: (height - h) / 2, Left: (width - w) / 2, Height: h, Width: w}
}

// resizeTo scales the whole picture, or what of it a centre crop keeps.
type resizeTo struct {
	recipe.Resize
	crop *centerCrop
}

// target is the size that a picture is scaled to.
func (r *resizeTo) target(height, width int) (int, int) {
	if r.Size > 0 {
		return picture.ShortSide(height, width, r.Size)
	}
	return r.Height, r.Width
}

func (r *resizeTo) resize(in picture.Size) (picture.Size, error) {
	switch {
	case !in.Known() && r.Size > 0:
		return in, nil // sides still vary
	case r.Size > 0:
		in.Height, in.Width = picture.ShortSide(in.Height, in.Width, r.Size)
	default:
		in.Height, in.Width = r.Height, r.Width
	}
	return in, nil
}

func (r *resizeTo) apply(w *work) error {
	size := w.size()
	height, width := r.target(size.Height, size.Width)
	f := filter(r.Interpolation, &w.random)
	if r.crop != nil && height >= r.crop.Size && width >= r.crop.Size {
		return r.window(w, picture.Window{
			Height: size.Height, Width: size.Width, ToHeight: height, ToWidth: width,
			Part: picture.CenterRect(height, width, r.crop.Size), Filter: f,
		})
	}
	if height > maxSide || width > maxSide {
		return fmt.Errorf("has %d×%d pixels, which resize would make %d×%d: too many", size.Height, size.Width, height, width)
	}
	src, box, err := w.region(picture.Rect{Height: size.Height, Width: size.Width}, height, width)
	if err != nil {
		return err
	}
	picture.ResizedCrop(w.spare(), src, box, height, width, f, &w.scratch)
	w.turn()
	if r.crop != nil {
		return r.crop.apply(w)
	}
	return nil
}

// maxSide keeps a picture of one row from being blown up to gigabytes.
const maxSide = 1 << 16

// window scales only what the crop keeps, to the same pixels.
func (r *resizeTo) window(w *work, window picture.Window) error {
	needs := window.Needs(&w.scratch)
	src, box, err := w.region(needs, 0, 0)
	if err != nil {
		return err
	}
	picture.ResizeWindow(w.spare(), src, int(box.Top), int(box.Left), window, &w.scratch)
	w.turn()
	return nil
}

type centerCrop struct {
	recipe.CenterCrop
}

func (c *centerCrop) resize(in picture.Size) (picture.Size, error) {
	return picture.Size{Height: c.Size, Width: c.Size, Channels: in.Channels}, nil
}

func (c *centerCrop) apply(w *work) error {
	if err := w.load(); err != nil {
		return err
	}
	picture.Crop(w.spare(), w.image, picture.CenterRect(w.image.Height, w.image.Width, c.Size))
	w.turn()
	return nil
}

// randomCrop pads every side and cuts at one of the possible places, each
// equally likely: (2·padding+1)² of them when the size stays.
type randomCrop struct {
	recipe.RandomCrop
}

func (c *randomCrop) resize(in picture.Size) (picture.Size, error) {
	if !in.Known() {
		if c.Size == 0 {
			return in, errors.New("needs a size, for the pictures have various ones; set it, or resize before")
		}
		return picture.Size{Height: c.Size, Width: c.Size, Channels: in.Channels}, nil
	}
	// Wider padding would let a crop miss the picture and train on black.
	if limit := min(in.Height, in.Width) - 1; c.Padding > limit {
		return in, fmt.Errorf("padding %d could crop the picture away; images of %d×%d allow at most %d",
			c.Padding, in.Height, in.Width, limit)
	}
	if c.Size == 0 {
		return in, nil
	}
	if limit := min(in.Height, in.Width) + 2*c.Padding; c.Size > limit {
		return in, fmt.Errorf("size %d is larger than the padded images of %d×%d; choose at most %d, or more padding", c.Size,
			in.Height+2*c.Padding, in.Width+2*c.Padding, limit)
	}
	return picture.Size{Height: c.Size, Width: c.Size, Channels: in.Channels}, nil
}

func (c *randomCrop) apply(w *work) error {
	if err := w.load(); err != nil {
		return err
	}
	size := w.image.Size
	height, width := size.Height, size.Width
	if c.Size > 0 {
		height, width = c.Size, c.Size
	}
	part := picture.Rect{
		Top:    w.random.IntN(max(size.Height+2*c.Padding-height, 0)+1) - c.Padding,
		Left:   w.random.IntN(max(size.Width+2*c.Padding-width, 0)+1) - c.Padding,
		Height: height, Width: width,
	}
	if c.Border == "reflect" {
		cropReflected(w.spare(), w.image, part)
	} else {
		picture.Crop(w.spare(), w.image, part)
	}
	w.turn()
	return nil
}

// cropReflected is picture.Crop with the picture mirrored beyond its borders,
// the border pixels themselves not repeated, as NumPy's and torchvision's
// padding mode "reflect".
func cropReflected(dst, src *picture.Image, r picture.Rect) {
	dst.Reset(picture.Size{Height: r.Height, Width: r.Width, Channels: src.Channels})
	channels := src.Channels
	for y := range r.Height {
		row := mirrored(r.Top+y, src.Height) * src.Width
		for x := range r.Width {
			from := (row + mirrored(r.Left+x, src.Width)) * channels
			copy(dst.Pixels[(y*r.Width+x)*channels:], src.Pixels[from:from+channels])
		}
	}
}

// mirrored is the place within 0…n−1 that place at stands for.
func mirrored(at, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	at = ((at % period) + period) % period
	return min(at, period-at)
}
