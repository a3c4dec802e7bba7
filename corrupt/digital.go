package corrupt

import (
	"cone/codec"
	"cone/picture"
)

type saturation struct{ factor, added float64 }

var (
	contrastFactor = constants[float64]{
		{0.75, 0.5, 0.4, 0.3, 0.15},
		{0.4, 0.3, 0.2, 0.1, 0.05},
		{0.4, 0.3, 0.2, 0.1, 0.05},
	}
	saturations = constants[saturation]{
		{{0.3, 0}, {0.1, 0}, {1.5, 0}, {2, 0.1}, {2.5, 0.2}},
		{{0.3, 0}, {0.1, 0}, {2, 0}, {5, 0.1}, {30, 0.2}},
		{{0.3, 0}, {0.1, 0}, {2, 0}, {5, 0.1}, {20, 0.2}},
	}
	jpegQuality = constants[int]{
		{80, 65, 58, 50, 40},
		{65, 58, 50, 40, 25},
		{25, 18, 15, 10, 7},
	}
	pixelShare = constants[float64]{
		{0.95, 0.9, 0.85, 0.75, 0.65},
		{0.9, 0.8, 0.7, 0.6, 0.5},
		{0.6, 0.5, 0.4, 0.3, 0.25},
	}
)

// contrast moves every value towards its channel's mean.
func contrast(im *picture.Image, l level, _ draws) error {
	f, factor := fieldOf(im), contrastFactor.at(l)
	var means [3]float64
	for i, v := range f.values {
		means[i%f.Channels] += v / float64(f.Height*f.Width)
	}
	for i, v := range f.values {
		mean := means[i%f.Channels]
		f.values[i] = (v-mean)*factor + mean
	}
	f.store(im)
	return nil
}

// saturate changes the saturation of HSV. A grey picture has none and stays as
// it is.
func saturate(im *picture.Image, l level, _ draws) error {
	if im.Channels == 1 {
		return nil
	}
	c, f := saturations.at(l), fieldOf(im)
	f.changeHSV(func(p *hsv) { p.s = min(p.s*c.factor+c.added, 1) })
	f.store(im)
	return nil
}

// jpegCompression encodes and decodes the picture as Pillow does; one of 1
// channel as a grey JPEG.
func jpegCompression(im *picture.Image, l level, _ draws) error {
	content, err := codec.EncodeJPEG(im, jpegQuality.at(l))
	if err != nil {
		return err
	}
	decoder := codec.NewDecoder(codec.Options{})
	defer decoder.Close()
	file, err := decoder.Open(content)
	if err != nil {
		return err
	}
	var decoded picture.Image
	if err := file.Decode(&decoded); err != nil {
		return err
	}
	for i := range im.Bytes() {
		im.Pixels[i] = decoded.Pixels[i*3/im.Channels]
	}
	return nil
}

// pixelate shrinks the picture and enlarges it again, both with Pillow's box
// filter.
func pixelate(im *picture.Image, l level, _ draws) error {
	share := pixelShare.at(l)
	height, width := max(int(float64(im.Height)*share), 1), max(int(float64(im.Width)*share), 1)
	small := resizeBox(im, height, width)
	copy(im.Pixels, resizeBox(small, im.Height, im.Width).Pixels)
	return nil
}

// resizeBox is Pillow's resize with Image.BOX: along rows, then along columns,
// with bytes in between.
func resizeBox(im *picture.Image, height, width int) *picture.Image {
	wide := &picture.Image{}
	wide.Reset(picture.Size{Height: im.Height, Width: width, Channels: im.Channels})
	for y := range im.Height {
		boxes(wide.Pixels[y*width*im.Channels:], im.Pixels[y*im.Width*im.Channels:], im.Width, width, im.Channels)
	}
	out := &picture.Image{}
	out.Reset(picture.Size{Height: height, Width: width, Channels: im.Channels})
	boxes(out.Pixels, wide.Pixels, im.Height, height, width*im.Channels)
	return out
}

// boxes makes to elements of from, each of some bytes: the mean of those whose
// middles lie in its part of the line, in fixed point with 22 bits.
func boxes(dst, src []uint8, from, to, bytes int) {
	scale := float64(from) / float64(to)
	support := 0.5 * max(scale, 1)
	for i := range to {
		center := (float64(i) + 0.5) * scale
		first, last := max(int(center-support+0.5), 0), min(int(center+support+0.5), from)
		// Pillow counts an element if its distance over the scale is in (−½, ½].
		inside := func(j int) bool {
			x := (float64(j) - center + 0.5) / max(scale, 1)
			return x > -0.5 && x <= 0.5
		}
		for first < last-1 && !inside(first) {
			first++
		}
		for last > first+1 && !inside(last-1) {
			last--
		}
		weight := int(float64(1<<22)/float64(last-first) + 0.5)
		for b := range bytes {
			sum := 1 << 21
			for j := first; j < last; j++ {
				sum += weight * int(src[j*bytes+b])
			}
			dst[i*bytes+b] = uint8(min(sum>>22, 255))
		}
	}
}
