package recipe

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
	// Limit keeps only the first Limit training images, which must show every
	// class; 0 keeps all.
	Limit int `yaml:"limit,omitempty"`
	// Fraction keeps this share of the training images, the same share of every
	// class and at least one image of each; 1 keeps all. Limit counts after it.
	Fraction float64 `yaml:"fraction"`
	// FractionSeed draws them; a smaller fraction keeps a part of what a larger
	// one does.
	FractionSeed uint64 `yaml:"fraction_seed,omitempty"`
	// HoldOut is the share of every class of the training images that training
	// does not see, so that what is fitted after training (the weight of the
	// neighbours' vote, familiarity) meets new images; 0 holds none out.
	// SplitSeed draws them.
	HoldOut float64 `yaml:"hold_out"`
	// EvaluateHeldOut evaluates on those images and leaves the test part alone:
	// to choose settings without having looked at the test images.
	EvaluateHeldOut bool `yaml:"evaluate_held_out,omitempty"`
	// LabelNoise makes training labels wrong on purpose.
	LabelNoise LabelNoise `yaml:"label_noise"`
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
	// CacheMB is the memory, in MiB, up to which decoded pictures are kept, of
	// the training and of the test images each, if all of them fit; 0 keeps none.
	CacheMB int `yaml:"cache_mb"`
	// Workers prepare batches beside the training step; 0 means one per core.
	// The number never changes what a batch holds.
	Workers int `yaml:"workers"`
	// Sampling says in which order, and how often, an epoch visits images.
	Sampling Sampling `yaml:"sampling"`
}

// LabelNoise makes labels of training images wrong on purpose, to try a method
// or an audit on. Test images, and those held out, keep theirs. The run's folder
// lists the wrong ones in label_noise.csv.
type LabelNoise struct {
	// Rate is the probability with which each label is wrong; 0 leaves all.
	Rate float64 `yaml:"rate"`
	// Kind: "symmetric" takes any other class, each as likely; "pair" always
	// the one that follows, after the last class the first.
	Kind string `yaml:"kind"`
	// Seed draws them, image by image; it is not the run's seed.
	Seed uint64 `yaml:"seed,omitempty"`
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
