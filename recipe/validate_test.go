package recipe

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// step makes the first augmentation s.
func step(s Step) func(r *Recipe) {
	return func(r *Recipe) { r.Augment = []Step{s} }
}

func TestValidateRefuses(t *testing.T) {
	crop := func(change func(c *RandomResizedCrop)) func(r *Recipe) {
		return func(r *Recipe) { change(r.Augment[1].RandomResizedCrop) }
	}
	for _, c := range []struct {
		change func(r *Recipe)
		want   string
	}{
		{func(r *Recipe) { r.Name = " " }, "name is empty: give the recipe a name"},
		{func(r *Recipe) { r.Name = "../x" }, `name is "../x": choose one that can be a file name`},
		{func(r *Recipe) { r.Name = ".." }, `name is "..": choose one that can be a file name`},
		{func(r *Recipe) { r.Name = "a\nb" }, `name is "a\nb": choose one that can be a file name`},
		{func(r *Recipe) { r.Epochs = 0 }, "epochs is 0: choose at least 1"},
		{func(r *Recipe) { r.Epochs = maxCount + 1 }, "epochs is 2147483648: choose at most 2147483647"},
		{func(r *Recipe) { r.Batch = 0 }, "batch is 0: choose at least 1"},
		{func(r *Recipe) { r.Batch = -1 }, "batch is -1: choose at least 1"},
		{func(r *Recipe) { r.Precision = "fp32" },
			`precision is "fp32", which is not known: choose auto, float32, bfloat16, float64`},
		{func(r *Recipe) { r.Precision = "float23" },
			`precision is "float23", which is not known: did you mean "float32"? choose auto, float32, bfloat16, float64`},
		{func(r *Recipe) { r.Data.Format = "zip" }, `data.format is "zip", which is not known: choose auto, mnist-idx, cifar, folder, list, webdataset, parquet`},
		{func(r *Recipe) { r.Data.Path = "" }, "data.path is empty: name the folder that holds the images"},
		{func(r *Recipe) { r.Data.Mean, r.Data.Std = []float64{1, 2}, []float64{1, 2} },
			"data.mean has 2 values: give 1, or 3 for red, green and blue\ndata.std has 2 values: give 1, or 3 for red, green and blue"},
		{func(r *Recipe) { r.Data.Mean = []float64{1} }, "data.mean has 1 values but data.std has 3: give as many of each"},
		{func(r *Recipe) { r.Data.Std[1] = 0 }, "data.std[1] is 0: choose a number above 0"},
		{func(r *Recipe) { r.Data.Limit = -1 }, "data.limit is -1: choose at least 0"},
		{func(r *Recipe) { r.Data.Limit = 1023 },
			"data.limit is 1023 but batch is 1024: choose limit ≥ batch, or an epoch has no full batch"},
		{func(r *Recipe) { r.Data.Fraction = 0 }, "data.fraction is 0: choose a number above 0, at most 1"},
		{func(r *Recipe) { r.Data.Fraction = 1.5 }, "data.fraction is 1.5: choose a number above 0, at most 1"},
		{func(r *Recipe) { r.Data.EvaluateHeldOut = true }, "data.evaluate_held_out is true but data.hold_out is 0: choose a share of the training images to hold out, as 0.1"},
		{func(r *Recipe) { r.Data.HoldOut = 1 }, "data.hold_out is 1: choose 0, or a number below 1"},
		{func(r *Recipe) { r.Data.LabelNoise.Rate = -0.1 }, "data.label_noise.rate is -0.1: choose 0, or a number below 1"},
		{func(r *Recipe) { r.Data.LabelNoise.Kind = "pairs" },
			`data.label_noise.kind is "pairs", which is not known: did you mean "pair"? choose symmetric, pair`},
		{func(r *Recipe) { r.Data.Workers = -1 }, "data.workers is -1: choose at least 0"},
		{func(r *Recipe) { r.Data.Workers = 1 << 20 }, "data.workers is 1048576: choose at most 4096"},

		{step(Step{}), "augment[0] holds no step: choose random_resized_crop, resize, center_crop, random_crop, horizontal_flip, vertical_flip, color_jitter, random_grey, gaussian_blur, auto_augment, rand_augment, trivial_augment_wide, random_erasing, mixup, cutmix, mix, or remove it"},
		{step(Step{HorizontalFlip: &HorizontalFlip{0.5}, CenterCrop: &CenterCrop{32}}),
			"augment[0] holds center_crop and horizontal_flip: write each as a list item of its own"},
		{step(Step{RandomCrop: &RandomCrop{Padding: -1, Border: "black"}}), "augment[0].random_crop.padding is -1: choose at least 0"},
		{step(Step{RandomCrop: &RandomCrop{Padding: 1 << 20, Border: "black"}}), "augment[0].random_crop.padding is 1048576: choose at most 16384"},
		{step(Step{HorizontalFlip: &HorizontalFlip{1.5}}), "augment[0].horizontal_flip.probability is 1.5: choose a number from 0 to 1"},
		{step(Step{Resize: &Resize{Interpolation: "bilinear"}}), "augment[0].resize.size is 0: choose at least 1"},
		{step(Step{Resize: &Resize{Size: 8, Interpolation: "lanczos"}}),
			`augment[0].resize.interpolation is "lanczos", which is not known: choose bilinear, bicubic`},
		{step(Step{CenterCrop: &CenterCrop{1 << 20}}), "augment[0].center_crop.size is 1048576: choose at most 16384"},
		{crop(func(c *RandomResizedCrop) { c.Size = 0 }), "augment[1].random_resized_crop.size is 0: choose at least 1"},
		{crop(func(c *RandomResizedCrop) { c.Scale = nil }),
			"augment[1].random_resized_crop.scale has 0 values: give 2, the smallest and the largest"},
		{crop(func(c *RandomResizedCrop) { c.Scale[0] = 0 }), "augment[1].random_resized_crop.scale[0] is 0: choose a number above 0"},
		{crop(func(c *RandomResizedCrop) { c.Scale[1] = 1.1 }), "augment[1].random_resized_crop.scale[1] is 1.1: choose at most 1, the whole picture"},
		{crop(func(c *RandomResizedCrop) { c.Ratio = []float64{2, 1} }), "augment[1].random_resized_crop.ratio is [2, 1]: put the smaller value first"},
		{crop(func(c *RandomResizedCrop) { c.Interpolation = "bicubik" }),
			`augment[1].random_resized_crop.interpolation is "bicubik", which is not known: did you mean "bicubic"? choose bilinear, bicubic, random`},

		{func(r *Recipe) { r.Evaluate.Every = 0 }, "evaluate.every is 0: choose at least 1"},
		{func(r *Recipe) { r.Evaluate.Batch = -1 }, "evaluate.batch is -1: choose at least 0"},
		{func(r *Recipe) { r.Evaluate.Transform[1].CenterCrop.Size = 0 }, "evaluate.transform[1].center_crop.size is 0: choose at least 1"},
		{func(r *Recipe) { r.Evaluate.Transform = []Step{{HorizontalFlip: &HorizontalFlip{0.5}}} },
			"evaluate.transform[0] is horizontal_flip, which is random: choose resize or center_crop"},

		{func(r *Recipe) { r.Model.Backbone = "resnet-50" },
			`model.backbone is "resnet-50", which is not known: did you mean "resnet50"? choose resnet18, resnet34, resnet50, resnet101, resnet152, resnet200, resnet18d, resnet34d, resnet50d, resnet101d, resnet152d, resnet200d, resnext50_32x4d, resnext101_32x8d, wide_resnet50_2, wrn-28-10, mobilenet_v2, convnext_tiny, vit_small_patch16, swin_t, resnet-narrow`},
		{func(r *Recipe) { r.Model.Stem = "cifar" }, `model.stem is "cifar", which is not known: choose imagenet, small`},
		{func(r *Recipe) { r.Model.Backbone, r.Model.Stem = "swin_t", "small" },
			"model.stem is small but swin_t is no ResNet: choose imagenet, or a ResNet"},
		{func(r *Recipe) { r.Model.Backbone = "wrn-28-10" }, "model.stem is imagenet but wrn-28-10 has only the other: choose small"},
		{func(r *Recipe) { r.Model.ImageSize = 224 }, "model.image_size is 224 but resnet50 does not depend on the size of the pictures: leave it out"},
		{func(r *Recipe) { r.Model.Backbone, r.Model.ImageSize = "vit_small_patch16", 100 },
			"model.image_size is 100 but vit_small_patch16 cuts pictures into patches of 16×16: choose a multiple of 16"},
		{func(r *Recipe) { r.Model.Backbone, r.Model.ImageSize = "vit_small_patch16", -16 }, "model.image_size is -16: choose at least 0"},
		{func(r *Recipe) { r.Model.DropPath = 1 }, "model.drop_path is 1: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.Model.Dropout = -0.1 }, "model.dropout is -0.1: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.Model.Backbone, r.Model.ZeroInitResidual = "convnext_tiny", true },
			"model.zero_init_residual is true but convnext_tiny has no such norm: choose false, or a ResNet"},
		{func(r *Recipe) { r.Model.Width = -1 }, "model.width is -1: choose at least 0"},
		{func(r *Recipe) { r.Model.Backbone, r.Model.Depth = "resnet-narrow", 2 }, "model.width is 0: choose at least 1"},
		{func(r *Recipe) { r.Model.Backbone, r.Model.Width = "resnet-narrow", 2 }, "model.depth is 0: choose at least 1"},
		{func(r *Recipe) { r.Model.Head.Layers = -1 }, "model.head.layers is -1: choose at least 0"},
		{func(r *Recipe) { r.Model.Head.Hidden = -1 }, "model.head.hidden is -1: choose at least 0"},
		{func(r *Recipe) { r.Model.Head.Dim = 0 }, "model.head.dim is 0: choose at least 1"},
		{func(r *Recipe) { r.Optim.Accumulate = 1024 },
			"model.head.batch_norm is true but batch/optim.accumulate is 1: batch normalisation needs 2 images or more at a time"},

		{func(r *Recipe) { r.Method.Name = "simclr" }, `method.name is "simclr", which is not known: choose cone, cross-entropy, bce, supcon, triplet, margin, paco`},
		{func(r *Recipe) { r.Method.LabelSmoothing = 1 }, "method.label_smoothing is 1: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.Method.LabelSmoothing = -0.1 }, "method.label_smoothing is -0.1: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.Method.CoNe.BankSize = -1 }, "method.cone.bank_size is -1: choose at least 0"},
		{func(r *Recipe) { r.Method.CoNe.Neighbors = -1 }, "method.cone.neighbors is -1: choose at least 0"},
		{func(r *Recipe) { r.Batch, r.Method.CoNe.BankSize = 256, 256 },
			"method.cone.neighbors is 512 but method.cone.bank_size is 256: choose neighbors ≤ bank_size"},
		{func(r *Recipe) { r.Method.CoNe.NeighborTemperature = 0 }, "method.cone.neighbor_temperature is 0: choose a number above 0"},
		{func(r *Recipe) { r.Method.CoNe.ConsistencyTemperature = -1 }, "method.cone.consistency_temperature is -1: choose a number above 0"},
		{func(r *Recipe) { r.Method.CoNe.NeighborWeight = -1 }, "method.cone.neighbor_weight is -1: choose 0 or more"},
		{func(r *Recipe) { r.Method.CoNe.ConsistencyWeight = -1 }, "method.cone.consistency_weight is -1: choose 0 or more"},
		{func(r *Recipe) { r.Method.CoNe.KeyMomentum = 1.1 }, "method.cone.key_momentum is 1.1: choose a number from 0 to 1"},
		{func(r *Recipe) { r.Method.CoNe.WarmupEpochs = -1 }, "method.cone.warmup_epochs is -1: choose at least 0"},

		{func(r *Recipe) { r.Optim.Name = "SGD" }, `optim.name is "SGD", which is not known: did you mean "sgd"? choose sgd, adamw, lamb, lars, rmsprop, rmsprop-tf`},
		{func(r *Recipe) { r.Optim.LR = 0 }, "optim.lr is 0: choose a number above 0"},
		{func(r *Recipe) { r.Optim.ReferenceBatch = -1 }, "optim.reference_batch is -1: choose at least 0"},
		{func(r *Recipe) { r.Optim.Momentum = -0.1 }, "optim.momentum is -0.1: choose a number from 0 to 1"},
		{func(r *Recipe) { r.Optim.Momentum, r.Optim.Nesterov = 0, true },
			"optim.nesterov is true but optim.momentum is 0: choose a momentum above 0, or no nesterov"},
		{func(r *Recipe) { r.Optim.Name, r.Optim.Nesterov = "lamb", true },
			"optim.nesterov is true but optim.name is lamb, which has none: choose sgd or lars, or set nesterov to false"},
		{func(r *Recipe) { r.Optim.Centered = true },
			"optim.centered is true but optim.name is sgd, which has none: choose rmsprop or rmsprop-tf, or set centered to false"},
		{func(r *Recipe) { r.Optim.Name, r.Optim.TrustClip = "adamw", true },
			"optim.trust_clip is true but optim.name is adamw, which has none: choose lamb or lars, or set trust_clip to false"},
		{func(r *Recipe) { r.Optim.Name, r.Optim.AlwaysAdapt = "rmsprop", true },
			"optim.always_adapt is true but optim.name is rmsprop, which has none: choose lamb or lars, or set always_adapt to false"},
		{func(r *Recipe) { r.Optim.Beta1 = 1 }, "optim.beta1 is 1: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.Optim.Beta2 = -0.1 }, "optim.beta2 is -0.1: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.Optim.Alpha = 1.5 }, "optim.alpha is 1.5: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.Optim.Epsilon = -1 }, "optim.epsilon is -1: choose 0 or more"},
		{func(r *Recipe) { r.Optim.TrustCoefficient = 0 }, "optim.trust_coefficient is 0: choose a number above 0"},
		{func(r *Recipe) { r.Optim.LayerDecay = 0 }, "optim.layer_decay is 0: choose a number above 0, up to 1"},
		{func(r *Recipe) { r.Optim.LayerDecay = 1.1 }, "optim.layer_decay is 1.1: choose a number above 0, up to 1"},
		{func(r *Recipe) { r.Optim.WarmupStart = 1.1 }, "optim.warmup_start is 1.1: choose a number from 0 to 1"},
		{func(r *Recipe) { r.Optim.Gamma = 0 }, "optim.gamma is 0: choose a number above 0, up to 1"},
		{func(r *Recipe) { r.Optim.Schedule = "step" },
			"optim.schedule is step but optim.milestones is empty: give the epochs after which the rate falls, such as [30, 60, 90]"},
		{func(r *Recipe) { r.Optim.Milestones = []float64{30, 30} },
			"optim.milestones[1] is 30 but the one before is 30: give them in rising order"},
		{func(r *Recipe) { r.Optim.Milestones = []float64{0} }, "optim.milestones[0] is 0: choose a number above 0"},
		{func(r *Recipe) { r.Optim.Schedule, r.Optim.Milestones = "step", []float64{60, 100} },
			"optim.milestones[1] is 100 but epochs is 100: choose an epoch before the run's end"},
		{func(r *Recipe) { r.EMA.Decay = 1 }, "ema.decay is 1: choose a number from 0 to below 1"},
		{func(r *Recipe) { r.EMA.EverySteps = 0 }, "ema.every_steps is 0: choose at least 1"},
		{func(r *Recipe) { r.EMA.AfterEpochs = -1 }, "ema.after_epochs is -1: choose 0 or more"},
		{func(r *Recipe) { r.EarlyStopping.Patience = -1 }, "early_stopping.patience is -1: choose at least 0"},
		{func(r *Recipe) { r.Dist.CheckEvery = -1 }, "dist.check_every is -1: choose at least 0"},
		{func(r *Recipe) { r.Optim.WeightDecay = -1 }, "optim.weight_decay is -1: choose 0 or more"},
		{func(r *Recipe) { r.Optim.Schedule = "cosine" },
			`optim.schedule is "cosine", which is not known: did you mean "cosine-epoch"? choose cosine-epoch, cosine-step, step, one-cycle, constant`},
		{func(r *Recipe) { r.Optim.WarmupEpochs = -0.5 }, "optim.warmup_epochs is -0.5: choose 0 or more"},
		{func(r *Recipe) { r.Optim.MinLRRatio = 2 }, "optim.min_lr_ratio is 2: choose a number from 0 to 1"},
		{func(r *Recipe) { r.Optim.ClipNorm = -1 }, "optim.clip_norm is -1: choose 0 or more"},
		{func(r *Recipe) { r.Optim.Accumulate = 0 }, "optim.accumulate is 0: choose at least 1"},
		{func(r *Recipe) { r.Optim.Accumulate = 3 },
			"batch is 1024 but optim.accumulate is 3: choose accumulate a divisor of batch, for equal parts"},
		{func(r *Recipe) { r.Checkpoint.EverySteps = -1 }, "checkpoint.every_steps is -1: choose at least 0"},
		{func(r *Recipe) { r.Checkpoint.EveryEpochs = -1 }, "checkpoint.every_epochs is -1: choose at least 0"},
	} {
		r := valid()
		c.change(&r)
		if err := r.Validate(); fmt.Sprint(err) != c.want {
			t.Errorf("\n got %v\nwant %s", err, c.want)
		}
	}
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(r *Recipe){
		"the starting point":       func(r *Recipe) {},
		"a run that is all warmup": func(r *Recipe) { r.Epochs, r.Optim.WarmupEpochs = 1, 5.5 },
		"as many neighbours as entries": func(r *Recipe) {
			r.Batch, r.Method.CoNe.BankSize, r.Method.CoNe.Neighbors = 256, 512, 512
		},
		"no head":                     func(r *Recipe) { r.Model.Head = Head{Placement: "inside", BatchNorm: true} },
		"single images, no norm":      func(r *Recipe) { r.Model.Head.BatchNorm, r.Optim.Accumulate = false, 1024 },
		"one image, other method":     func(r *Recipe) { r.Batch, r.Method.Name, r.Model.Head.BatchNorm = 1, "cross-entropy", false },
		"another method's settings":   func(r *Recipe) { r.Method.Name, r.Method.CoNe = "cross-entropy", CoNe{} },
		"a batch and no more":         func(r *Recipe) { r.Data.Limit = r.Batch },
		"grey images":                 func(r *Recipe) { r.Data.Mean, r.Data.Std = []float64{0}, []float64{1} },
		"no transforms":               func(r *Recipe) { r.Augment, r.Evaluate.Transform = nil, nil },
		"constant key encoder":        func(r *Recipe) { r.Method.CoNe.KeyMomentum = 1 },
		"cross-entropy terms only":    func(r *Recipe) { r.Method.CoNe.NeighborWeight, r.Method.CoNe.ConsistencyWeight = 0, 0 },
		"plain descent":               func(r *Recipe) { r.Optim.Momentum, r.Optim.ReferenceBatch = 0, 0 },
		"another optimizer's numbers": func(r *Recipe) { r.Optim.Alpha, r.Optim.Milestones = 0.5, []float64{200} },
		"a switch where it works": func(r *Recipe) {
			r.Optim.Name, r.Optim.Nesterov, r.Optim.TrustClip, r.Optim.AlwaysAdapt = "lars", true, true, true
		},
		"CoNe from the first epoch on": func(r *Recipe) { r.Method.CoNe.WarmupEpochs = 0 },
	} {
		r := valid()
		change(&r)
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// NaN and the infinities are refused in every number, each in one sentence.
func TestValidateRefusesWhatIsNotFinite(t *testing.T) {
	tried := 0
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		visit(reflect.ValueOf(valid()), "", func(key string, v reflect.Value) {
			if v.Kind() != reflect.Float64 {
				return
			}
			tried++
			r := valid()
			visit(reflect.ValueOf(&r).Elem(), "", func(other string, v reflect.Value) {
				if other == key {
					v.SetFloat(x)
				}
			})
			want := fmt.Sprintf("%s is %v: choose a finite number", key, x)
			// The order of a pair with an infinity may be wrong besides.
			first, _, _ := strings.Cut(fmt.Sprint(r.Validate()), "\n")
			if first != want {
				t.Errorf("got %s, want %s", first, want)
			}
		})
	}
	if tried < 60 {
		t.Errorf("only %d numbers were tried", tried)
	}
}

