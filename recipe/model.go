package recipe

// Model is the encoder: backbone → projection head → classifier.
type Model struct {
	// Backbone is the network before the head: ResNets (names that end in d
	// have a stem of three convolutions and average in their shortcuts; with
	// groups: resnext; with a wider middle: wide_resnet), WRN-28-10, MobileNetV2,
	// ConvNeXt-T, ViT-S/16, Swin-T, or "resnet-narrow" (three stages of 3×3 blocks
	// for small images, as ResNet-20; see Width and Depth). "cone model list"
	// tells their sizes and sources.
	Backbone string `yaml:"backbone"`
	// Stem of a ResNet: "imagenet" (7×7 stride 2, max pooling) or "small" (3×3
	// stride 1, no pooling; the only one of wrn-28-10). Other networks have one
	// of their own, and "imagenet" stands for it.
	Stem string `yaml:"stem"`
	// ImageSize is the side of the square pictures that vit_small_patch16 learns
	// positions for; 0 means that of the test pictures. Other networks take
	// pictures of any size.
	ImageSize int `yaml:"image_size,omitempty"`
	// DropPath is the probability that the last residual block leaves out its
	// branch for a picture in training (stochastic depth); it grows by equal
	// steps from 0 at the first block.
	DropPath float64 `yaml:"drop_path"`
	// Dropout is the probability that a value of the embedding is zeroed before
	// the classifier in training; in wrn-28-10 it is between the two convolutions
	// of each block instead.
	Dropout float64 `yaml:"dropout"`
	// ZeroInitResidual starts the last batch normalisation of each block of a
	// ResNet at 0, so that every block begins as the identity.
	ZeroInitResidual bool `yaml:"zero_init_residual"`
	// Width is the channel count of resnet-narrow's first stage; it doubles per stage.
	Width int `yaml:"width,omitempty"`
	// Depth is the number of blocks per stage of resnet-narrow (3 gives ResNet-20).
	Depth int `yaml:"depth,omitempty"`
	// Head is the projection head on the backbone.
	Head Head `yaml:"head"`
	// Init is where the weights start from instead of random numbers: a run's
	// folder, a checkpoint, or a safetensors or .pth file with our names or a
	// bare network's of torchvision or timm. Empty starts afresh. The backbone
	// must fit; what does not fit of head and
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

// Direct says whether the classifier looks at the backbone's features, as that
// of torchvision's and timm's networks does.
func (m Model) Direct() bool { return m.Head.Layers == 0 || m.Head.Placement == "beside" }
