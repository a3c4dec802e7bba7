package recipe

// Optim is the optimizer and its schedule.
type Optim struct {
	// Name: "sgd", "adamw", "lamb", "lars", "rmsprop" (PyTorch's) or
	// "rmsprop-tf" (TensorFlow's, as in EfficientNet's recipes).
	Name string `yaml:"name"`
	// LR is the base learning rate for ReferenceBatch images per step; the
	// rate used is LR × Batch / ReferenceBatch.
	LR float64 `yaml:"lr"`
	// ReferenceBatch scales LR linearly with the batch; 0 uses LR as it is.
	ReferenceBatch int `yaml:"reference_batch"`
	// Momentum of SGD, LARS and RMSprop.
	Momentum float64 `yaml:"momentum"`
	// Nesterov momentum, for SGD and LARS.
	Nesterov bool `yaml:"nesterov"`
	// Beta1 and Beta2 are AdamW's and LAMB's shares of the old moving averages
	// of the gradient and of its square.
	Beta1 float64 `yaml:"beta1"`
	Beta2 float64 `yaml:"beta2"`
	// Alpha is RMSprop's share of the old mean square; 0 means the usual 0.99,
	// or 0.9 for rmsprop-tf.
	Alpha float64 `yaml:"alpha"`
	// Epsilon keeps quotients finite; 0 means the usual 1e-8 for adamw, lars
	// and rmsprop, 1e-6 for lamb, 1e-10 for rmsprop-tf.
	Epsilon float64 `yaml:"epsilon"`
	// Centered makes RMSprop divide by the deviation instead of the root mean square.
	Centered bool `yaml:"centered"`
	// TrustCoefficient is LARS's η.
	TrustCoefficient float64 `yaml:"trust_coefficient"`
	// TrustClip bounds each tensor's ratio of norms in LAMB to 1 (LAMBC), and
	// each tensor's rate in LARS to the global one (LARC).
	TrustClip bool `yaml:"trust_clip"`
	// AlwaysAdapt scales by the ratio of norms, in LAMB and LARS, what has no
	// weight decay too.
	AlwaysAdapt bool `yaml:"always_adapt"`
	// WeightDecay is the L2 factor added to the gradient; AdamW multiplies the
	// weights by 1 − rate × WeightDecay instead, LAMB adds it to the update.
	WeightDecay float64 `yaml:"weight_decay"`
	// DecayNormAndBias applies WeightDecay to norms and biases too, as the
	// authors do; without it, tensors of one dimension, position and class
	// embeddings, relative position biases and layer scales have none.
	DecayNormAndBias bool `yaml:"decay_norm_and_bias"`
	// LayerDecay multiplies the rate once more for each layer that lies
	// further from the output (0.65 to 0.9 when fine-tuning transformers); 1
	// does not. Layers are: all before the first block, each residual or
	// transformer block, and head with classifier.
	LayerDecay float64 `yaml:"layer_decay"`
	// Schedule after warm-up: "cosine-epoch" (constant within an epoch, as the
	// authors), "cosine-step", "step" (falls at Milestones), "one-cycle"
	// (PyTorch's OneCycleLR without its momentum: the warm-up is half a cosine
	// wave too; its pct_start is WarmupEpochs/Epochs, div_factor 1/WarmupStart,
	// final_div_factor WarmupStart/MinLRRatio) or "constant".
	Schedule string `yaml:"schedule"`
	// WarmupEpochs rise linearly per step to the full rate; may be fractional.
	WarmupEpochs float64 `yaml:"warmup_epochs"`
	// WarmupStart is the rate of the first step as a share of the full rate.
	WarmupStart float64 `yaml:"warmup_start"`
	// MinLRRatio is the rate at the end of the cosine as a share of the full rate.
	MinLRRatio float64 `yaml:"min_lr_ratio"`
	// Milestones are the epochs, counted from the run's start, after which the
	// step schedule multiplies the rate by Gamma; may be fractional.
	Milestones []float64 `yaml:"milestones,flow"`
	// Gamma is the step schedule's factor.
	Gamma float64 `yaml:"gamma"`
	// ClipNorm bounds the L2 norm of all gradients together; 0 does not. LAMB's
	// published recipes have 1.
	ClipNorm float64 `yaml:"clip_norm"`
	// Accumulate splits a batch into this many equal parts, one backward
	// pass each, before the optimizer steps.
	Accumulate int `yaml:"accumulate"`
}

// Resolved replaces what is 0 for "the usual value" by that value.
func (o Optim) Resolved() Optim {
	usual := func(value *float64, otherwise float64) {
		if *value == 0 {
			*value = otherwise
		}
	}
	switch o.Name {
	case "adamw", "lars":
		usual(&o.Epsilon, 1e-8)
	case "lamb":
		usual(&o.Epsilon, 1e-6)
	case "rmsprop":
		usual(&o.Epsilon, 1e-8)
		usual(&o.Alpha, 0.99)
	case "rmsprop-tf":
		usual(&o.Epsilon, 1e-10)
		usual(&o.Alpha, 0.9)
	}
	return o
}

// EMA is a moving average of the evaluated model's weights, evaluated and
// saved beside the weights themselves. Running statistics are averaged as
// weights are.
type EMA struct {
	// Decay is the share of the old average that an update keeps; 0 means no
	// average. With one, metrics.jsonl has ema_top1 beside top1, and `best`
	// and early stopping go by the average. torchvision's figure d for updates
	// every S steps stands for 1 − (1 − d) × Batch × S / Epochs here.
	Decay float64 `yaml:"decay"`
	// EverySteps is the number of optimizer steps between updates.
	EverySteps int `yaml:"every_steps"`
	// AfterEpochs passes during which the average only copies the weights; may
	// be fractional. The first update afterwards copies, too.
	AfterEpochs float64 `yaml:"after_epochs"`
	// Warmup lets the n-th update after the copies keep at most
	// 1 − (1+n)^(−2/3), as timm: 0.999 after 31,600 updates.
	Warmup bool `yaml:"warmup"`
}

// EarlyStopping ends a run that gets no better.
type EarlyStopping struct {
	// Patience is the number of epochs without a higher test top-1 after which
	// the run ends; 0 never. It is looked at after evaluations only.
	Patience int `yaml:"patience"`
}