func TestValidateCollects(t *testing.T) {
	var r Recipe
	err := r.Validate()
	for _, key := range []string{"name", "epochs", "batch", "precision", "data.path", "data.mean", "optim.lr", "optim.accumulate"} {
		if !strings.Contains("\n"+fmt.Sprint(err), "\n"+key+" ") {
			t.Errorf("no problem with %s in\n%v", key, err)
		}
	}
	r = valid()
	r.Augment = make([]Step, maxElements)
	lines := strings.Split(fmt.Sprint(r.Validate()), "\n")
	if len(lines) != maxProblems+1 || lines[maxProblems] != "and more problems after these" {
		t.Errorf("a thousand problems give %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// Whatever a recipe holds, Validate says what is wrong and does not panic.
func FuzzValidate(f *testing.F) {
	f.Add("batch", "0")
	f.Add("optim.accumulate", "-9223372036854775808")
	f.Fuzz(func(t *testing.T, key, value string) {
		r := valid()
		if Set(&r, key+"="+value) == nil {
			_ = r.Validate()
		}
	})
}

func TestValidateSampling(t *testing.T) {
	for _, test := range []struct{ set, want string }{
		{"data.sampling.order=random", `data.sampling.order is "random", which is not known`},
		{"data.sampling.repeats=0", "data.sampling.repeats is 0: choose at least 1"},
		{"data.sampling.buffer=0", "data.sampling.buffer is 0: choose at least 1"},
		{"data.sampling.power=-1", "data.sampling.power is -1: choose 0 or more"},
		{"data.test_share=0", "data.test_share is 0: choose a number between 0 and 1"},
		{"data.test_share=1", "data.test_share is 1: choose a number between 0 and 1"},
		{"data.max_pixels=0", "data.max_pixels is 0: choose at least 1"},
		{"data.cache_mb=-1", "data.cache_mb is -1: choose at least 0"},
		{"data.on_error=ignore", `data.on_error is "ignore", which is not known`},
	} {
		r := Default()
		r.Data.Path = "photos"
		if err := Set(&r, test.set); err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.set, err)
		}
	}
	r := Default()
	r.Data.Path, r.Data.Sampling.Order = "photos", "per-class"
	for per, want := range map[int]string{0: "choose at least 1", 3: "choose a divisor of batch", 4: ""} {
		r.Data.Sampling.PerClass = per
		if err := r.Validate(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d per class: %v", per, err)
		}
	}
	r.Data.Sampling.Repeats = 2
	if err := r.Validate(); err == nil || !strings.Contains(err.Error(), "choose one of them") {
		t.Errorf("repeats of per-class: %v", err)
	}
}
