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
	frozen     bool    // the backbone as a whole
	dropout    float64 // before the classifier
}

// NewEncoder builds an encoder with freshly initialised weights for C
// classes and images of the given number of channels.
func NewEncoder(r recipe.Model, classes, channels int, d tensor.DType, on tensor.Device) (*Encoder, error) {
	return newEncoder(nn.NewTree(d, on), r, classes, channels, newLinearClassifier)
}

// NewAngularEncoder is NewEncoder with a classifier that has no bias: its
// logits are scale·cos θ between input and class weights, or with a scale of 0
// their plain products.
func NewAngularEncoder(r recipe.Model, classes, channels int, scale float64, d tensor.DType, on tensor.Device) (*Encoder, error) {
	return newEncoder(nn.NewTree(d, on), r, classes, channels, func(p nn.Path, in, classes int, start nn.Init) *classifier {
		return newAngularClassifier(p, in, classes, start, scale)
	})
}

// NewSketch builds an encoder without weights, whose Tree tells names, shapes
// and cost (see nn.NewSketch).
func NewSketch(r recipe.Model, classes, channels int) (*Encoder, error) {
	return newEncoder(nn.NewSketch(), r, classes, channels, newLinearClassifier)
}

func newEncoder(tree *nn.Tree, r recipe.Model, classes, channels int,
	newClassifier func(p nn.Path, in, classes int, start nn.Init) *classifier) (*Encoder, error) {
	n, err := find(r.Backbone)
	if err != nil {
		return nil, err
	}
	if n.name == visionTransformer && r.ImageSize < patchSize {
		return nil, fmt.Errorf("model.image_size is %d: give the side of the pictures, for %s has one position for each patch of it", r.ImageSize, n.name)
	}
	e := &Encoder{Tree: tree, backbone: n.build(tree.Root().Sub("net"), r, channels), beside: r.Head.Placement == "beside"}
	if !n.ownDropout {
		e.dropout = r.Dropout
	}
	e.head, e.dim = newHead(tree.Root().Sub("head").Sub("head"), r.Head, e.backbone.Width())
	width := e.dim
	if e.beside {
		width = e.backbone.Width()
	}
	e.classifier = newClassifier(tree.Root().Sub("fc"), width, classes, n.last)
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

// Dim is D, the embedding width.
func (e *Encoder) Dim() int { return e.dim }

// Forward maps images N×C×H×W to the embedding N×D, not yet normalised, and
// the logits N×C.
func (e *Encoder) Forward(images tensor.Tensor, training bool) (embedding, logits tensor.Tensor) {
	features, embedding := e.Encode(images, training)
	return embedding, e.Classify(e.ClassifierInput(features, embedding, training))
}

// Encode maps images N×C×H×W to the backbone's features N×F and the head's
// embedding N×D, not yet normalised. A backbone that is frozen as a whole is
// in evaluation mode.
func (e *Encoder) Encode(images tensor.Tensor, training bool) (features, embedding tensor.Tensor) {
	features = e.backbone.Forward(images, training && !e.frozen)
	return features, e.head.forward(features, training)
}

// ClassifierInput is what the classifier looks at: the embedding, or the
// features where the head stands beside; in training after dropout.
func (e *Encoder) ClassifierInput(features, embedding tensor.Tensor, training bool) tensor.Tensor {
	input := embedding
	if e.beside {
		input = features
	}
	return nn.Dropout(input, e.dropout, training)
}

// Classify gives the logits N×C of the classifier's input.
func (e *Encoder) Classify(input tensor.Tensor) tensor.Tensor { return e.classifier.forward(input) }

// Angular says whether the classifier has no bias. Angles need at least
// float32, so it is to be used outside autocast.
func (e *Encoder) Angular() bool { return e.classifier.linear.Bias == nil }

// ClassWeights are the classifier's, a row per class.
func (e *Encoder) ClassWeights() tensor.Tensor { return e.classifier.linear.Weight.Value }

// StartBias sets the bias of every class. The classifier must not be angular.
func (e *Encoder) StartBias(value float64) {
	tensor.NoGrad(func() { e.classifier.linear.Bias.Value.Fill(value) })
}

// Free ends the life of the encoder's weights.
func (e *Encoder) Free() { e.Tree.Free() }
