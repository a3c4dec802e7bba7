// Package model holds the backbones, one file for each family, and the encoder
// that puts a projection head and a classifier on top. All backbones are
// listed in registry.go.
package model

import (
	"fmt"
	"slices"
	"strings"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Backbone turns images into features.
type Backbone interface {
	// Forward maps N×C×H×W to N×F.
	Forward(x tensor.Tensor, training bool) tensor.Tensor
	// Width is F.
	Width() int
}

// network is what the program knows about a backbone before it is built.
type network struct {
	name string
	// paper is the title, source its URL.
	paper, source string
	// naming says whose parameter names it has.
	naming string
	// classifier is what that program calls the last layer; "" means fc.
	classifier string
	// timm is what timm calls it, where that is another name.
	timm string
	// side and classes of the collection that its published figures are for.
	side, classes int
	// last says how a classifier on top of it starts.
	last nn.Init
	// ownDropout: the setting is for places inside the backbone.
	ownDropout bool
	// build makes it at the path for images of so many channels.
	build func(p nn.Path, r recipe.Model, channels int) Backbone
	// fits refuses images that it cannot take; nil takes any.
	fits func(r recipe.Model, height, width int) error
}

// networks are all backbones, each declared beside its own code.
var networks = slices.Concat(resNets, wideResNets, mobileNets, convNeXts, visionTransformers, swins)

// Names lists the backbones.
func Names() []string {
	var names []string
	for _, n := range networks {
		names = append(names, n.name)
	}
	return names
}

func find(name string) (network, error) {
	for _, n := range networks {
		if n.name == name {
			return n, nil
		}
	}
	return network{}, fmt.Errorf("model.backbone %q is unknown: choose one of %s", name, strings.Join(Names(), ", "))
}

// ClassifierName is what the program whose names a backbone has calls the
// classifier: fc, head, classifier.2, …. Unknown backbones have fc.
func ClassifierName(backbone string) string {
	if n, err := find(backbone); err == nil && n.classifier != "" {
		return n.classifier
	}
	return "fc"
}

// TimmName is what timm calls a backbone.
func TimmName(backbone string) string {
	if n, err := find(backbone); err == nil && n.timm != "" {
		return n.timm
	}
	return backbone
}

// FromTimm is TimmName backwards.
func FromTimm(architecture string) string {
	for _, n := range networks {
		if n.timm == architecture {
			return n.name
		}
	}
	return architecture
}

// Fit fills in what a recipe leaves to the size of the images, and says when
// the backbone cannot take them.
func Fit(r recipe.Model, height, width int) (recipe.Model, error) {
	n, err := find(r.Backbone)
	if err != nil {
		return r, err
	}
	if n.name == visionTransformer && r.ImageSize == 0 {
		r.ImageSize = height
	}
	if n.fits == nil {
		return r, nil
	}
	return r, n.fits(r, height, width)
}

// tooSmall is the refusal of images below the least side.
func tooSmall(r recipe.Model, height, width, least int) error {
	return fmt.Errorf("model.backbone %s needs pictures of %d×%d or more, and %d×%d is too small: choose larger pictures or another backbone",
		r.Backbone, least, least, height, width)
}

// layer is a part of a backbone that maps one tensor to another.
type layer interface {
	forward(x tensor.Tensor, training bool) tensor.Tensor
}

// inTurn runs the layers one after the other. What one no longer needs is
// freed before the next begins, unless autograd holds it.
func inTurn(layers []layer, x tensor.Tensor, training bool) tensor.Tensor {
	for i, l := range layers {
		y := tensor.ScopeOf(func() tensor.Tensor { return l.forward(x, training) })
		if i > 0 {
			x.Drop()
		}
		x = y
	}
	return x
}
