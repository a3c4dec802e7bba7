package corrupt

import "cone/picture"

// scale is the collection whose constants suit a picture. The authors tuned
// them by eye for three sizes; in pixels they are not scaled further.
type scale int

const (
	cifar    scale = iota // 32×32: make_cifar_c.py
	tiny                  // 64×64: make_tinyimagenet_c.py
	imageNet              // 224×224: make_imagenet_c.py
)

// The shorter sides up to which a scale is the nearest: √(32·64), √(64·224).
const (
	mostCIFAR = 45
	mostTiny  = 119
)

func scaleOf(s picture.Size) scale {
	switch side := min(s.Height, s.Width); {
	case side <= mostCIFAR:
		return cifar
	case side <= mostTiny:
		return tiny
	}
	return imageNet
}

// Constants says whose constants pictures of that size get: "CIFAR-10-C",
// "Tiny-ImageNet-C" or "ImageNet-C".
func Constants(s picture.Size) string {
	return [...]string{"CIFAR-10-C", "Tiny-ImageNet-C", "ImageNet-C"}[scaleOf(s)]
}

// constants has a value for every scale and severity.
type constants[T any] [3][Severities]T

func (c *constants[T]) at(l level) T { return c[l.scale][l.severity] }
