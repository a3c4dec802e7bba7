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
	Augment  []Step   `yaml:"augment"`
	Evaluate Evaluate `yaml:"evaluate"`
	Model    Model    `yaml:"model"`
	Method   Method   `yaml:"method"`
	Optim    Optim    `yaml:"optim"`
	EMA      EMA      `yaml:"ema"`
	// EarlyStopping ends a run that gets no better.
	EarlyStopping EarlyStopping `yaml:"early_stopping"`
	Linear        Linear        `yaml:"linear"`
	Checkpoint    Checkpoint    `yaml:"checkpoint"`
	Dist          Dist          `yaml:"dist"`
}

// Evaluate says how the model is evaluated on the test images.
type Evaluate struct {
	// Every is the number of epochs between evaluations; the last epoch is
	// always evaluated.
	Every int `yaml:"every"`
	// Batch is the number of images per evaluation batch; 0 means the recipe's Batch.
	Batch int `yaml:"batch"`
	// Classifier: "linear" evaluates the model's classifier, "knn" a vote of the
	// most similar training images; "auto" is linear unless the method trains
	// no classifier.
	Classifier string `yaml:"classifier"`
	// KNN is that vote.
	KNN KNN `yaml:"knn"`
	// Transform is applied to every test image.
	Transform []Step `yaml:"transform,omitempty"`
}

// KNN is a vote of the most similar training images, by their embeddings
// (as Wu et al., arXiv 1805.01978).
type KNN struct {
	// K is how many training images vote.
	K int `yaml:"k"`
	// Temperature is τ: a vote counts exp(cosine similarity/τ).
	Temperature float64 `yaml:"temperature"`
	// Report also gives the vote's top-1 at the end of a run whose classifier
	// is evaluated.
	Report bool `yaml:"report"`
}

// UsesKNN says whether the run is judged by nearest neighbours.
func (r Recipe) UsesKNN() bool {
	return r.Evaluate.Classifier == "knn" || r.Evaluate.Classifier == "auto" && !r.Method.TrainsClassifier()
}

// NeedsIndex says whether the training images are ever asked for as neighbours.
func (r Recipe) NeedsIndex() bool { return r.UsesKNN() || r.Evaluate.KNN.Report }

// Checkpoint says when the run is saved. `last` and `best` always exist.
type Checkpoint struct {
	// EverySteps saves `last` each so many steps inside an epoch; 0 only at epoch ends.
	EverySteps int `yaml:"every_steps"`
	// EveryEpochs keeps a numbered checkpoint each so many epochs; 0 keeps none.
	EveryEpochs int `yaml:"every_epochs"`
}
