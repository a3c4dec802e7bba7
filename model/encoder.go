package model

import (
	"fmt"
	"strings"

	"cone/nn"
	"cone/recipe"
	"cone/tensor"
)

// Encoder is backbone → projection head → classifier, as CoNe has it
// (arXiv 2308.10761): the classifier looks at the embedding before it is
// normalised.
type Encoder struct {
	// Tree names the parameters as the authors' checkpoints do, without
	// "encoder_q.": net.…, head.head.…, fc.….
	Tree *nn.Tree

	backbone   Backbone
	head       *head
	classifier *nn.Linear
	dim        int
}

// NewEncoder builds an encoder with freshly initialised weights for C
// classes and images of the given number of channels.
func NewEncoder(r recipe.Model, classes, channels int, d tensor.DType, on tensor.Device) (*Encoder, error) {
	tree := nn.NewTree(d, on)
	backbone, err := newBackbone(tree.Root().Sub("net"), r, channels)
	if err != nil {
		return nil, err
	}
	e := &Encoder{Tree: tree, backbone: backbone}
	e.head, e.dim = newHead(tree.Root().Sub("head").Sub("head"), r.Head, backbone.Width())
	e.classifier = nn.NewLinear(tree.Root().Sub("fc"), e.dim, classes)
	return e, nil
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
	embedding = e.head.forward(e.backbone.Forward(images, training), training)
	return embedding, e.classifier.Forward(embedding)
}

// Free ends the life of the encoder's weights.
func (e *Encoder) Free() { e.Tree.Free() }
