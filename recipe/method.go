package recipe

// Method is the training objective.
type Method struct {
	// Name: "cone", "cross-entropy", "bce", "supcon", "triplet", "margin" or "paco".
	Name string `yaml:"name"`
	// LabelSmoothing is ε, the share of every target that is spread over the
	// classes.
	LabelSmoothing float64 `yaml:"label_smoothing"`
	// Smoothing says where ε goes: "others" puts 1−ε on the label and ε/(C−1)
	// on each other class, as the authors of CoNe; "all" puts ε/C on every
	// class, the label included, as PyTorch and timm.
	Smoothing string `yaml:"smoothing"`
	// ClassWeights are C factors on the classes' terms in cross-entropy and BCE;
	// none means 1 for all. As in PyTorch, cross-entropy is divided by the sum
	// of the labels' weights.
	ClassWeights []float64 `yaml:"class_weights,flow"`
	// BalanceClasses weighs a class by N/(C × its training images), in place of
	// ClassWeights.
	BalanceClasses bool `yaml:"balance_classes"`

	// Each method reads its own settings and ignores those of the others.
	CoNe    CoNe    `yaml:"cone"`
	BCE     BCE     `yaml:"bce"`
	SupCon  SupCon  `yaml:"supcon"`
	Triplet Triplet `yaml:"triplet"`
	Margin  Margin  `yaml:"margin"`
	PaCo    PaCo    `yaml:"paco"`
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
	// CenterWeight is the factor on the class centres' cross-entropy after the
	// warm-up: 1 as published.
	CenterWeight float64 `yaml:"center_weight"`
	// NeighborWeight is α.
	NeighborWeight float64 `yaml:"neighbor_weight"`
	// ConsistencyWeight is β.
	ConsistencyWeight float64 `yaml:"consistency_weight"`
	// KeyMomentum is m₀: up to 0.996 it rises to 1 along a cosine over the
	// run; above, it is constant.
	KeyMomentum float64 `yaml:"key_momentum"`
	// WarmupEpochs train with cross-entropy alone while the bank fills.
	WarmupEpochs int `yaml:"warmup_epochs"`
	// NeighborFromEpoch and ConsistencyFromEpoch are how many epochs pass
	// before the term counts; 0, or fewer than WarmupEpochs: with the end of
	// the warm-up, as published.
	NeighborFromEpoch    int `yaml:"neighbor_from_epoch"`
	ConsistencyFromEpoch int `yaml:"consistency_from_epoch"`
	// Views: with 1 both encoders see the same picture, as published; with 2
	// the key encoder sees another augmentation of it.
	Views int `yaml:"views"`
	// Guards leave very sure samples (smallest class probability ≤ 1e-8) out
	// of the cross-entropy and consistency terms, as published. With hundreds of
	// classes that may be most of them: see guarded_images in metrics.jsonl.
	Guards bool `yaml:"guards"`
}

// BCE holds the settings of binary cross-entropy on soft targets, as timm's
// (arXiv 2110.00476); its smoothing is method.label_smoothing.
type BCE struct {
	// Threshold: from 0 on, targets above it become 1 and the others 0, which
	// undoes smoothing; below 0 the targets stay soft.
	Threshold float64 `yaml:"threshold"`
	// SumClasses sums the C terms of an image instead of averaging them.
	SumClasses bool `yaml:"sum_classes"`
	// PriorBias starts the classifier's bias at −ln(C−1), where every class has the
	// probability 1/C (RetinaNet, https://arxiv.org/abs/1708.02002, section 4.1, with
	// π = 1/C). From 0 the features first have to push all logits down, which with
	// hundreds of classes takes the first epochs. timm starts at 0.
	PriorBias bool `yaml:"prior_bias"`
}

// SupCon holds the settings of supervised contrastive learning
// (arXiv 2004.11362).
type SupCon struct {
	// Temperature is τ.
	Temperature float64 `yaml:"temperature"`
	// BaseTemperature divides: the loss is multiplied by τ/BaseTemperature, as
	// in the authors' code. The same value as Temperature gives the paper's
	// loss.
	BaseTemperature float64 `yaml:"base_temperature"`
	// Joint trains the classifier alongside, by cross-entropy on inputs whose
	// gradient stops there. Without it, either linear.epochs trains one
	// afterwards, or the run is judged by its nearest neighbours.
	Joint bool `yaml:"joint"`
	// BankSize is K, the past keys that images are contrasted with besides
	// those of the batch; 0 contrasts the two views within the batch alone.
	BankSize int `yaml:"bank_size"`
	// KeyMomentum is m₀ of the encoder that makes the bank's keys, as
	// method.cone.key_momentum.
	KeyMomentum float64 `yaml:"key_momentum"`
}

