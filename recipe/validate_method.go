package recipe

import (
	"math"
	"slices"
)

func (c *checker) method(r Recipe) {
	m := r.Method
	if finite(m.LabelSmoothing) && (m.LabelSmoothing < 0 || m.LabelSmoothing >= 1) {
		c.failf("method.label_smoothing is %v: choose a number from 0 to below 1", m.LabelSmoothing)
	}
	c.classWeights(m)
	c.needs(r)
	switch m.Name { // other methods' settings are ignored
	case "cone":
		c.cone(m.CoNe)
	case "bce":
		if finite(m.BCE.Threshold) && m.BCE.Threshold >= 1 {
			c.failf("method.bce.threshold is %v: choose a number below 1, or one below 0 to keep targets soft", m.BCE.Threshold)
		}
	case "supcon":
		c.positive("method.supcon.temperature", m.SupCon.Temperature)
		c.positive("method.supcon.base_temperature", m.SupCon.BaseTemperature)
		c.atLeast("method.supcon.bank_size", m.SupCon.BankSize, 0)
		c.share("method.supcon.key_momentum", m.SupCon.KeyMomentum)
	case "triplet":
		c.triplet(r)
	case "margin":
		c.margin(m.Margin)
	case "paco":
		c.positive("method.paco.temperature", m.PaCo.Temperature)
		c.notNegative("method.paco.sample_weight", m.PaCo.SampleWeight)
		c.positive("method.paco.center_weight", m.PaCo.CenterWeight)
		c.atLeast("method.paco.bank_size", m.PaCo.BankSize, 1)
		c.share("method.paco.key_momentum", m.PaCo.KeyMomentum)
	}
}

func (c *checker) classWeights(m Method) {
	if m.BalanceClasses && len(m.ClassWeights) > 0 {
		c.failf("method.class_weights is given and method.balance_classes is true: choose one of them")
	}
	sum := 0.0
	for i, w := range m.ClassWeights {
		c.notNegative(element("method.class_weights", i), w)
		sum += math.Abs(w)
	}
	if len(m.ClassWeights) > 0 && sum == 0 {
		c.failf("method.class_weights are all 0: choose at least one above 0")
	}
}

// needs checks what a method asks of the rest of the recipe.
func (c *checker) needs(r Recipe) {
	m := r.Method
	if n := len(r.Augment); n > 0 && m.Name != "cross-entropy" && m.Name != "bce" {
		if s := r.Augment[n-1]; s.Mixup != nil || s.CutMix != nil || s.Mix != nil {
			c.failf("augment mixes pictures, but method.name is %s, which needs one label each: choose cross-entropy or bce, or do not mix", m.Name)
		}
	}
	if m.Views() > 1 && !random(r.Augment) {
		c.failf("method.name is %s, which compares two augmentations of every image, but augment has nothing random: add a step such as random_crop", m.Name)
	}
	if r.Optim.Accumulate > 1 && (m.Name == "supcon" || m.Name == "triplet" || m.Name == "paco") {
		c.failf("optim.accumulate is %d, but method.name is %s, whose loss compares all images of a batch with each other: choose 1 and a smaller batch",
			r.Optim.Accumulate, m.Name)
	}
	if m.Name == "supcon" && r.Batch == 1 {
		c.failf("batch is 1, but method.name is supcon, which needs other images to compare with: choose at least 2")
	}
	head, frozen := r.Model.Head, func(part string) bool { return slices.Contains(r.Model.Freeze, part) }
	if !m.TrainsClassifier() && frozen("net") && (head.Layers == 0 || frozen("head")) {
		c.failf("model.freeze leaves nothing that method.name %s trains: leave net or head out", m.Name)
	}
	if head.Placement == "beside" && head.Layers > 0 && !m.UsesEmbedding() && !frozen("head") {
		c.failf("model.head.placement is beside, but method.name is %s, which has no use for the head: choose inside, or model.head.layers 0", m.Name)
	}
}

