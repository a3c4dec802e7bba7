package recipe

// Optim is the optimizer and its schedule.
type Optim struct {
	// Name: "sgd".
	Name string `yaml:"name"`
	// LR is the base learning rate for ReferenceBatch images per step; the
	// rate used is LR × Batch / ReferenceBatch.
	LR float64 `yaml:"lr"`
	// ReferenceBatch scales LR linearly with the batch; 0 uses LR as it is.
	ReferenceBatch int `yaml:"reference_batch"`
	// Momentum of SGD.
	Momentum float64 `yaml:"momentum"`
	// Nesterov momentum.
	Nesterov bool `yaml:"nesterov"`
	// WeightDecay is the L2 factor added to the gradient.
	WeightDecay float64 `yaml:"weight_decay"`
	// DecayNormAndBias applies WeightDecay to norms and biases too, as the
	// authors do.
	DecayNormAndBias bool `yaml:"decay_norm_and_bias"`
	// Schedule after warm-up: "cosine-epoch" (constant within an epoch, as the
	// authors), "cosine-step" or "constant".
	Schedule string `yaml:"schedule"`
	// WarmupEpochs rise linearly per step from 0 to the full rate; may be fractional.
	WarmupEpochs float64 `yaml:"warmup_epochs"`
	// MinLRRatio is the rate at the end of the cosine as a share of the full rate.
	MinLRRatio float64 `yaml:"min_lr_ratio"`
	// ClipNorm bounds the L2 norm of all gradients together; 0 does not.
	ClipNorm float64 `yaml:"clip_norm"`
	// Accumulate splits a batch into this many equal parts, one backward
	// pass each, before the optimizer steps.
	Accumulate int `yaml:"accumulate"`
}
