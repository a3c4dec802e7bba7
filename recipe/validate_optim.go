package recipe

func (c *checker) optim(r Recipe) {
	o := r.Optim
	c.positive("optim.lr", o.LR)
	c.atLeast("optim.reference_batch", o.ReferenceBatch, 0)
	c.share("optim.momentum", o.Momentum)
	if o.Nesterov && o.Momentum == 0 {
		c.failf("optim.nesterov is true but optim.momentum is 0: choose a momentum above 0, or no nesterov")
	}
	c.notNegative("optim.weight_decay", o.WeightDecay)
	c.notNegative("optim.warmup_epochs", o.WarmupEpochs)
	c.share("optim.min_lr_ratio", o.MinLRRatio)
	c.notNegative("optim.clip_norm", o.ClipNorm)
	c.atLeast("optim.accumulate", o.Accumulate, 1)
	if o.Accumulate >= 1 && r.Batch >= 1 && r.Batch%o.Accumulate != 0 {
		c.failf("batch is %d but optim.accumulate is %d: choose accumulate a divisor of batch, for equal parts",
			r.Batch, o.Accumulate)
	}
}
