package recipe

// Step is one step of an image transform; exactly one field is set. In YAML:
//
//	augment:
//	  - random_crop: {padding: 4}
//	  - horizontal_flip: {probability: 0.5}
//
// Steps treat grey pictures, of 1 channel, as RGB pictures with three equal
// channels: saturation, hue and RandomGrey change nothing. A colour to fill
// with is then its first number alone.
type Step struct {
	RandomResizedCrop  *RandomResizedCrop  `yaml:"random_resized_crop,omitempty"`
	Resize             *Resize             `yaml:"resize,omitempty"`
	CenterCrop         *CenterCrop         `yaml:"center_crop,omitempty"`
	RandomCrop         *RandomCrop         `yaml:"random_crop,omitempty"`
	HorizontalFlip     *HorizontalFlip     `yaml:"horizontal_flip,omitempty"`
	VerticalFlip       *VerticalFlip       `yaml:"vertical_flip,omitempty"`
	ColorJitter        *ColorJitter        `yaml:"color_jitter,omitempty"`
	RandomGrey         *RandomGrey         `yaml:"random_grey,omitempty"`
	GaussianBlur       *GaussianBlur       `yaml:"gaussian_blur,omitempty"`
	AutoAugment        *AutoAugment        `yaml:"auto_augment,omitempty"`
	RandAugment        *RandAugment        `yaml:"rand_augment,omitempty"`
	TrivialAugmentWide *TrivialAugmentWide `yaml:"trivial_augment_wide,omitempty"`
	RandomErasing      *RandomErasing      `yaml:"random_erasing,omitempty"`
	Mixup              *Mixup              `yaml:"mixup,omitempty"`
	CutMix             *CutMix             `yaml:"cutmix,omitempty"`
	Mix                *Mix                `yaml:"mix,omitempty"`
}

// RandomResizedCrop cuts a random area (a share of the picture between
// Scale[0] and Scale[1], aspect ratio between Ratio[0] and Ratio[1]) and
// resizes it to Size×Size, as torchvision's transform of that name: after ten
// tries that do not fit it takes the middle.
type RandomResizedCrop struct {
	Size  int       `yaml:"size"`
	Scale []float64 `yaml:"scale,flow"`
	Ratio []float64 `yaml:"ratio,flow"`
	// Interpolation: "bilinear", "bicubic", or "random" for either.
	Interpolation string `yaml:"interpolation"`
}

// Resize scales the short side to Size pixels or, with Height and Width, the
// picture to that size; always with antialiasing, as Pillow.
type Resize struct {
	Size   int `yaml:"size,omitempty"`
	Height int `yaml:"height,omitempty"`
	Width  int `yaml:"width,omitempty"`
	// Interpolation: "bilinear" or "bicubic".
	Interpolation string `yaml:"interpolation"`
}

// CenterCrop cuts Size×Size pixels from the middle, with a black border where
// the picture is smaller.
type CenterCrop struct {
	Size int `yaml:"size"`
}

// RandomCrop pads every side by Padding pixels and cuts Size×Size pixels, or
// the original size when that is 0, at a uniformly random place.
type RandomCrop struct {
	Padding int `yaml:"padding"`
	Size    int `yaml:"size,omitempty"`
	// Border of the padding: "black", or "reflect" for the picture mirrored.
	Border string `yaml:"border"`
}

// HorizontalFlip mirrors left and right with the given probability.
type HorizontalFlip struct {
	Probability float64 `yaml:"probability"`
}

// VerticalFlip mirrors top and bottom with the given probability.
type VerticalFlip struct {
	Probability float64 `yaml:"probability"`
}

// ColorJitter changes brightness, contrast, saturation and hue in random
// order, as torchvision's transform of that name: a setting x below 1 draws a
// factor between 1−x and 1+x, and hue, at most 0.5, a turn between −x and x.
// It does so with the given Probability. The defaults are SimCLR's and
// SupCon's. Of a grey picture, only brightness and contrast change.
type ColorJitter struct {
	Brightness  float64 `yaml:"brightness"`
	Contrast    float64 `yaml:"contrast"`
	Saturation  float64 `yaml:"saturation"`
	Hue         float64 `yaml:"hue"`
	Probability float64 `yaml:"probability"`
}

