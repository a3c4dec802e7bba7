package picture

import (
	"fmt"

	"cone/picture/internal/kernel"
)

// Brightness mixes im with black: 0 gives black, 1 im itself, more a brighter
// picture (PIL.ImageEnhance.Brightness, torchvision's adjust_brightness).
func Brightness(im *Image, factor float64) {
	blend(im, 0, factor)
}

// Contrast mixes im with its mean luma: 0 gives plain grey, 1 im itself
// (PIL.ImageEnhance.Contrast, torchvision's adjust_contrast).
func Contrast(im *Image, factor float64) {
	pixels := im.Height * im.Width
	if pixels == 0 {
		return
	}
	sum := 0
	if im.Channels == 3 {
		sum = kernel.LumaSum(im.Pixels)
	} else {
		pixels = im.Bytes()
		for _, v := range im.Pixels {
			sum += int(v)
		}
	}
	blend(im, int(float64(sum)/float64(pixels)+0.5), factor)
}

// blend makes every value v grey + factor·(v − grey), truncated and clipped, in
// float32 as Pillow's Blend.c has it.
func blend(im *Image, grey int, factor float64) {
	var t table
	for v := range t {
		mixed := float32(grey) + float32(float32(factor)*float32(v-grey))
		t[v] = uint8(min(max(mixed, 0), 255))
	}
	t.apply(im.Pixels, 0, 1)
}

// Color mixes im with its luma: 0 gives grey, 1 im itself, more stronger colours
// (PIL.ImageEnhance.Color, torchvision's adjust_saturation). A picture of other
// than 3 channels stays as it is.
func Color(im *Image, factor float64) {
	if im.Channels == 3 {
		kernel.Saturate(im.Pixels, float32(factor))
	}
}

// Mix leaves the given share of im and makes the rest other, of the same size.
// It computes in float32 and rounds halves to even, as NumPy does for timm's
// FastCollateMixup
// (https://github.com/huggingface/pytorch-image-models/blob/v1.0.31/timm/data/mixup.py).
func Mix(im, other *Image, share float64) {
	if im.Size != other.Size || !(share >= 0 && share <= 1) {
		panic(fmt.Sprintf("picture: cannot mix %v of %v with %v", share, im.Size, other.Size))
	}
	kernel.Mix(im.Pixels[:im.Bytes()], other.Pixels[:im.Bytes()], float32(share), float32(1-share))
}

// Hue turns the hue by shift, from −½ to ½ of the circle, as torchvision's
// adjust_hue does with a PIL picture: by way of 8-bit HSV, so that even a shift
// of 0 rounds some colours
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/functional_pil.py).
// A picture of other than 3 channels stays as it is.
func Hue(im *Image, shift float64) {
	if im.Channels == 3 {
		kernel.Hue(im.Pixels, uint8(int(shift*255)))
	}
}

// Grey makes the channels of an RGB picture equal its luma by ITU-R 601
// (PIL.Image.convert("L"), torchvision's to_grayscale with 3 channels). A
// picture of other than 3 channels stays as it is.
func Grey(im *Image) {
	if im.Channels == 3 {
		kernel.Grey(im.Pixels)
	}
}
