package model

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"cone/recipe"
)

// TestCountsEqualOthers: testdata/make_networks.py counted torchvision's and
// timm's networks with PyTorch's own counter. ResNet-20 is in neither; its
// paper gives 0.27 M parameters.
func TestCountsEqualOthers(t *testing.T) {
	type counts struct {
		Parameters  int
		MACs        int64
		Activations int64
	}
	text, err := os.ReadFile(filepath.Join("testdata", "counts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]counts
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for _, d := range describe(t) {
		if d.Name == NarrowResNet {
			if d.Parameters/10_000 != 27 {
				t.Errorf("ResNet-20 has %d parameters", d.Parameters)
			}
			continue
		}
		if got := (counts{d.Parameters, d.MACs, d.Activations}); got != want[d.Name] {
			t.Errorf("%s: %+v, want %+v", d.Name, got, want[d.Name])
		}
	}
}

// TestCountsArePublished: parameters and GMACs of torchvision 0.29 (num_params
// and _ops of its weights), and activations of timm's model cards, as rounded
// there.
func TestCountsArePublished(t *testing.T) {
	all := map[string]Description{}
	for _, d := range describe(t) {
		all[d.Name] = d
	}
	for name, want := range map[string]struct {
		parameters   int
		gmacs        float64
		mActivations float64
	}{
		"resnet18":         {11_689_512, 1.814, 2.5},
		"resnet34":         {21_797_672, 3.664, 3.7},
		"resnet50":         {25_557_032, 4.089, 11.1},
		"resnet101":        {44_549_160, 7.801, 16.2},
		"resnet152":        {60_192_808, 11.514, 22.6},
		"resnext50_32x4d":  {25_028_904, 4.230, 14.4},
		"resnext101_32x8d": {88_791_336, 16.414, 31.2},
		"wide_resnet50_2":  {68_883_240, 11.398, 14.4},
		"mobilenet_v2":     {3_504_872, 0.301, 6.7},
		"convnext_tiny":    {28_589_128, 4.456, 13.4},
		"swin_t":           {28_288_354, 4.491, 17.1},
	} {
		got := all[name]
		round := func(x, unit float64) float64 { return math.Round(x/unit) * unit }
		if got.Parameters != want.parameters ||
			math.Abs(round(float64(got.MACs)/1e9, 0.001)-want.gmacs) > 1e-9 ||
			math.Abs(round(float64(got.Activations)/1e6, 0.1)-want.mActivations) > 1e-9 {
			t.Errorf("%+v, published %+v", got, want)
		}
	}
}

func describe(t *testing.T) (all []Description) {
	t.Helper()
	run(t, func() {
		var err error
		if all, err = Describe(); err != nil {
			t.Fatal(err)
		}
	})
	return all
}

// TestRecipesKnowTheNetworks: package recipe cannot ask this one, so its list
// is its own.
func TestRecipesKnowTheNetworks(t *testing.T) {
	for _, k := range recipe.Keys() {
		if k.Key != "model.backbone" {
			continue
		}
		known, ours := slices.Sorted(slices.Values(k.Choices)), slices.Sorted(slices.Values(Names()))
		if !slices.Equal(known, ours) {
			t.Errorf("recipes may name\n%v, but there are\n%v", known, ours)
		}
		return
	}
	t.Error("recipes have no model.backbone")
}

// TestUsualSettingsAreValid: what the list shows can be trained.
func TestUsualSettingsAreValid(t *testing.T) {
	for _, name := range Names() {
		r := recipe.Default()
		r.Data.Path = "pictures"
		head := r.Model.Head
		r.Model, _, _, _ = Usual(name)
		r.Model.Head = head
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
