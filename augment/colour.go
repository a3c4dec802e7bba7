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
	for _, a := range c.draw(&w.random) {
		switch a.change {
		case changeBrightness:
			picture.Brightness(im, a.by)
		case changeContrast:
			picture.Contrast(im, a.by)
		case changeSaturation:
			picture.Color(im, a.by)
		case changeHue:
			picture.Hue(im, a.by)
		}
	}
	return nil
}

// change is what a colorJitter changes, in torchvision's order.
type change int

const (
	changeBrightness change = iota
	changeContrast
	changeSaturation
	changeHue
	changeNothing
)

// amount is a change by a factor or, for the hue, a turn.
type amount struct {
	change
	by float64
}

// draw puts the changes in a random order and chooses how much of each.
func (c *colorJitter) draw(random *Stream) [4]amount {
	order := [4]amount{{change: changeBrightness}, {change: changeContrast}, {change: changeSaturation}, {change: changeHue}}
	for i := 3; i > 0; i-- {
		j := random.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	strengths := [4]float64{c.Brightness, c.Contrast, c.Saturation, c.Hue}
	for i, a := range order {
		switch strength := strengths[a.change]; {
		case strength == 0:
			order[i].change = changeNothing
		case a.change == changeHue:
			order[i].by = random.between(-strength, strength)
		default:
			order[i].by = random.between(max(0, 1-strength), 1+strength)
		}
	}
	return order
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
		picture.GaussianBlur(im, b.Kernel, w.random.between(b.Sigma[0], b.Sigma[1]), &w.scratch)
	}
	return err
}
