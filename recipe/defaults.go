package recipe

import "reflect"

// Default returns the settings that a recipe file starts from: every key that
// the file leaves out keeps the value given here. Where the authors of CoNe
// published a value for ImageNet (arXiv 2308.10761) it is theirs. The data's
// path and the image transforms have no default, for they follow from the data.
func Default() Recipe {
	r := Recipe{
		Name:      "unnamed",
		Epochs:    100,
		Batch:     1024,
		Precision: "auto",
		Data: Data{
			Format:     "auto",
			TestShare:  0.1,
			Fraction:   1,
			LabelNoise: LabelNoise{Kind: "symmetric"},
			Mean:       []float64{0.485, 0.456, 0.406},
			Std:        []float64{0.229, 0.224, 0.225},
			Exif:       true,
			OnError:    "skip",
			MaxPixels:  89_478_485, // where Pillow begins to warn
			CacheMB:    1024,
			Sampling:   Sampling{Order: "shuffle", Buffer: 10_000, Power: 0.5, Repeats: 1},
		},
		Evaluate: Evaluate{
			Every:      1,
			Classifier: "auto",
			KNN:        KNN{K: 20, Temperature: 0.07},
		},
		Model: Model{
			Backbone: "resnet50",
			Stem:     "imagenet",
			Head:     Head{Layers: 1, Dim: 256, Placement: "inside", BatchNorm: true},
		},
		Method: Method{
			Name:      "cone",
			Smoothing: "others",
			CoNe: CoNe{
				BankSize:               65536,
				Neighbors:              512,
				NeighborTemperature:    0.1,
				ConsistencyTemperature: 0.07,
				CenterWeight:           1,
				NeighborWeight:         0.7,
				ConsistencyWeight:      0.4,
				KeyMomentum:            0.996,
				WarmupEpochs:           1,
				Views:                  1,
				Guards:                 true,
			},
			BCE:     BCE{Threshold: -1},
			SupCon:  SupCon{Temperature: 0.1, BaseTemperature: 0.07, KeyMomentum: 0.999},
			Triplet: Triplet{Mining: "semi-hard", Margin: 0.2, Normalize: true, Joint: true},
			Margin:  Margin{Kind: "arcface", Margin: 0.5, Scale: 16, Lambda: 1000, LambdaDecay: 0.12},
			PaCo:    PaCo{Temperature: 0.2, SampleWeight: 0.05, CenterWeight: 1, BankSize: 8192, KeyMomentum: 0.999},
		},
		Optim: Optim{
			Name:             "sgd",
			LR:               0.1,
			ReferenceBatch:   256,
			Momentum:         0.9,
			Beta1:            0.9,
			Beta2:            0.999,
			TrustCoefficient: 0.001,
			WeightDecay:      1e-4,
			DecayNormAndBias: true,
			LayerDecay:       1,
			Schedule:         "cosine-epoch",
			WarmupEpochs:     5,
			MinLRRatio:       0.001,
			Gamma:            0.1,
			Accumulate:       1,
		},
		EMA:  EMA{EverySteps: 1},
		Dist: Dist{SyncBatchNorm: true, Overlap: true, CheckEvery: 1000},
	}
	// SupCon's second stage on CIFAR, with a cosine in place of its steps.
	r.Linear = Linear{Batch: 512, Optim: r.Optim}
	o := &r.Linear.Optim
	o.LR, o.ReferenceBatch, o.WeightDecay, o.Schedule, o.WarmupEpochs = 5, 0, 0, "cosine-step", 0
	return r
}

// defaultStep returns a Step with every kind set to what a step of that kind
// starts from when keys are left out: torchvision's and timm's defaults where
// they have any that do something, else those of well-known recipes.
// TestStepDefaults names the source of each. Sizes have no default.
func defaultStep() Step {
	// ImageNet's mean colour, which normalisation makes 0.
	mean := func() []int { return []int{124, 116, 104} }
	black := func() []int { return []int{0, 0, 0} }
	return Step{
		RandomResizedCrop: &RandomResizedCrop{
			Scale:         []float64{0.08, 1},
			Ratio:         []float64{3.0 / 4, 4.0 / 3},
			Interpolation: "bilinear",
		},
		Resize:             &Resize{Interpolation: "bilinear"},
		CenterCrop:         &CenterCrop{},
		RandomCrop:         &RandomCrop{Padding: 4, Border: "black"},
		HorizontalFlip:     &HorizontalFlip{Probability: 0.5},
		VerticalFlip:       &VerticalFlip{Probability: 0.5},
		ColorJitter:        &ColorJitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1, Probability: 0.8},
		RandomGrey:         &RandomGrey{Probability: 0.2},
		GaussianBlur:       &GaussianBlur{Kernel: 23, Sigma: []float64{0.1, 2}, Probability: 0.5},
		AutoAugment:        &AutoAugment{Policy: "imagenet", Fill: black()},
		RandAugment:        &RandAugment{Config: "rand-m9-mstd0.5-inc1", Fill: mean(), Interpolation: "random"},
		TrivialAugmentWide: &TrivialAugmentWide{Fill: black()},
		RandomErasing: &RandomErasing{
			Probability: 0.5, Scale: []float64{0.02, 1.0 / 3}, Ratio: []float64{0.3, 10.0 / 3}, Value: "fill", Fill: mean(),
		},
		Mixup:  &Mixup{Alpha: 0.2, Probability: 1},
		CutMix: &CutMix{Alpha: 1, Probability: 1},
		Mix:    &Mix{MixupAlpha: 0.2, CutMixAlpha: 1, SwitchProbability: 0.5, Probability: 1, Mode: "batch"},
	}
}

// Clone returns a copy that shares no memory with r.
func (r Recipe) Clone() Recipe {
	detach(reflect.ValueOf(&r).Elem())
	return r
}

// detach replaces everything that v points to by a copy.
func detach(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			detach(v.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		for i := range v.Len() {
			detach(v.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		v.Set(c)
		detach(c.Elem())
	}
}
