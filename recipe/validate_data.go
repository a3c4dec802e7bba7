package recipe

func (c *checker) data(r Recipe) {
	d := r.Data
	if d.Path == "" {
		c.failf("data.path is empty: name the folder that holds the images")
	}
	mean, std := len(d.Mean), len(d.Std)
	for _, list := range []struct {
		key    string
		length int
	}{{"data.mean", mean}, {"data.std", std}} {
		if list.length != 1 && list.length != 3 {
			c.failf("%s has %d values: give 1, or 3 for red, green and blue", list.key, list.length)
		}
	}
	if mean != std {
		c.failf("data.mean has %d values but data.std has %d: give as many of each", mean, std)
	}
	for i, s := range d.Std {
		c.positive(element("data.std", i), s)
	}
	c.atLeast("data.limit", d.Limit, 0)
	if d.Limit > 0 && d.Limit < r.Batch {
		c.failf("data.limit is %d but batch is %d: choose limit ≥ batch, or an epoch has no full batch", d.Limit, r.Batch)
	}
	c.atLeast("data.workers", d.Workers, 0)
	c.atMost("data.workers", d.Workers, maxWorkers)
	if finite(d.TestShare) && (d.TestShare <= 0 || d.TestShare >= 1) {
		c.failf("data.test_share is %v: choose a number between 0 and 1", d.TestShare)
	}
	if finite(d.Fraction) && (d.Fraction <= 0 || d.Fraction > 1) {
		c.failf("data.fraction is %v: choose a number above 0, at most 1", d.Fraction)
	}
	for _, part := range []struct {
		key   string
		value float64
	}{{"data.hold_out", d.HoldOut}, {"data.label_noise.rate", d.LabelNoise.Rate}} {
		if finite(part.value) && (part.value < 0 || part.value >= 1) {
			c.failf("%s is %v: choose 0, or a number below 1", part.key, part.value)
		}
	}
	if d.EvaluateHeldOut && d.HoldOut == 0 {
		c.failf("data.evaluate_held_out is true but data.hold_out is 0: choose a share of the training images to hold out, as 0.1")
	}
	c.atLeast("data.max_pixels", d.MaxPixels, 1)
	c.atLeast("data.cache_mb", d.CacheMB, 0)
	c.sampling(r)
}

func (c *checker) sampling(r Recipe) {
	s := r.Data.Sampling
	c.atLeast("data.sampling.buffer", s.Buffer, 1)
	c.atLeast("data.sampling.repeats", s.Repeats, 1)
	c.atLeast("data.sampling.per_class", s.PerClass, 0)
	c.notNegative("data.sampling.power", s.Power)
	if s.Order != "per-class" {
		return
	}
	switch {
	case s.PerClass < 1:
		c.failf("data.sampling.per_class is %d but data.sampling.order is per-class: choose at least 1", s.PerClass)
	case r.Batch%s.PerClass != 0:
		c.failf("batch is %d but data.sampling.per_class is %d: choose a divisor of batch", r.Batch, s.PerClass)
	}
	if s.Repeats > 1 {
		c.failf("data.sampling.repeats is %d but data.sampling.order is per-class: choose one of them", s.Repeats)
	}
}
