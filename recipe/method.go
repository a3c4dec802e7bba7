package recipe

// Method is the training objective.
type Method struct {
	// Name: "cone" or "cross-entropy".
	Name string `yaml:"name"`
	// LabelSmoothing is ε: 1−ε on the label and ε/(C−1) on each other class.
	LabelSmoothing float64 `yaml:"label_smoothing"`
	// CoNe holds CoNe's own settings; other methods ignore them.
	CoNe CoNe `yaml:"cone"`
}

// CoNe holds the settings of the losses, the bank and the key encoder
// (arXiv 2308.10761).
type CoNe struct {
	// BankSize is K, the entries of the memory bank; 0 means a quarter of the
	// training images, at most 65,536.
	BankSize int `yaml:"bank_size"`
	// Neighbors is k, the anchors taken from the bank per image; 0 means K/128,
	// the authors' share on ImageNet, but at least 8.
	Neighbors int `yaml:"neighbors"`
	// NeighborTemperature is τ_sup.
	NeighborTemperature float64 `yaml:"neighbor_temperature"`
	// ConsistencyTemperature is τ_dc.
	ConsistencyTemperature float64 `yaml:"consistency_temperature"`
	// NeighborWeight is α.
	NeighborWeight float64 `yaml:"neighbor_weight"`
	// ConsistencyWeight is β.
	ConsistencyWeight float64 `yaml:"consistency_weight"`
	// KeyMomentum is m₀: up to 0.996 it rises to 1 along a cosine over the
	// run; above, it is constant.
	KeyMomentum float64 `yaml:"key_momentum"`
	// WarmupEpochs train with cross-entropy alone while the bank fills.
	WarmupEpochs int `yaml:"warmup_epochs"`
	// Guards leave very sure samples (smallest class probability ≤ 1e-8) out
	// of the cross-entropy and consistency terms, as published.
	Guards bool `yaml:"guards"`
}