// RandomGrey turns a picture grey with the given probability, and leaves the
// number of channels as it is.
type RandomGrey struct {
	Probability float64 `yaml:"probability"`
}

// GaussianBlur blurs by a Gaussian of a standard deviation between Sigma[0]
// and Sigma[1] pixels, cut to Kernel×Kernel, with the given Probability.
type GaussianBlur struct {
	Kernel      int       `yaml:"kernel"`
	Sigma       []float64 `yaml:"sigma,flow"`
	Probability float64   `yaml:"probability"`
}

// AutoAugment applies one of 25 learnt pairs of operations (Cubuk et al.,
// arXiv 1805.09501) with torchvision's magnitudes, to the nearest pixel.
type AutoAugment struct {
	// Policy: "imagenet" or "cifar10", after the data it was learnt on.
	Policy string `yaml:"policy"`
	// Fill is the colour of what lies beyond the picture.
	Fill []int `yaml:"fill,flow"`
}

// RandAugment applies random operations (Cubuk et al., arXiv 1909.13719), as
// timm does.
type RandAugment struct {
	// Config is timm's string, such as "rand-m7-mstd0.5-inc1": m is the
	// magnitude (10), n the number of operations (2), mstd the deviation of the
	// magnitude (0; above 100: uniform from 0 to m), mmax what larger
	// magnitudes become (10), p the probability of each operation (0.5), inc1
	// takes the operations whose effect grows with the magnitude. What is in
	// brackets holds for parts that are left out; timm's t is not known.
	Config string `yaml:"config"`
	// Fill is the colour of what lies beyond the picture: as in timm,
	// ImageNet's mean by default.
	Fill []int `yaml:"fill,flow"`
	// Interpolation: "bilinear", "bicubic", or "random" for either.
	Interpolation string `yaml:"interpolation"`
}

// TrivialAugmentWide applies one random operation with a random magnitude out
// of a wide range (Müller and Hutter, arXiv 2103.10158), as torchvision does,
// to the nearest pixel.
type TrivialAugmentWide struct {
	// Fill is the colour of what lies beyond the picture.
	Fill []int `yaml:"fill,flow"`
}

// RandomErasing overwrites a random rectangle (Zhong et al., arXiv 1708.04896)
// with the given Probability: a share of the picture between Scale[0] and
// Scale[1], aspect ratio between Ratio[0] and Ratio[1].
type RandomErasing struct {
	Probability float64   `yaml:"probability"`
	Scale       []float64 `yaml:"scale,flow"`
	Ratio       []float64 `yaml:"ratio,flow"`
	// Value: "fill" writes the colour Fill, "random" one random colour,
	// "pixel" a random colour for each pixel. Random colours are uniform;
	// timm's are normal and drawn after normalisation.
	Value string `yaml:"value"`
	// Fill is ImageNet's mean by default, which normalisation makes 0.
	Fill []int `yaml:"fill,flow"`
}

// Mixup mixes pairs of pictures and their labels by λ ~ Beta(Alpha, Alpha)
// (Zhang et al., arXiv 1710.09412), one λ for a batch, with the given
// Probability. It comes last.
type Mixup struct {
	Alpha       float64 `yaml:"alpha"`
	Probability float64 `yaml:"probability"`
}

// CutMix puts a rectangle of one picture into another, and mixes labels by its
// area 1 − λ, λ ~ Beta(Alpha, Alpha) (Yun et al., arXiv 1905.04899), one
// rectangle for a batch, with the given Probability. It comes last.
type CutMix struct {
	Alpha       float64 `yaml:"alpha"`
	Probability float64 `yaml:"probability"`
}

// Mix applies mixup or CutMix to a batch, as timm's Mixup does: one of the two
// with the given Probability, CutMix with SwitchProbability. An alpha of 0
// leaves the other alone. It comes last.
type Mix struct {
	MixupAlpha        float64 `yaml:"mixup_alpha"`
	CutMixAlpha       float64 `yaml:"cutmix_alpha"`
	SwitchProbability float64 `yaml:"switch_probability"`
	Probability       float64 `yaml:"probability"`
	// Mode: "batch" draws once for the batch, "pair" for each pair of
	// pictures, "elem" for each picture.
	Mode string `yaml:"mode"`
}
