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
	// Format of the files: "auto" finds out (see cone data info), else
	// "mnist-idx", "cifar", "folder", "list", "webdataset" or "parquet".
	Format string `yaml:"format"`
	// Path is the folder that holds the files, or the one file.
	Path string `yaml:"path"`
	// Train and Test name the parts within Path where the format's usual names
	// do not fit: folders (train, val), list files (train.txt, val.txt), tar
	// or Parquet files as shell patterns with {000..127} braces. An empty Test
	// with no usual one there splits the training images.
	Train string `yaml:"train,omitempty"`
	Test  string `yaml:"test,omitempty"`
	// TestShare is the share of every class that is held out for evaluation
	// where the data has no part of its own for that.
	TestShare float64 `yaml:"test_share"`
	// SplitSeed draws that share; it is not the run's seed, so that runs with
	// different seeds are evaluated on the same images.
	SplitSeed uint64 `yaml:"split_seed,omitempty"`
	// Mean and Std normalise a channel as (x/255 − mean)/std; one value per
	// channel, or one for all.
	Mean []float64 `yaml:"mean,flow"`
	Std  []float64 `yaml:"std,flow"`
	// Limit keeps only the first Limit training images; 0 keeps all.
	Limit int `yaml:"limit,omitempty"`
	// Exif turns photographs as their EXIF orientation says. torchvision's
	// ImageFolder does not.
	Exif bool `yaml:"exif"`
	// Exact decodes JPEGs at full size before they are resized. Without it,
	// training may decode at a smaller scale where the result is at least as
	// large as what the crop is resized to: faster, and nearly the same
	// pixels. Evaluation is always exact.
	Exact bool `yaml:"exact"`
	// OnError says what becomes of pictures that cannot be decoded: "skip"
	// takes another in training, leaves it out in evaluation, and lists it in
	// the run's folder (a run that would lose more than 1 % stops), "fail" stops.
	OnError string `yaml:"on_error"`
	// MaxPixels bounds height×width of a picture, before it is decoded.
	MaxPixels int `yaml:"max_pixels"`
	// CacheMB is the memory, in MiB, up to which decoded pictures are kept, if
	// all training images fit; 0 keeps none.
	CacheMB int `yaml:"cache_mb"`
	// Workers prepare batches beside the training step; 0 means one per core.
	// The number never changes what a batch holds.
	Workers int `yaml:"workers"`
	// Sampling says in which order, and how often, an epoch visits images.
	Sampling Sampling `yaml:"sampling"`
}

// Sampling says in which order, and how often, an epoch visits the images.
type Sampling struct {
	// Order: "shuffle" visits every image once; "shards" does so shard by
	// shard, in random order, through a buffer of Buffer images, which reads
	// slow disks in long runs; "class-balanced" draws classes uniformly;
	// "per-class" fills batches with PerClass images of each class in it;
	// "weighted" draws class c in proportion to (its images)^Power.
	Order string `yaml:"order"`
	// Buffer is the number of images among which "shards" shuffles.
	Buffer int `yaml:"buffer"`
	// PerClass is M, the images of each class in a batch of "per-class".
	PerClass int `yaml:"per_class,omitempty"`
	// Power of "weighted": 1 draws as the data has it, 0 every class alike,
	// 0.5 by the square root.
	Power float64 `yaml:"power"`
	// Repeats is how often every image that an epoch visits appears in it,
	// augmented differently each time (repeated augmentation, Hoffer et al.,
	// arXiv 1901.09335); an epoch stays as long as without.
	Repeats int `yaml:"repeats"`
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
