package method

import (
	"cone/model"
	"cone/nn"
	"cone/tensor"
)

// CrossEntropy is the plain baseline: the class centres alone.
type CrossEntropy struct {
	encoder        *model.Encoder
	precision      Precision
	labelSmoothing float64
}

// NewCrossEntropy trains the encoder with smoothed targets: 1−ε on the label
// and ε/(C−1) on each other class.
func NewCrossEntropy(e *model.Encoder, p Precision, labelSmoothing float64) *CrossEntropy {
	return &CrossEntropy{e, p, labelSmoothing}
}

// Encoder is the network that learns.
func (c *CrossEntropy) Encoder() *model.Encoder { return c.encoder }

// Views is one.
func (c *CrossEntropy) Views() int { return 1 }

// BeforeStep does nothing.
func (c *CrossEntropy) BeforeStep(Step) {}

// AfterBackward does nothing.
func (c *CrossEntropy) AfterBackward(Step) {}

// State is the encoder's.
func (c *CrossEntropy) State() []*nn.Entry { return named("encoder_q.", c.encoder.Tree) }

// Loss is the mean cross-entropy over the batch; for mixed pictures that of
// both labels, by their shares.
func (c *CrossEntropy) Loss(_ Step, b Batch) Loss {
	_, logits := c.precision.forward(c.encoder, b.Views[0])
	logp := logits.LogSoftmax(1)
	var loss tensor.Tensor
	if !b.Partners.Defined() {
		loss = crossEntropy(logp, b.Labels, c.labelSmoothing, tensor.Tensor{})
	} else {
		// Weighted image by image: the target is linear in the share,
		// smoothing included.
		own := labelScore(logp, b.Labels, c.labelSmoothing)
		partner := labelScore(logp, b.Partners, c.labelSmoothing)
		mixed := partner.Add(own.Sub(partner).Mul(b.Shares.ToDType(logp.DType())))
		loss = maskedSum(mixed, tensor.Tensor{}).Scale(-1 / float64(logp.Dim(0)))
	}
	return Loss{Total: loss, Terms: []Term{{"cross_entropy", loss.Detach()}}}
}

// crossEntropy is −(1/N)·Σ_{i∈M} Σ_c t_ic·logp_ic for log-probabilities N×C
// and labels N, with 1−ε on the label and ε/(C−1) on each other class. The
// mask N (bool) is M; undefined, it keeps everyone. The sum is always divided
// by N, not by how many were kept.
func crossEntropy(logp, labels tensor.Tensor, smoothing float64, mask tensor.Tensor) tensor.Tensor {
	return maskedSum(labelScore(logp, labels, smoothing), mask).Scale(-1 / float64(logp.Dim(0)))
}

// labelScore is Σ_c t_ic·logp_ic for every image i, N, with 1−ε on the label
// and ε/(C−1) on each other class.
func labelScore(logp, labels tensor.Tensor, smoothing float64) tensor.Tensor {
	onLabel := logp.Gather(1, labels.Unsqueeze(1)).Squeeze(1)
	if smoothing == 0 {
		return onLabel
	}
	off := smoothing / float64(logp.Dim(1)-1)
	return onLabel.Scale(1-smoothing-off).AddScaled(logp.SumDim(1), off)
}

// maskedSum sums the N values that the mask keeps. What it leaves out gets no
// gradient, not even 0·∞.
func maskedSum(values, mask tensor.Tensor) tensor.Tensor {
	if mask.Defined() {
		values = mask.Where(values, values.Detach().ZerosLike())
	}
	return values.Sum()
}
