package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Encoder is backbone → projection head → classifier, as CoNe has it
// (arXiv 2308.10761): the classifier looks at the embedding before it is
// normalised. With the head beside, it looks at the backbone's features.
type Encoder struct {
	// Tree names the parameters as the authors' checkpoints do, without
	// "encoder_q.": net.…, head.head.…, fc.….
	Tree *nn.Tree

	backbone   Backbone
	head       *head
	classifier *classifier
	dim        int
	beside     bool
	frozen     bool // the backbone as a whole
}

// NewEncoder builds an encoder with freshly initialised weights for C
// classes and images of the given number of channels.
func NewEncoder(r recipe.Model, classes, channels int, d tensor.DType, on tensor.Device) (*Encoder, error) {
	return newEncoder(r, classes, channels, d, on, newLinearClassifier)
}

// NewAngularEncoder is NewEncoder with a classifier that has no bias: its
// logits are scale·cos θ between input and class weights, or with a scale of 0
// their plain products.
func NewAngularEncoder(r recipe.Model, classes, channels int, scale float64, d tensor.DType, on tensor.Device) (*Encoder, error) {
	return newEncoder(r, classes, channels, d, on, func(p nn.Path, in, classes int) *classifier {
		return newAngularClassifier(p, in, classes, scale)
	})
}

func newEncoder(r recipe.Model, classes, channels int, d tensor.DType, on tensor.Device,
	newClassifier func(p nn.Path, in, classes int) *classifier) (*Encoder, error) {
	tree := nn.NewTree(d, on)
	backbone, err := newBackbone(tree.Root().Sub("net"), r, channels)
	if err != nil {
		return nil, err
	}
	e := &Encoder{Tree: tree, backbone: backbone, beside: r.Head.Placement == "beside"}
	e.head, e.dim = newHead(tree.Root().Sub("head").Sub("head"), r.Head, backbone.Width())
	width := e.dim
	if e.beside {
		width = backbone.Width()
	}
	e.classifier = newClassifier(tree.Root().Sub("fc"), width, classes)
	if err := e.freeze(r.Freeze); err != nil {
		e.Free()
		return nil, err
	}
	return e, nil
}

// freeze keeps what lies below the dotted prefixes as it is.
func (e *Encoder) freeze(prefixes []string) error {
	for _, p := range prefixes {
		if e.Tree.Freeze(p) == 0 {
			return fmt.Errorf("model.freeze names %q, but the model has no weights of that name: choose net, head, fc, or a part such as net.layer1", p)
		}
	}
	if len(e.Tree.Parameters()) == 0 {
		return errors.New("model.freeze leaves nothing to train: leave fc out")
	}
	e.frozen = !slices.ContainsFunc(e.Tree.Parameters(), func(p *nn.Entry) bool { return strings.HasPrefix(p.Name, "net.") })
	return nil
}

func newBackbone(p nn.Path, r recipe.Model, channels int) (Backbone, error) {
	shape, ok := resNets[r.Backbone]
	if r.Backbone == NarrowResNet {
		shape, ok = ResNetShape{Blocks: []int{r.Depth, r.Depth, r.Depth}, Width: r.Width}, true
	}
	if !ok {
		return nil, fmt.Errorf("model.backbone %q is unknown: choose one of %s", r.Backbone, strings.Join(Names(), ", "))
	}
	shape.Channels, shape.SmallStem = channels, r.Stem == "small"
	return NewResNet(p, shape), nil
}

// Dim is D, the embedding width.
func (e *Encoder) Dim() int { return e.dim }

// Forward maps images N×C×H×W to the embedding N×D, not yet normalised, and
// the logits N×C.
func (e *Encoder) Forward(images tensor.Tensor, training bool) (embedding, logits tensor.Tensor) {
	features, embedding := e.Encode(images, training)
	return embedding, e.Classify(e.ClassifierInput(features, embedding))
}

// Encode maps images N×C×H×W to the backbone's features N×F and the head's
// embedding N×D, not yet normalised. A backbone that is frozen as a whole is
// in evaluation mode.
func (e *Encoder) Encode(images tensor.Tensor, training bool) (features, embedding tensor.Tensor) {
	features = e.backbone.Forward(images, training && !e.frozen)
	return features, e.head.forward(features, training)
}

// ClassifierInput is what the classifier looks at: the embedding, or the
// features where the head stands beside.
func (e *Encoder) ClassifierInput(features, embedding tensor.Tensor) tensor.Tensor {
	if e.beside {
		return features
	}
	return embedding
}

// Classify gives the logits N×C of the classifier's input.
func (e *Encoder) Classify(input tensor.Tensor) tensor.Tensor { return e.classifier.forward(input) }

// Angular says whether the classifier has no bias. Angles need at least
// float32, so it is to be used outside autocast.
func (e *Encoder) Angular() bool { return e.classifier.bias == nil }

// ClassWeights are the classifier's, a row per class.
func (e *Encoder) ClassWeights() tensor.Tensor { return e.classifier.weight.Value }

// Free ends the life of the encoder's weights.
func (e *Encoder) Free() { e.Tree.Free() }
