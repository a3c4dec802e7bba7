package recipe

import (
	"strings"
	"testing"
)

// TestStepDefaults names where the steps' defaults come from. torchvision is
// 0.14.1's transforms, timm 1.0.31's timm.data.
func TestStepDefaults(t *testing.T) {
	const (
		torchvision = "torchvision"
		timm        = "timm"
		simCLR      = "SimCLR (arXiv 2002.05709) and SupCon"
		residual    = "He et al., arXiv 1512.03385, section 4.2"
		cutMix      = "Yun et al., arXiv 1905.04899"
	)
	want := []struct{ key, value, source string }{
		{"random_resized_crop.scale", "[0.08, 1]", torchvision},
		{"random_resized_crop.ratio", "[0.75, 1.3333333333333333]", torchvision},
		{"random_resized_crop.interpolation", "bilinear", torchvision},
		{"resize.interpolation", "bilinear", torchvision},
		{"random_crop.padding", "4", residual},
		{"random_crop.border", "black", torchvision},
		{"horizontal_flip.probability", "0.5", torchvision},
		{"vertical_flip.probability", "0.5", torchvision},
		{"color_jitter.brightness", "0.4", simCLR},
		{"color_jitter.contrast", "0.4", simCLR},
		{"color_jitter.saturation", "0.4", simCLR},
		{"color_jitter.hue", "0.1", simCLR},
		{"color_jitter.probability", "0.8", simCLR},
		{"random_grey.probability", "0.2", simCLR}, // 0.1 in torchvision
		{"gaussian_blur.kernel", "23", simCLR},     // a tenth of 224, made odd
		{"gaussian_blur.sigma", "[0.1, 2]", torchvision},
		{"gaussian_blur.probability", "0.5", simCLR},
		{"auto_augment.policy", "imagenet", torchvision},
		{"auto_augment.fill", "[0, 0, 0]", torchvision},
		{"rand_augment.config", "rand-m9-mstd0.5-inc1", "timm's own example, and DeiT (arXiv 2012.12877)"},
		{"rand_augment.fill", "[124, 116, 104]", timm}, // create_transform
		{"rand_augment.interpolation", "random", timm},
		{"trivial_augment_wide.fill", "[0, 0, 0]", torchvision},
		{"random_erasing.probability", "0.5", "both"},
		{"random_erasing.scale", "[0.02, 0.3333333333333333]", timm},
		{"random_erasing.ratio", "[0.3, 3.3333333333333335]", timm},
		{"random_erasing.value", "fill", "both"},
		{"random_erasing.fill", "[124, 116, 104]", timm}, // 0 after normalisation
		{"mixup.alpha", "0.2", "Zhang et al., arXiv 1710.09412, on ImageNet"},
		{"mixup.probability", "1", timm},
		{"cutmix.alpha", "1", cutMix},
		{"cutmix.probability", "1", timm},
		{"mix.mixup_alpha", "0.2", "torchvision's second recipe, and timm's A1"},
		{"mix.cutmix_alpha", "1", "torchvision's second recipe, and timm's A1"},
		{"mix.switch_probability", "0.5", timm},
		{"mix.probability", "1", timm},
		{"mix.mode", "batch", timm},
	}
	defaults := map[string]string{}
	for _, k := range Keys() {
		if of, inside := strings.CutPrefix(k.Key, "augment[]."); inside && k.Default != "" {
			defaults[of] = k.Default
		}
	}
	for _, w := range want {
		if defaults[w.key] != w.value {
			t.Errorf("%s is %s by default, want %s: %s", w.key, defaults[w.key], w.value, w.source)
		}
		delete(defaults, w.key)
	}
	for key := range defaults {
		t.Errorf("%s has a default of no known source", key)
	}
}
