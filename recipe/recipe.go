// Package recipe holds the settings of a training run: documented Go structs,
// read from YAML, checked, and saved beside the run that used them.
//
// Shape legend used by all comments: N batch, C classes, D embedding width,
// F backbone output width, K bank entries, k neighbours, H×W image height × width.
package recipe

// Recipe is everything that decides the numbers of a run. Two runs with equal
// recipes, on the same machine and thread count, end with identical weights.
type Recipe struct {
	// Name is the recipe's name, by default its file's base name.
	Name string `yaml:"name"`
	// Description says in one or two sentences what the recipe is for, and its source.
	Description string `yaml:"description,omitempty"`
	// Seed starts every random stream: initial weights, data order, augmentation.
	Seed uint64 `yaml:"seed"`
	// Epochs is the number of passes over the training images.
	Epochs int `yaml:"epochs"`
	// Batch is N, the images of one optimizer step over all processes.
	Batch int `yaml:"batch"`
	// Precision of the network's arithmetic: "auto" (bfloat16 where the device
	// has instructions for it, else float32), "float32", "bfloat16" or
	// "float64". Losses and weights stay in float32 (float64 for "float64").
	Precision string `yaml:"precision"`

	Data Data `yaml:"data"`
	// Augment is what happens to every training image, step by step.
	Augment    []Step     `yaml:"augment"`
	Evaluate   Evaluate   `yaml:"evaluate"`
	Model      Model      `yaml:"model"`
	Method     Method     `yaml:"method"`
	Optim      Optim      `yaml:"optim"`
	Checkpoint Checkpoint `yaml:"checkpoint"`
}

// Data says which images to train and evaluate on.
type Data struct {
	// Format of the files at Path: "mnist-idx" (four idx files, .gz or not) or
	// "folder" (train/CLASS/*.jpg and val/CLASS/*.jpg).
	Format string `yaml:"format"`
	// Path is the folder that holds the files.
	Path string `yaml:"path"`
	// Mean and Std normalise a channel as (x/255 − mean)/std; one value per
	// channel, or one for all.
	Mean []float64 `yaml:"mean,flow"`
	Std  []float64 `yaml:"std,flow"`
	// Limit keeps only the first Limit training images; 0 keeps all.
	Limit int `yaml:"limit,omitempty"`
	// Workers prepare batches beside the training step; 0 means one per core.
	// The number never changes what a batch holds.
	Workers int `yaml:"workers"`
}

// Step is one step of an image transform; exactly one field is set. In YAML:
//
//	augment:
//	  - random_crop: {padding: 4}
//	  - horizontal_flip: {probability: 0.5}
type Step struct {
	RandomCrop        *RandomCrop        `yaml:"random_crop,omitempty"`
	RandomResizedCrop *RandomResizedCrop `yaml:"random_resized_crop,omitempty"`
	HorizontalFlip    *HorizontalFlip    `yaml:"horizontal_flip,omitempty"`
	Resize            *Resize            `yaml:"resize,omitempty"`
	CenterCrop        *CenterCrop        `yaml:"center_crop,omitempty"`
}

// RandomCrop pads every side by Padding black pixels and cuts the original
// size at a uniformly random place.
type RandomCrop struct {
	Padding int `yaml:"padding"`
}

// RandomResizedCrop cuts a random area (a share of the picture between
// Scale[0] and Scale[1], aspect ratio between Ratio[0] and Ratio[1]) and
// resizes it to Size×Size.
type RandomResizedCrop struct {
	Size  int       `yaml:"size"`
	Scale []float64 `yaml:"scale,flow"`
	Ratio []float64 `yaml:"ratio,flow"`
	// Interpolation: "bilinear" or "bicubic".
	Interpolation string `yaml:"interpolation"`
}

// HorizontalFlip mirrors left and right with the given probability.
type HorizontalFlip struct {
	Probability float64 `yaml:"probability"`
}

// Resize scales the short side to Size pixels.
type Resize struct {
	Size int `yaml:"size"`
	// Interpolation: "bilinear" or "bicubic".
	Interpolation string `yaml:"interpolation"`
}

// CenterCrop cuts Size×Size pixels from the middle.
type CenterCrop struct {
	Size int `yaml:"size"`
}

// Evaluate says how the model is evaluated on the test images.
type Evaluate struct {
	// Every is the number of epochs between evaluations; the last epoch is
	// always evaluated.
	Every int `yaml:"every"`
	// Batch is the number of images per evaluation batch; 0 means the recipe's Batch.
	Batch int `yaml:"batch"`
	// Transform is applied to every test image.
	Transform []Step `yaml:"transform,omitempty"`
}

// Model is the encoder: backbone → projection head → classifier.
type Model struct {
	// Backbone: resnet18, 34, 50, 101, 152, 200, or "resnet-narrow" (three
	// stages of 3×3 blocks for small images, as ResNet-20; see Width and Depth).
	Backbone string `yaml:"backbone"`
	// Stem: "imagenet" (7×7 stride 2, max pooling) or "small" (3×3 stride 1, no pooling).
	Stem string `yaml:"stem"`
	// Width is the channel count of resnet-narrow's first stage; it doubles per stage.
	Width int `yaml:"width,omitempty"`
	// Depth is the number of blocks per stage of resnet-narrow (3 gives ResNet-20).
	Depth int `yaml:"depth,omitempty"`
	// Head is the projection head between backbone and classifier.
	Head Head `yaml:"head"`
}

// Head is a multi-layer perceptron from F to Dim (METHOD: L = Layers).
type Head struct {
	// Layers is L: the number of hidden layers; 0 means no head, and D = F.
	Layers int `yaml:"layers"`
	// Hidden is H, the hidden width; 0 means max(2F, 4096).
	Hidden int `yaml:"hidden"`
	// Dim is D, the embedding width (ignored when Layers is 0).
	Dim int `yaml:"dim"`
	// BatchNorm puts batch normalisation after each hidden layer.
	BatchNorm bool `yaml:"batch_norm"`
}

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
	// BankSize is K, the entries of the memory bank.
	BankSize int `yaml:"bank_size"`
	// Neighbors is k, the anchors taken from the bank per image.
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

// Checkpoint says when the run is saved. `last` and `best` always exist.
type Checkpoint struct {
	// EverySteps saves `last` each so many steps inside an epoch; 0 only at epoch ends.
	EverySteps int `yaml:"every_steps"`
	// EveryEpochs keeps a numbered checkpoint each so many epochs; 0 keeps none.
	EveryEpochs int `yaml:"every_epochs"`
}
