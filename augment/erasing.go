package augment

import (
	"math"

	"cone/picture"
	"cone/recipe"
)

// randomErasing overwrites a rectangle, placed as torchvision's RandomErasing
// places it
// (https://github.com/pytorch/vision/blob/v0.14.1/torchvision/transforms/transforms.py).
type randomErasing struct {
	filled
	recipe.RandomErasing
}

func (e *randomErasing) apply(w *work) error {
	if !w.chance(e.Probability) {
		return nil
	}
	im, err := w.own()
	if err != nil {
		return err
	}
	part, ok := e.draw(im.Height, im.Width, &w.random)
	if !ok {
		return nil
	}
	fill := colour(e.Fill)
	random := func() {
		bits := w.random.Uint64()
		fill = [3]uint8{uint8(bits), uint8(bits >> 8), uint8(bits >> 16)}
	}
	if e.Value == "random" {
		random()
	}
	for y := range part.Height {
		for x := range part.Width {
			if e.Value == "pixel" {
				random()
			}
			at := ((part.Top+y)*im.Width + part.Left + x) * im.Channels
			copy(im.Pixels[at:at+im.Channels], fill[:])
		}
	}
	return nil
}

// draw finds a rectangle within ten tries, or none, as torchvision's and timm's
// RandomErasing do. That of a tiny picture may be empty.
func (e *randomErasing) draw(height, width int, random *Stream) (picture.Rect, bool) {
	low, high := math.Log(e.Ratio[0]), math.Log(e.Ratio[1])
	for range 10 {
		area := float64(height) * float64(width) * random.between(e.Scale[0], e.Scale[1])
		aspect := math.Exp(random.between(low, high))
		h, w := int(math.RoundToEven(math.Sqrt(area*aspect))), int(math.RoundToEven(math.Sqrt(area/aspect)))
		if h < height && w < width {
			return picture.Rect{Top: random.IntN(height - h + 1), Left: random.IntN(width - w + 1), Height: h, Width: w}, true
		}
	}
	return picture.Rect{}, false
}
