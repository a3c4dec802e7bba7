// Package corrupt applies the standard corruptions of ImageNet-C to pictures:
// Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common
// Corruptions and Perturbations", ICLR 2019, https://arxiv.org/abs/1903.12261;
// formulas and constants are those of its program,
// https://github.com/hendrycks/robustness/tree/master/ImageNet-C/create_c.
//
// Shape legend: H×W image height × width, C channels (1 or 3). A corruption
// depends on nothing but the seed, the image's index, its own name and the
// severity, so that every model meets the same pictures.
//
// Frost and spatter are missing. Frost mixes in photographs of frost, which are
// not ours to ship; something else under its name would not be comparable.
package corrupt

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"cone/augment"
	"cone/picture"
)

// Severities is how many severities every corruption has, from 1 on.
const Severities = 5

// Corruption is one way to make pictures worse.
type Corruption struct {
	// Name is the one that ImageNet-C's folders have.
	Name string
	// Group is "noise", "blur", "weather" or "digital" for the common ones, and
	// "extra" for those that the paper keeps for validation.
	Group string

	apply func(im *picture.Image, l level, d draws) error
}

// level is how strong a corruption is: which scale's constants, and of which
// severity, from 0.
type level struct {
	scale    scale
	severity int
}

// all are in the paper's order.
var all = []Corruption{
	{"gaussian_noise", "noise", gaussianNoise},
	{"shot_noise", "noise", shotNoise},
	{"impulse_noise", "noise", impulseNoise},
	{"defocus_blur", "blur", defocusBlur},
	{"glass_blur", "blur", glassBlur},
	{"motion_blur", "blur", motionBlur},
	{"zoom_blur", "blur", zoomBlur},
	{"snow", "weather", snow},
	{"fog", "weather", fog},
	{"brightness", "weather", brightness},
	{"contrast", "digital", contrast},
	{"elastic_transform", "digital", elasticTransform},
	{"pixelate", "digital", pixelate},
	{"jpeg_compression", "digital", jpegCompression},
	{"speckle_noise", "extra", speckleNoise},
	{"gaussian_blur", "extra", gaussianBlur},
	{"saturate", "extra", saturate},
}

// Common says whether the corruption counts in the mean, as the paper has it.
func (c Corruption) Common() bool { return c.Group != "extra" }

// missing are the corruptions of ImageNet-C that are not here, and why.
var missing = map[string]string{
	"frost":   "it needs photographs of frost, which cone does not bring",
	"spatter": "cone does not have it",
}

// Parse finds corruptions by a list of names and groups with commas between
// them; "all" and "common" are groups too. Each comes once, in the paper's order.
func Parse(list string) ([]Corruption, error) {
	chosen := map[string]bool{}
	for _, word := range strings.Split(list, ",") {
		word = strings.TrimSpace(word)
		if why, ok := missing[word]; ok {
			return nil, fmt.Errorf("the corruption %s cannot be applied: %s", word, why)
		}
		found := false
		for _, c := range all {
			if word == "all" || word == c.Name || word == c.Group || word == "common" && c.Common() {
				chosen[c.Name], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no corruption or group %q: choose from %s", word, strings.Join(names(), ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(c Corruption) bool { return !chosen[c.Name] }), nil
}

// names are the words that Parse understands.
func names() []string {
	words := []string{"all", "common", "noise", "blur", "weather", "digital", "extra"}
	for _, c := range all {
		words = append(words, c.Name)
	}
	return words
}

// purpose is the first key of the random streams, as augment's purposes are.
const purpose = 0x636f7272

// Apply corrupts im, of 1 or 3 channels, in its own memory, with a severity
// from 1 to 5. Errors come from the JPEG codec alone. Any number of goroutines
// may use a Corruption.
func (c Corruption) Apply(im *picture.Image, severity int, seed uint64, index int) error {
	if severity < 1 || severity > Severities || im.Channels != 1 && im.Channels != 3 || im.Bytes() == 0 {
		panic(fmt.Sprintf("corrupt: severity %d of %s for a picture of %v", severity, c.Name, im.Size))
	}
	name := fnv.New64a()
	name.Write([]byte(c.Name)) // never fails
	stream := augment.NewStream(seed, purpose, uint64(index), name.Sum64(), uint64(severity))
	return c.apply(im, level{scaleOf(im.Size), severity - 1}, &random{stream})
}
