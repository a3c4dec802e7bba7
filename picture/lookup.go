package picture

// table is what each value of a channel becomes.
type table [256]uint8

// apply replaces all values, or those of one channel in step.
func (t *table) apply(pixels []uint8, channel, step int) {
	if step == 1 {
		for i, v := range pixels {
			pixels[i] = t[v]
		}
		return
	}
	for i := channel; i < len(pixels); i += step {
		pixels[i] = t[pixels[i]]
	}
}

// histogram counts the values of one channel.
func histogram(pixels []uint8, channel, step int) (counts [256]int) {
	for i := channel; i < len(pixels); i += step {
		counts[pixels[i]]++
	}
	return counts
}

// Invert makes every value v 255−v (PIL.ImageOps.invert).
func Invert(im *Image) { Solarize(im, 0) }

// Solarize inverts the values from threshold on (PIL.ImageOps.solarize).
func Solarize(im *Image, threshold int) {
	var t table
	for v := range t {
		t[v] = uint8(v)
		if v >= threshold {
			t[v] = uint8(255 - v)
		}
	}
	t.apply(im.Pixels, 0, 1)
}

// SolarizeAdd adds to the values below threshold, up to 255, as timm's
// solarize_add does with threshold 128
// (https://github.com/huggingface/pytorch-image-models/blob/v0.9.16/timm/data/auto_augment.py).
// A negative add goes down to 0.
func SolarizeAdd(im *Image, add, threshold int) {
	var t table
	for v := range t {
		t[v] = uint8(v)
		if v < threshold {
			t[v] = uint8(min(max(v+add, 0), 255))
		}
	}
	t.apply(im.Pixels, 0, 1)
}

// Posterize keeps the given number of high bits of every value
// (PIL.ImageOps.posterize): 0 gives black, 8 and more change nothing.
func Posterize(im *Image, bits int) {
	bits = min(max(bits, 0), 8)
	mask := uint8(0xff << (8 - bits))
	for i := range im.Pixels {
		im.Pixels[i] &= mask
	}
}

// AutoContrast stretches each channel to reach from 0 to 255
// (PIL.ImageOps.autocontrast without cutoff).
func AutoContrast(im *Image) {
	for c := range im.Channels {
		counts := histogram(im.Pixels, c, im.Channels)
		low, high := 0, 255
		for low < high && counts[low] == 0 {
			low++
		}
		for high > low && counts[high] == 0 {
			high--
		}
		if high == low {
			continue
		}
		var t table
		scale := 255 / float64(high-low)
		offset := float64(-low) * scale
		for v := range t {
			t[v] = uint8(min(max(int(float64(float64(v)*scale)+offset), 0), 255))
		}
		t.apply(im.Pixels, c, im.Channels)
	}
}

// Equalize gives each channel an even histogram (PIL.ImageOps.equalize).
func Equalize(im *Image) {
	for c := range im.Channels {
		counts := histogram(im.Pixels, c, im.Channels)
		last := 255
		for last > 0 && counts[last] == 0 {
			last--
		}
		// The highest value is left out of the sum: it maps to 255 in any case.
		step := (im.Height*im.Width - counts[last]) / 255
		if step == 0 {
			continue
		}
		var t table
		n := step / 2
		for v := range t {
			t[v] = uint8(min(n/step, 255))
			n += counts[v]
		}
		t.apply(im.Pixels, c, im.Channels)
	}
}
