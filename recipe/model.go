package recipe

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
