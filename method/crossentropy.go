package method

import (
	"cone/model"
	"cone/tensor"
)

// CrossEntropy is the plain baseline: the class centres alone, with label
// smoothing as in "Rethinking the Inception Architecture for Computer Vision"
// (Szegedy et al. 2015, https://arxiv.org/abs/1512.00567).
type CrossEntropy struct {
	single
	targets targets
}

// NewCrossEntropy trains the encoder towards the setup's targets.
func NewCrossEntropy(e *model.Encoder, s Setup) *CrossEntropy {
	return &CrossEntropy{single{e, s.Precision}, s.targets()}
}

// Loss is the mean cross-entropy over the batch; for mixed pictures that of
// both labels, by their shares.
func (c *CrossEntropy) Loss(_ Step, b Batch) Loss {
	logits := c.precision.Forward(c.encoder, b.Views[0], true).Logits
	loss := c.targets.mixedCrossEntropy(logits.LogSoftmax(1), b)
	return Loss{Total: loss, Terms: []Term{{"cross_entropy", loss.Detach()}}}
}

// joint is the cross-entropy of a classifier that learns beside a method which
// has no use for it: the gradient stops at the classifier's input.
func joint(e *model.Encoder, p Precision, features, embedding, labels tensor.Tensor, t targets) tensor.Tensor {
	logits := p.Classify(e, e.ClassifierInput(features, embedding, true).Detach())
	return t.crossEntropy(logits.LogSoftmax(1), labels, tensor.Tensor{})
}
