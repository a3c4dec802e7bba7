package recipe

import "slices"

func (c *checker) optim(r Recipe) {
	o := r.Optim
	c.positive("optim.lr", o.LR)
	c.atLeast("optim.reference_batch", o.ReferenceBatch, 0)
	c.notNegative("optim.weight_decay", o.WeightDecay)
	c.notNegative("optim.clip_norm", o.ClipNorm)
	if finite(o.LayerDecay) && (o.LayerDecay <= 0 || o.LayerDecay > 1) {
		c.failf("optim.layer_decay is %v: choose a number above 0, up to 1", o.LayerDecay)
	}
	c.atLeast("optim.accumulate", o.Accumulate, 1)
	if o.Accumulate >= 1 && r.Batch >= 1 && r.Batch%o.Accumulate != 0 {
		c.failf("batch is %d but optim.accumulate is %d: choose accumulate a divisor of batch, for equal parts",
			r.Batch, o.Accumulate)
	}
	c.optimizer(o)
	c.schedule(r)
}

// optimizer checks the numbers of each optimizer. Those of the others do no
// harm, but a switch that would do nothing is a misunderstanding.
func (c *checker) optimizer(o Optim) {
	c.share("optim.momentum", o.Momentum)
	if o.Nesterov && o.Momentum == 0 {
		c.failf("optim.nesterov is true but optim.momentum is 0: choose a momentum above 0, or no nesterov")
	}
	c.belowOne("optim.beta1", o.Beta1)
	c.belowOne("optim.beta2", o.Beta2)
	c.belowOne("optim.alpha", o.Alpha)
	c.notNegative("optim.epsilon", o.Epsilon)
	c.positive("optim.trust_coefficient", o.TrustCoefficient)
	if !slices.Contains(choices["optim.name"], o.Name) {
		return
	}
	for _, s := range []struct {
		key   string
		on    bool
		works []string
	}{
		{"nesterov", o.Nesterov, []string{"sgd", "lars"}},
		{"centered", o.Centered, []string{"rmsprop", "rmsprop-tf"}},
		{"trust_clip", o.TrustClip, []string{"lamb", "lars"}},
		{"always_adapt", o.AlwaysAdapt, []string{"lamb", "lars"}},
	} {
		if s.on && !slices.Contains(s.works, o.Name) {
			c.failf("optim.%s is true but optim.name is %s, which has none: choose %s or %s, or set %s to false",
				s.key, o.Name, s.works[0], s.works[1], s.key)
		}
	}
}

func (c *checker) schedule(r Recipe) {
	o := r.Optim
	c.notNegative("optim.warmup_epochs", o.WarmupEpochs)
	c.share("optim.warmup_start", o.WarmupStart)
	c.share("optim.min_lr_ratio", o.MinLRRatio)
	if finite(o.Gamma) && (o.Gamma <= 0 || o.Gamma > 1) {
		c.failf("optim.gamma is %v: choose a number above 0, up to 1", o.Gamma)
	}
	if o.Schedule == "step" && len(o.Milestones) == 0 {
		c.failf("optim.schedule is step but optim.milestones is empty: give the epochs after which the rate falls, such as [30, 60, 90]")
	}
	for i, m := range o.Milestones {
		key := element("optim.milestones", i)
		c.positive(key, m)
		if i > 0 && m <= o.Milestones[i-1] {
			c.failf("%s is %v but the one before is %v: give them in rising order", key, m, o.Milestones[i-1])
		}
		if o.Schedule == "step" && m >= float64(r.Epochs) && r.Epochs >= 1 && finite(m) {
			c.failf("%s is %v but epochs is %d: choose an epoch before the run's end", key, m, r.Epochs)
		}
	}
}

func (c *checker) belowOne(key string, value float64) {
	if finite(value) && (value < 0 || value >= 1) {
		c.failf("%s is %v: choose a number from 0 to below 1", key, value)
	}
}

func (c *checker) ema(e EMA) {
	c.belowOne("ema.decay", e.Decay)
	c.atLeast("ema.every_steps", e.EverySteps, 1)
	c.notNegative("ema.after_epochs", e.AfterEpochs)
}
