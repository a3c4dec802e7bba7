package recipe

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
