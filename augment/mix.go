package augment

import (
	"fmt"
	"math"

	"cone/picture"
	"cone/recipe"
)

// Mixer mixes the pictures of a batch with each other, as timm's Mixup does
// (https://github.com/huggingface/pytorch-image-models/blob/v1.0.31/timm/data/mixup.py):
// picture i with picture N−1−i. Mixed pixels are rounded to whole numbers, as
// timm's FastCollateMixup rounds them. A batch of an odd number, which timm
// refuses, leaves the picture in the middle as it is.
type Mixer struct {
	settings recipe.Mix
}

// Mixed says what a picture has become: Share of itself and, for the rest, of
// picture Partner of the same batch. Its target is mixed alike.
type Mixed struct {
	Partner int
	Share   float64
}

// blend is what happens to one picture: a share of another laid over it, or,
// with a part, that part of the other.
type blend struct {
	share float64 // of its own
	cut   bool
	part  picture.Rect
}

// Apply mixes n pictures of the given size, one after the other in images, in
// place, and says how.
func (m *Mixer) Apply(images []byte, n int, size picture.Size, random Stream) []Mixed {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return m.ApplyShare(images, all, n, size, random)
}

// ApplyShare does to some pictures of a batch of n what Apply does to them
// among all. Images holds those at the given places, which ascend, and to each
// of which there is the mirrored place n−1−i. Partners are positions in places.
func (m *Mixer) ApplyShare(images []byte, places []int, n int, size picture.Size, random Stream) []Mixed {
	mixed := make([]Mixed, len(places))
	bytes := size.Bytes()
	before := make([]byte, bytes)
	image := func(i int) []byte { return images[i*bytes : (i+1)*bytes] }
	var all blend
	if m.settings.Mode == "batch" {
		all = m.draw(size, &random)
	}
	next := 0 // in places
	for place := range (n + 1) / 2 {
		first, second := all, all
		switch m.settings.Mode {
		case "pair":
			first = m.draw(size, &random)
			second = first
		case "elem":
			first = m.draw(size, &random)
			second = m.draw(size, &random)
		}
		if next == len(places) || places[next] != place {
			continue // another rank's: its draws were made here all the same
		}
		i, j := next, len(places)-1-next
		next++
		if i == j {
			mixed[i] = Mixed{Partner: i, Share: 1}
			continue
		}
		copy(before, image(i))
		first.apply(image(i), image(j), size)
		second.apply(image(j), before, size)
		mixed[i] = Mixed{Partner: j, Share: first.share}
		mixed[j] = Mixed{Partner: i, Share: second.share}
	}
	return mixed
}

// draw chooses between mixup, CutMix and neither, and how much.
func (m *Mixer) draw(size picture.Size, random *Stream) blend {
	s := m.settings
	if random.Float64() >= s.Probability {
		return blend{share: 1}
	}
	cut := s.MixupAlpha == 0
	if s.MixupAlpha > 0 && s.CutMixAlpha > 0 {
		cut = random.Float64() < s.SwitchProbability
	}
	if !cut {
		return blend{share: random.Beta(s.MixupAlpha)}
	}
	share := random.Beta(s.CutMixAlpha)
	part := cutMixPart(size, math.Sqrt(1-share), random)
	// The part may stick out; what is really there decides.
	share = 1 - float64(part.Height*part.Width)/float64(size.Height*size.Width)
	return blend{share: share, cut: true, part: part}
}

// cutMixPart is a part with sides of the given share of the picture's about a
// random middle, as far as it lies inside.
func cutMixPart(size picture.Size, share float64, random *Stream) picture.Rect {
	height, width := int(float64(size.Height)*share), int(float64(size.Width)*share)
	y, x := random.IntN(size.Height), random.IntN(size.Width)
	top, bottom := max(y-height/2, 0), min(y+(height+1)/2, size.Height)
	left, right := max(x-width/2, 0), min(x+(width+1)/2, size.Width)
	return picture.Rect{Top: top, Left: left, Height: bottom - top, Width: right - left}
}

// apply lays other over image.
func (b blend) apply(image, other []byte, size picture.Size) {
	switch {
	case b.share == 1:
	case b.cut:
		row := size.Width * size.Channels
		for y := b.part.Top; y < b.part.Top+b.part.Height; y++ {
			from, to := y*row+b.part.Left*size.Channels, y*row+(b.part.Left+b.part.Width)*size.Channels
			copy(image[from:to], other[from:to])
		}
	default:
		picture.Mix(&picture.Image{Size: size, Pixels: image}, &picture.Image{Size: size, Pixels: other}, b.share)
	}
}

func checkMix(s recipe.Mix) error {
	switch {
	case !(s.MixupAlpha >= 0) || !(s.CutMixAlpha >= 0) || s.MixupAlpha+s.CutMixAlpha == 0:
		return fmt.Errorf("alphas are %v and %v; choose numbers above 0 for what is wanted", s.MixupAlpha, s.CutMixAlpha)
	case s.MixupAlpha > maxAlpha || s.CutMixAlpha > maxAlpha:
		return fmt.Errorf("alphas are %v and %v; choose at most %d", s.MixupAlpha, s.CutMixAlpha, maxAlpha)
	}
	return nil
}

// maxAlpha is where the distribution has long been a half.
const maxAlpha = 1_000_000
