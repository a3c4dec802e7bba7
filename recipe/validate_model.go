package recipe

import (
	"slices"
	"strings"
)

func (c *checker) model(r Recipe) {
	m := r.Model
	least := 0
	if m.Backbone == "resnet-narrow" {
		least = 1
	}
	c.atLeast("model.width", m.Width, least)
	c.atLeast("model.depth", m.Depth, least)
	// Far beyond any use, and before they fill the memory.
	c.atMost("model.width", m.Width, 1<<16)
	c.atMost("model.depth", m.Depth, 1000)
	c.backbone(m)
	c.atMost("model.head.layers", m.Head.Layers, 100)
	c.atLeast("model.head.layers", m.Head.Layers, 0)
	c.atLeast("model.head.hidden", m.Head.Hidden, 0)
	if m.Head.Layers < 1 {
		return
	}
	c.atLeast("model.head.dim", m.Head.Dim, 1)
	if frozen := slices.Contains(m.Freeze, "head"); !frozen && m.Head.BatchNorm && r.Batch >= 1 && r.Optim.Accumulate >= 1 && r.Batch/r.Optim.Accumulate < 2 {
		c.failf("model.head.batch_norm is true but batch/optim.accumulate is %d: batch normalisation needs 2 images or more at a time",
			r.Batch/r.Optim.Accumulate)
	}
}

// backbone checks the settings that only some backbones have.
func (c *checker) backbone(m Model) {
	c.belowOne("model.drop_path", m.DropPath)
	c.belowOne("model.dropout", m.Dropout)
	c.atLeast("model.image_size", m.ImageSize, 0)
	c.atMost("model.image_size", m.ImageSize, maxPixels)
	if !slices.Contains(choices["model.backbone"], m.Backbone) {
		return
	}
	resNet := strings.Contains(m.Backbone, "resnet") || strings.HasPrefix(m.Backbone, "resnext")
	switch {
	case m.Backbone == "wrn-28-10" && m.Stem == "imagenet":
		c.failf("model.stem is imagenet but wrn-28-10 has only the other: choose small")
	case m.Stem == "small" && !resNet && m.Backbone != "wrn-28-10":
		c.failf("model.stem is small but %s is no ResNet: choose imagenet, or a ResNet", m.Backbone)
	}
	if m.ZeroInitResidual && !resNet {
		c.failf("model.zero_init_residual is true but %s has no such norm: choose false, or a ResNet", m.Backbone)
	}
	switch {
	case m.Backbone != "vit_small_patch16":
		if m.ImageSize != 0 {
			c.failf("model.image_size is %d but %s does not depend on the size of the pictures: leave it out", m.ImageSize, m.Backbone)
		}
	case m.ImageSize%16 != 0:
		c.failf("model.image_size is %d but %s cuts pictures into patches of 16×16: choose a multiple of 16", m.ImageSize, m.Backbone)
	}
}
