package augment

import (
	"testing"

	"cone/picture"
)

// BenchmarkSteps applies each step to pictures of 224×224.
func BenchmarkSteps(b *testing.B) {
	size := picture.Size{Height: 224, Width: 224, Channels: 3}
	src := synthetic(size)
	for _, step := range everyStep {
		b.Run(step, func(b *testing.B) {
			transform := compile(b, size, steps(b, step)...)
			scratch, dst := transform.Scratch(), make([]byte, transform.OutputSize().Bytes())
			for i := 0; b.Loop(); i++ {
				if err := transform.Apply(dst, src, Key{Index: i}, scratch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMix mixes batches of 32 pictures of 224×224.
func BenchmarkMix(b *testing.B) {
	size := picture.Size{Height: 224, Width: 224, Channels: 3}
	images := shaded(size, 32)
	for _, step := range []string{"mixup: {}", "cutmix: {}"} {
		b.Run(step, func(b *testing.B) {
			mixer := compile(b, size, steps(b, step)...).Mixer()
			for i := 0; b.Loop(); i++ {
				mixer.Apply(images, 32, size, NewStream(1, PurposeMix, 0, uint64(i)))
			}
		})
	}
}
