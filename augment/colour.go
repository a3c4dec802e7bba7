package augment

import (
	"cone/picture"
	"cone/recipe"
)

type colorJitter struct {
	sized
	recipe.ColorJitter
}

func (c *colorJitter) apply(w *work) error {
	if !w.chance(c.Probability) {
		return nil
	}
	im, err := w.own()
	if err != nil {
		return err
	}
	factor := func(x float64) float64 { return w.between(max(0, 1-x), 1+x) }
	order := [4]int{0, 1, 2, 3}
	for i := 3; i > 0; i-- {
		j := w.random.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	for _, operation := range order {
		switch {
		case operation == 0 && c.Brightness > 0:
			picture.Brightness(im, factor(c.Brightness))
		case operation == 1 && c.Contrast > 0:
			picture.Contrast(im, factor(c.Contrast))
		case operation == 2 && c.Saturation > 0:
			picture.Color(im, factor(c.Saturation))
		case operation == 3 && c.Hue > 0:
			picture.Hue(im, w.between(-c.Hue, c.Hue))
		}
	}
	return nil
}

type randomGrey struct {
	sized
	recipe.RandomGrey
}

func (g *randomGrey) apply(w *work) error {
	if !w.chance(g.Probability) {
		return nil
	}
	im, err := w.own()
	if err == nil {
		picture.Grey(im)
	}
	return err
}

type gaussianBlur struct {
	sized
	recipe.GaussianBlur
}

func (b *gaussianBlur) apply(w *work) error {
	if !w.chance(b.Probability) {
		return nil
	}
	im, err := w.own()
	if err == nil {
		picture.GaussianBlur(im, b.Kernel, w.between(b.Sigma[0], b.Sigma[1]), &w.scratch)
	}
	return err
}
