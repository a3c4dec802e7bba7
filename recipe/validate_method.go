package recipe

func (c *checker) method(r Recipe) {
	m, cone := r.Method, r.Method.CoNe
	if n := len(r.Augment); m.Name == "cone" && n > 0 {
		if s := r.Augment[n-1]; s.Mixup != nil || s.CutMix != nil || s.Mix != nil {
			c.failf("augment mixes pictures, but method.name is cone, whose neighbours have one label each: choose cross-entropy, or do not mix")
		}
	}
	if finite(m.LabelSmoothing) && (m.LabelSmoothing < 0 || m.LabelSmoothing >= 1) {
		c.failf("method.label_smoothing is %v: choose a number from 0 to below 1", m.LabelSmoothing)
	}
	if m.Name != "cone" {
		return // other methods ignore CoNe's settings
	}
	c.atLeast("method.cone.bank_size", cone.BankSize, 0)
	c.atLeast("method.cone.neighbors", cone.Neighbors, 0)
	if cone.BankSize >= 1 && cone.Neighbors > cone.BankSize {
		c.failf("method.cone.neighbors is %d but method.cone.bank_size is %d: choose neighbors ≤ bank_size",
			cone.Neighbors, cone.BankSize)
	}
	c.positive("method.cone.neighbor_temperature", cone.NeighborTemperature)
	c.positive("method.cone.consistency_temperature", cone.ConsistencyTemperature)
	c.notNegative("method.cone.neighbor_weight", cone.NeighborWeight)
	c.notNegative("method.cone.consistency_weight", cone.ConsistencyWeight)
	c.share("method.cone.key_momentum", cone.KeyMomentum)
	c.atLeast("method.cone.warmup_epochs", cone.WarmupEpochs, 0)
}
