package recipe

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// choices lists the known values of the settings that are names.
var choices = map[string][]string{
	"precision":             {"auto", "float32", "bfloat16", "float64"},
	"data.format":           {"auto", "mnist-idx", "cifar", "folder", "list", "webdataset", "parquet"},
	"data.on_error":         {"skip", "fail"},
	"data.label_noise.kind": {"symmetric", "pair"},
	"data.sampling.order":   {"shuffle", "shards", "class-balanced", "per-class", "weighted"},
	"model.backbone": {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200",
		"resnet18d", "resnet34d", "resnet50d", "resnet101d", "resnet152d", "resnet200d",
		"resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2",
		"wrn-28-10", "mobilenet_v2", "convnext_tiny", "vit_small_patch16", "swin_t", "resnet-narrow"},
	"model.stem":            {"imagenet", "small"},
	"model.head.placement":  {"beside", "inside"},
	"evaluate.classifier":   {"auto", "linear", "knn"},
	"method.name":           {"cone", "cross-entropy", "bce", "supcon", "triplet", "margin", "paco"},
	"method.smoothing":      {"others", "all"},
	"method.triplet.mining": {"batch-all", "semi-hard", "batch-hard"},
	"method.margin.kind":    {"large-margin", "cosface", "arcface"},
	"optim.name":            {"sgd", "adamw", "lamb", "lars", "rmsprop", "rmsprop-tf"},
	"optim.schedule":        {"cosine-epoch", "cosine-step", "step", "one-cycle", "constant"},
}

// Bounds no sensible recipe comes near. They keep a slip of the keyboard from
// asking for more memory than there is, and sums from overflowing.
const (
	maxCount   = 1<<31 - 1 // any integer setting
	maxPixels  = 1 << 14   // side of an image
	maxWorkers = 1 << 12
)

// Validate checks everything about the values that can be known without the
// data. Several problems come as one joined error, one sentence each, which
// name the setting by its dotted key.
func (r Recipe) Validate() error {
	var c checker
	c.everywhere(r)
	c.run(r)
	c.data(r)
	c.steps("augment", r.Augment)
	c.evaluation(r)
	c.model(r)
	c.method(r)
	c.optim(r)
	c.linear(r)
	c.ema(r.EMA)
	c.atLeast("early_stopping.patience", r.EarlyStopping.Patience, 0)
	c.atLeast("checkpoint.every_steps", r.Checkpoint.EverySteps, 0)
	c.atLeast("checkpoint.every_epochs", r.Checkpoint.EveryEpochs, 0)
	c.atLeast("dist.check_every", r.Dist.CheckEvery, 0)
	return errors.Join(c.problems...)
}

// checker collects problems.
type checker struct {
	problems []error
}

func (c *checker) failf(format string, args ...any) {
	switch n := len(c.problems); {
	case n < maxProblems:
		c.problems = append(c.problems, fmt.Errorf(format, args...))
	case n == maxProblems:
		c.problems = append(c.problems, errors.New("and more problems after these"))
	}
}

func (c *checker) atLeast(key string, value, least int) {
	if value < least {
		c.failf("%s is %d: choose at least %d", key, value, least)
	}
}

func (c *checker) atMost(key string, value, most int) {
	if value > most {
		c.failf("%s is %d: choose at most %d", key, value, most)
	}
}

// The checks of floats let NaN and ±Inf pass, which everywhere reports.

func (c *checker) positive(key string, value float64) {
	if finite(value) && value <= 0 {
		c.failf("%s is %v: choose a number above 0", key, value)
	}
}

func (c *checker) notNegative(key string, value float64) {
	if finite(value) && value < 0 {
		c.failf("%s is %v: choose 0 or more", key, value)
	}
}

func (c *checker) share(key string, value float64) {
	if finite(value) && (value < 0 || value > 1) {
		c.failf("%s is %v: choose a number from 0 to 1", key, value)
	}
}

func (c *checker) oneOf(key, value string, known []string) {
	if slices.Contains(known, value) {
		return
	}
	suggestion := ""
	if near := nearest(value, known); near != "" {
		suggestion = fmt.Sprintf("did you mean %q? ", near)
	}
	c.failf("%s is %s, which is not known: %schoose %s", key, shorten(value), suggestion, strings.Join(known, ", "))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// everywhere checks what holds for every setting of a type, and the names.
func (c *checker) everywhere(r Recipe) {
	visit(reflect.ValueOf(r), "", func(key string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Float64:
			if !finite(v.Float()) {
				c.failf("%s is %v: choose a finite number", key, v.Float())
			}
		case reflect.Int:
			if v.Int() > maxCount {
				c.failf("%s is %d: choose at most %d", key, v.Int(), maxCount)
			}
		case reflect.String:
			if known, ok := choices[strings.TrimPrefix(key, "linear.")]; ok {
				c.oneOf(key, v.String(), known)
			}
		}
	})
}

func (c *checker) run(r Recipe) {
	// The name may become a folder of a run.
	unsafe := func(char rune) bool { return char == '/' || char == '\\' || unicode.IsControl(char) }
	switch {
	case strings.TrimSpace(r.Name) == "":
		c.failf("name is empty: give the recipe a name")
	case r.Name == "." || r.Name == ".." || strings.ContainsFunc(r.Name, unsafe):
		c.failf("name is %s: choose one that can be a file name", shorten(r.Name))
	}
	c.atLeast("epochs", r.Epochs, 1)
	c.atLeast("batch", r.Batch, 1)
}

func (c *checker) evaluation(r Recipe) {
	e := r.Evaluate
	if e.Classifier == "linear" && !r.HasStages() && !r.Method.TrainsClassifier() {
		c.failf("evaluate.classifier is linear, but method.name is %s, which trains no classifier as it is set: choose knn, or set method.%s.joint",
			r.Method.Name, r.Method.Name)
	}
	c.atLeast("evaluate.knn.k", e.KNN.K, 1)
	c.positive("evaluate.knn.temperature", e.KNN.Temperature)
	c.atLeast("evaluate.every", e.Every, 1)
	c.atLeast("evaluate.batch", e.Batch, 0)
	c.steps("evaluate.transform", e.Transform)
	for i, s := range e.Transform {
		// A test image must look the same each time.
		for _, kind := range s.kinds() {
			if kind != "resize" && kind != "center_crop" {
				c.failf("evaluate.transform[%d] is %s, which is random: choose resize or center_crop", i, kind)
			}
		}
	}
}
