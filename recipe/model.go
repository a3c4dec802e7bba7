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
	// Head is the projection head on the backbone.
	Head Head `yaml:"head"`
	// Init is where the weights start from instead of random numbers: a run's
	// folder, a checkpoint, or a safetensors file with the same names. Empty
	// starts afresh. The backbone must fit; what does not fit of head and
	// classifier starts afresh.
	Init string `yaml:"init,omitempty"`
	// Freeze keeps the weights below these names as they are, batch norms in
	// evaluation mode: [net] leaves head and classifier, [net, head] is a
	// linear probe, [net.conv1, net.bn1, net.layer1] freezes the first layers.
	Freeze []string `yaml:"freeze,flow"`
}

// Head is a multi-layer perceptron from F to Dim (METHOD: L = Layers).
type Head struct {
	// Layers is L: the number of hidden layers; 0 means no head, and D = F.
	Layers int `yaml:"layers"`
	// Hidden is H, the hidden width; 0 means max(2F, 4096).
	Hidden int `yaml:"hidden"`
	// Dim is D, the embedding width (ignored when Layers is 0).
	Dim int `yaml:"dim"`
	// Placement: "inside" puts the head in the classifier's path, as CoNe was
	// published; "beside" has the classifier look at the backbone's features, so
	// that the embedding serves the contrastive terms alone.
	Placement string `yaml:"placement"`
	// BatchNorm puts batch normalisation after each hidden layer.
	BatchNorm bool `yaml:"batch_norm"`
}
