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
	"precision":           {"auto", "float32", "bfloat16", "float64"},
	"data.format":         {"auto", "mnist-idx", "cifar", "folder", "list", "webdataset", "parquet"},
	"data.on_error":       {"skip", "fail"},
	"data.sampling.order": {"shuffle", "shards", "class-balanced", "per-class", "weighted"},
	"model.backbone":      {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet200", "resnet-narrow"},
	"model.stem":          {"imagenet", "small"},
	"method.name":         {"cone", "cross-entropy"},
	"optim.name":          {"sgd"},
	"optim.schedule":      {"cosine-epoch", "cosine-step", "constant"},
}

// interpolations are the known values of every step's interpolation.
var (
	interpolations       = []string{"bilinear", "bicubic"}
	randomInterpolations = []string{"bilinear", "bicubic", "random"}
)

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
	c.evaluation(r.Evaluate)
	c.model(r)
	c.method(r)
	c.optim(r)
	c.atLeast("checkpoint.every_steps", r.Checkpoint.EverySteps, 0)
	c.atLeast("checkpoint.every_epochs", r.Checkpoint.EveryEpochs, 0)
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
			if known, ok := choices[key]; ok {
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

func (c *checker) data(r Recipe) {
	d := r.Data
	if d.Path == "" {
		c.failf("data.path is empty: name the folder that holds the images")
	}
	mean, std := len(d.Mean), len(d.Std)
	for _, list := range []struct {
		key    string
		length int
	}{{"data.mean", mean}, {"data.std", std}} {
		if list.length != 1 && list.length != 3 {
			c.failf("%s has %d values: give 1, or 3 for red, green and blue", list.key, list.length)
		}
	}
	if mean != std {
		c.failf("data.mean has %d values but data.std has %d: give as many of each", mean, std)
	}
	for i, s := range d.Std {
		c.positive(element("data.std", i), s)
	}
	c.atLeast("data.limit", d.Limit, 0)
	if d.Limit > 0 && d.Limit < r.Batch {
		c.failf("data.limit is %d but batch is %d: choose limit ≥ batch, or an epoch has no full batch", d.Limit, r.Batch)
	}
	c.atLeast("data.workers", d.Workers, 0)
	c.atMost("data.workers", d.Workers, maxWorkers)
	if finite(d.TestShare) && (d.TestShare <= 0 || d.TestShare >= 1) {
		c.failf("data.test_share is %v: choose a number between 0 and 1", d.TestShare)
	}
	c.atLeast("data.max_pixels", d.MaxPixels, 1)
	c.atLeast("data.cache_mb", d.CacheMB, 0)
	c.sampling(r)
}

func (c *checker) sampling(r Recipe) {
	s := r.Data.Sampling
	c.atLeast("data.sampling.buffer", s.Buffer, 1)
	c.atLeast("data.sampling.repeats", s.Repeats, 1)
	c.atLeast("data.sampling.per_class", s.PerClass, 0)
	c.notNegative("data.sampling.power", s.Power)
	if s.Order != "per-class" {
		return
	}
	switch {
	case s.PerClass < 1:
		c.failf("data.sampling.per_class is %d but data.sampling.order is per-class: choose at least 1", s.PerClass)
	case r.Batch%s.PerClass != 0:
		c.failf("batch is %d but data.sampling.per_class is %d: choose a divisor of batch", r.Batch, s.PerClass)
	}
	if s.Repeats > 1 {
		c.failf("data.sampling.repeats is %d but data.sampling.order is per-class: choose one of them", s.Repeats)
	}
}

func (c *checker) evaluation(e Evaluate) {
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

func (c *checker) model(r Recipe) {
	m := r.Model
	least := 0
	if m.Backbone == "resnet-narrow" {
		least = 1
	}
	c.atLeast("model.width", m.Width, least)
	c.atLeast("model.depth", m.Depth, least)
	// Far beyond any use, and before they fill the memory.
	c.atMost("model.width", m.Width, 1<<16)
	c.atMost("model.depth", m.Depth, 1000)
	c.atMost("model.head.layers", m.Head.Layers, 100)
	c.atLeast("model.head.layers", m.Head.Layers, 0)
	c.atLeast("model.head.hidden", m.Head.Hidden, 0)
	if m.Head.Layers < 1 {
		return
	}
	c.atLeast("model.head.dim", m.Head.Dim, 1)
	if m.Head.BatchNorm && r.Batch >= 1 && r.Optim.Accumulate >= 1 && r.Batch/r.Optim.Accumulate < 2 {
		c.failf("model.head.batch_norm is true but batch/optim.accumulate is %d: batch normalisation needs 2 images or more at a time",
			r.Batch/r.Optim.Accumulate)
	}
}

func (c *checker) method(r Recipe) {
	m, cone := r.Method, r.Method.CoNe
	if n := len(r.Augment); m.Name == "cone" && n > 0 {
		if s := r.Augment[n-1]; s.Mixup != nil || s.CutMix != nil || s.Mix != nil {
			c.failf("augment mixes pictures, but method.name is cone, whose neighbours have one label each: choose cross-entropy, or do not mix")
		}
	}
	if finite(m.LabelSmoothing) && (m.LabelSmoothing < 0 || m.LabelSmoothing >= 1) {
		c.failf("method.label_smoothing is %v: choose a number from 0 to below 1", m.LabelSmoothing)
	}
	if m.Name != "cone" {
		return // other methods ignore CoNe's settings
	}
	c.atLeast("method.cone.bank_size", cone.BankSize, 0)
	c.atLeast("method.cone.neighbors", cone.Neighbors, 0)
	if cone.BankSize >= 1 && cone.Neighbors > cone.BankSize {
		c.failf("method.cone.neighbors is %d but method.cone.bank_size is %d: choose neighbors ≤ bank_size",
			cone.Neighbors, cone.BankSize)
	}
	c.positive("method.cone.neighbor_temperature", cone.NeighborTemperature)
	c.positive("method.cone.consistency_temperature", cone.ConsistencyTemperature)
	c.notNegative("method.cone.neighbor_weight", cone.NeighborWeight)
	c.notNegative("method.cone.consistency_weight", cone.ConsistencyWeight)
	c.share("method.cone.key_momentum", cone.KeyMomentum)
	c.atLeast("method.cone.warmup_epochs", cone.WarmupEpochs, 0)
}

func (c *checker) optim(r Recipe) {
	o := r.Optim
	c.positive("optim.lr", o.LR)
	c.atLeast("optim.reference_batch", o.ReferenceBatch, 0)
	c.share("optim.momentum", o.Momentum)
	if o.Nesterov && o.Momentum == 0 {
		c.failf("optim.nesterov is true but optim.momentum is 0: choose a momentum above 0, or no nesterov")
	}
	c.notNegative("optim.weight_decay", o.WeightDecay)
	c.notNegative("optim.warmup_epochs", o.WarmupEpochs)
	c.share("optim.min_lr_ratio", o.MinLRRatio)
	c.notNegative("optim.clip_norm", o.ClipNorm)
	c.atLeast("optim.accumulate", o.Accumulate, 1)
	if o.Accumulate >= 1 && r.Batch >= 1 && r.Batch%o.Accumulate != 0 {
		c.failf("batch is %d but optim.accumulate is %d: choose accumulate a divisor of batch, for equal parts",
			r.Batch, o.Accumulate)
	}
}