// random says whether two passes through the steps differ.
func random(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool {
		return slices.ContainsFunc(s.kinds(), func(kind string) bool { return kind != "resize" && kind != "center_crop" })
	})
}

func (c *checker) cone(s CoNe) {
	c.atLeast("method.cone.bank_size", s.BankSize, 0)
	c.atLeast("method.cone.neighbors", s.Neighbors, 0)
	if s.BankSize >= 1 && s.Neighbors > s.BankSize {
		c.failf("method.cone.neighbors is %d but method.cone.bank_size is %d: choose neighbors ≤ bank_size",
			s.Neighbors, s.BankSize)
	}
	c.positive("method.cone.neighbor_temperature", s.NeighborTemperature)
	c.positive("method.cone.consistency_temperature", s.ConsistencyTemperature)
	c.notNegative("method.cone.center_weight", s.CenterWeight)
	c.notNegative("method.cone.neighbor_weight", s.NeighborWeight)
	c.notNegative("method.cone.consistency_weight", s.ConsistencyWeight)
	c.share("method.cone.key_momentum", s.KeyMomentum)
	c.atLeast("method.cone.warmup_epochs", s.WarmupEpochs, 0)
	c.atLeast("method.cone.neighbor_from_epoch", s.NeighborFromEpoch, 0)
	c.atLeast("method.cone.consistency_from_epoch", s.ConsistencyFromEpoch, 0)
	c.atLeast("method.cone.views", s.Views, 1)
	c.atMost("method.cone.views", s.Views, 2)
}

func (c *checker) triplet(r Recipe) {
	t, s := r.Method.Triplet, r.Data.Sampling
	c.notNegative("method.triplet.margin", t.Margin)
	most := math.Inf(1)
	if t.Normalize {
		most = 2 // no two unit vectors are farther apart
		if t.Squared {
			most = 4
		}
	}
	if finite(t.Margin) && t.Margin >= most {
		c.failf("method.triplet.margin is %v, but normalised embeddings are at most %v apart: choose a smaller margin", t.Margin, most)
	}
	switch {
	case s.Order != "per-class":
		c.failf("data.sampling.order is %s, but method.name is triplet, which needs several images of each class in a batch: choose per-class, and data.sampling.per_class", s.Order)
	case s.PerClass == 1:
		c.failf("data.sampling.per_class is 1, but method.name is triplet, which needs pairs of a class: choose at least 2")
	case s.PerClass == r.Batch && s.PerClass > 1:
		c.failf("data.sampling.per_class is %d and so is batch, but method.name is triplet, which needs other classes to compare with: choose a divisor of batch", s.PerClass)
	}
}

func (c *checker) margin(m Margin) {
	if !finite(m.Margin) {
		return // said already
	}
	switch m.Kind {
	case "large-margin":
		if m.Margin != math.Trunc(m.Margin) || m.Margin < 1 || m.Margin > 8 {
			c.failf("method.margin.margin is %v but method.margin.kind is large-margin, which multiplies an angle by it: choose a whole number from 1 to 8, such as 2", m.Margin)
		}
		c.notNegative("method.margin.lambda", m.Lambda)
		c.notNegative("method.margin.lambda_decay", m.LambdaDecay)
		c.notNegative("method.margin.lambda_min", m.LambdaMin)
		return
	case "cosface":
		if m.Margin < 0 || m.Margin >= 2 {
			c.failf("method.margin.margin is %v but method.margin.kind is cosface, which takes it from a cosine: choose a number from 0 to below 2, such as 0.35", m.Margin)
		}
	case "arcface":
		if m.Margin < 0 || m.Margin >= math.Pi/2 {
			c.failf("method.margin.margin is %v but method.margin.kind is arcface, which adds it to an angle: choose a number from 0 to below π/2, such as 0.5", m.Margin)
		}
	}
	c.positive("method.margin.scale", m.Scale)
	if finite(m.Scale) && m.Scale > 1e4 {
		c.failf("method.margin.scale is %v: choose at most 10000", m.Scale)
	}
}
