// Package export writes a run's model for other programs: folders that timm
// loads, state_dicts of PyTorch, checkpoints for the program of CoNe's authors.
package export

import (
	"fmt"
	"io"
	"strings"

	"cone/model"
	"cone/tensor"
	"cone/train"
	"cone/weights"
)

// entry is a tensor of one encoder in torch's order.
type entry struct {
	name   string // without encoder_q.
	buffer bool
}

// entries lists what an encoder of the checkpoint's recipe holds.
func entries(c *train.Checkpoint) (out []entry, err error) {
	err = tensor.Run(func() error {
		e, err := model.NewEncoder(c.Recipe.Model, len(c.Classes), c.Channels, tensor.Float32, tensor.CPU)
		if err != nil {
			return err
		}
		defer e.Free()
		for _, v := range e.Tree.Entries() {
			out = append(out, entry{v.Name, v.Buffer})
		}
		return nil
	})
	return out, err
}

// array is a tensor of the checkpoint under another name. It is read when it
// is written, so that one at a time is in memory.
func array(c *train.Checkpoint, name, as string) (weights.Array, error) {
	info, ok := c.Source().Info(name)
	if !ok {
		return weights.Array{}, fmt.Errorf("%s has no tensor %s: it was made by another method or network", c.Path, name)
	}
	return weights.Array{Name: as, DType: info.DType, Shape: info.Shape, Load: func() ([]byte, error) {
		a, err := c.Source().Read(name)
		return a.Data, err
	}}, nil
}

// encoder lists the query encoder's tensors in torch's order, renamed; those
// that rename gives no name are left out.
func encoder(c *train.Checkpoint, rename func(string) string) ([]weights.Array, error) {
	all, err := entries(c)
	if err != nil {
		return nil, err
	}
	var out []weights.Array
	for _, e := range all {
		as := rename(e.name)
		if as == "" {
			continue
		}
		a, err := array(c, c.EncoderPrefix()+e.name, as)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// direct says whether the classifier looks at the backbone's features, as
// torchvision's and timm's networks have it.
func direct(c *train.Checkpoint) bool { return c.Recipe.FinalStage().Model.Direct() }

// complete refuses models whose classifier says nothing to other programs.
func complete(c *train.Checkpoint) error {
	switch m := c.Recipe.FinalStage().Method; {
	case !m.TrainsClassifier():
		return fmt.Errorf("%s has no trained classifier, for method.name is %s: export its features with --features", c.Path, m.Name)
	case m.Name == "margin":
		return fmt.Errorf("%s has a classifier of angles without a bias, which other programs do not have: export its features with --features", c.Path)
	}
	return nil
}

// featureNames are torchvision's and timm's names; the head and the classifier
// have none.
func featureNames(name string) string {
	features, ok := strings.CutPrefix(name, "net.")
	if !ok {
		return ""
	}
	return features
}

// networkNames are torchvision's or timm's names, the classifier included.
func networkNames(c *train.Checkpoint) func(string) string {
	classifier := model.ClassifierName(c.Recipe.FinalStage().Model.Backbone)
	return func(name string) string {
		if last, ok := strings.CutPrefix(name, "fc."); ok {
			return classifier + "." + last
		}
		return featureNames(name)
	}
}

// Torch writes the query encoder as a state_dict that Python's
// torch.load(weights_only=True) reads: under torchvision's names where the
// classifier looks at the features, or with features alone; else under ours
// (net.…, head.head.…, fc.…).
func Torch(c *train.Checkpoint, path string, features bool) error {
	names := func(name string) string { return name }
	if !features {
		if err := complete(c); err != nil {
			return err
		}
	}
	switch {
	case features:
		names = featureNames
	case direct(c):
		names = networkNames(c)
	}
	arrays, err := encoder(c, names)
	if err != nil {
		return err
	}
	var w weights.TorchWriter
	top, err := w.StateDict(arrays)
	if err != nil {
		return err
	}
	return weights.WriteFileAtomic(path, func(out io.Writer) error { return w.Write(out, archive, top) })
}

// archive is the folder inside the zip; torch names it after the file, but
// does not care.
const archive = "archive"