// Triplet holds the settings of the triplet loss (arXiv 1703.07737 and
// 1503.03832). It needs data.sampling.order = per-class.
type Triplet struct {
	// Mining: "batch-hard" takes each anchor's farthest positive and nearest
	// negative, "batch-all" all triplets, averaged over those that are not
	// zero, "semi-hard" for each positive the nearest negative beyond it, or
	// else the farthest.
	Mining string `yaml:"mining"`
	// Margin is m, which negatives should be farther away than positives.
	Margin float64 `yaml:"margin"`
	// Soft replaces max(0, m + x) by ln(1 + eˣ), which has no margin.
	Soft bool `yaml:"soft"`
	// Squared uses squared distances.
	Squared bool `yaml:"squared"`
	// Normalize divides embeddings by their lengths first.
	Normalize bool `yaml:"normalize"`
	// Joint trains the classifier alongside, by cross-entropy on inputs whose
	// gradient stops there. Without it the run is judged by its nearest
	// neighbours.
	Joint bool `yaml:"joint"`
}

// Margin holds the settings of the softmax losses with a margin.
type Margin struct {
	// Kind: "large-margin" multiplies the label's angle by the whole number
	// Margin (arXiv 1612.02295), "cosface" subtracts Margin from its cosine
	// (arXiv 1801.09414), "arcface" adds Margin to its angle (arXiv 1801.07698).
	Kind string `yaml:"kind"`
	// Margin is m: 2 to 4 for large-margin, about 0.35 for cosface, about 0.5
	// for arcface.
	Margin float64 `yaml:"margin"`
	// Scale is s, the length that cosines are scaled to by cosface and arcface:
	// 64 suits many thousands of classes, 16 suits 10 to 1000.
	Scale float64 `yaml:"scale"`
	// Lambda, LambdaDecay and LambdaMin anneal large-margin: at step t the
	// label's logit is (λ·cos θ + ψ(θ))/(1 + λ) times the lengths, with
	// λ = max(LambdaMin, Lambda/(1 + LambdaDecay·t)).
	Lambda      float64 `yaml:"lambda"`
	LambdaDecay float64 `yaml:"lambda_decay"`
	LambdaMin   float64 `yaml:"lambda_min"`
}

// PaCo holds the settings of parametric contrastive learning
// (arXiv 2107.12028).
type PaCo struct {
	// Temperature is τ of the similarities between images.
	Temperature float64 `yaml:"temperature"`
	// SampleWeight is α, what an image of the anchor's class counts.
	SampleWeight float64 `yaml:"sample_weight"`
	// CenterWeight is β, what the class's own logit counts.
	CenterWeight float64 `yaml:"center_weight"`
	// BankSize is K, the past keys that images are contrasted with.
	BankSize int `yaml:"bank_size"`
	// KeyMomentum is m₀ of the encoder that makes the bank's keys, as
	// method.cone.key_momentum.
	KeyMomentum float64 `yaml:"key_momentum"`
}

// TrainsClassifier says whether the method trains the classifier.
func (m Method) TrainsClassifier() bool {
	switch m.Name {
	case "supcon":
		return m.SupCon.Joint
	case "triplet":
		return m.Triplet.Joint
	}
	return true
}

// UsesEmbedding says whether the method looks at the embedding itself, and not
// only at what the classifier makes of it.
func (m Method) UsesEmbedding() bool {
	return m.Name == "cone" || m.Name == "supcon" || m.Name == "triplet" || m.Name == "paco"
}

// Views is how many augmented pictures of every image the method takes.
func (m Method) Views() int {
	switch {
	case m.Name == "supcon", m.Name == "paco":
		return 2
	case m.Name == "cone":
		return m.CoNe.Views
	}
	return 1
}
