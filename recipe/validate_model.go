package recipe

import "slices"

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
