package model

import (
	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Description is what `cone model list` tells of a backbone, with the
// classifier on top that published figures count too, and no head.
type Description struct {
	Name       string `json:"name"`
	Parameters int    `json:"parameters"`
	// MACs and Activations of one picture (see nn.Cost).
	MACs        int64 `json:"macs"`
	Activations int64 `json:"activations"`
	// Features is F.
	Features int `json:"features"`
	// Side is H and W of the pictures, Classes is C.
	Side    int    `json:"side"`
	Classes int    `json:"classes"`
	Naming  string `json:"parameter_names"`
	Paper   string `json:"paper"`
	Source  string `json:"source"`
}

// Describe walks through every backbone (inside tensor.Run). Only shapes are
// made, so it takes milliseconds.
func Describe() ([]Description, error) {
	var all []Description
	for _, n := range networks {
		e, err := NewSketch(usual(n), n.classes, 3)
		if err != nil {
			return nil, err
		}
		cost := e.Cost(3, n.side, n.side)
		all = append(all, Description{
			Name: n.name, Parameters: e.Tree.Count(), MACs: cost.MACs, Activations: cost.Activations,
			Features: e.backbone.Width(), Side: n.side, Classes: n.classes,
			Naming: n.naming, Paper: n.paper, Source: n.source,
		})
		e.Free()
	}
	return all, nil
}

// Usual are the settings under which a backbone is usually known, without a
// head: ResNet-20's for resnet-narrow. Its pictures have the side that comes
// with them.
func Usual(backbone string) (settings recipe.Model, side, classes int, err error) {
	n, err := find(backbone)
	if err != nil {
		return settings, 0, 0, err
	}
	return usual(n), n.side, n.classes, nil
}

func usual(n network) recipe.Model {
	m := recipe.Model{Backbone: n.name, Stem: "imagenet"}
	switch n.name {
	case NarrowResNet:
		m.Stem, m.Width, m.Depth = "small", 16, 3
	case wideResNet28:
		m.Stem = "small"
	case visionTransformer:
		m.ImageSize = n.side
	}
	return m
}

// Cost is what a sketch computes for a picture of H×W.
func (e *Encoder) Cost(channels, height, width int) (cost nn.Cost) {
	before := e.Tree.Cost()
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			e.Forward(tensor.Empty(e.Tree.DType, tensor.CPU, 0, channels, height, width), false)
		})
	})
	after := e.Tree.Cost()
	return nn.Cost{MACs: after.MACs - before.MACs, Activations: after.Activations - before.Activations}
}
