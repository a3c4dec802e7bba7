package method

import (
	"cone/model"
	"cone/tensor"
)

// BCE is "ResNet strikes back: An improved training procedure in timm"
// (Wightman et al. 2021, https://arxiv.org/abs/2110.00476): every class is a
// yes-or-no question of its own, so that a mixed picture may be two things.
type BCE struct {
	single
	targets    targets
	threshold  float64 // below 0: soft targets
	sumClasses bool
}

// NewBCE trains the encoder towards the setup's targets.
func NewBCE(e *model.Encoder, s Setup) *BCE {
	return &BCE{single{e, s.Precision}, s.targets(), s.BCE.Threshold, s.BCE.SumClasses}
}

// Loss is the binary cross-entropy over the batch.
func (m *BCE) Loss(_ Step, b Batch) Loss {
	logits := m.precision.Forward(m.encoder, b.Views[0], true).Logits
	loss := m.loss(logits, b)
	return Loss{Total: loss, Terms: []Term{{"binary_cross_entropy", loss.Detach()}}}
}

// loss is the mean over N×C of w_c·BCE(σ(logit_ic), t_ic), t being smoothed
// one-hots mixed by their shares; or the sum over C and the mean over N.
func (m *BCE) loss(logits tensor.Tensor, b Batch) tensor.Tensor {
	target := m.targets.mixedDense(logits, b)
	if m.threshold >= 0 {
		target = target.Greater(m.threshold).ToDType(target.DType())
	}
	loss := logits.BinaryCrossEntropy(target, m.targets.weights).Mean()
	if m.sumClasses {
		loss = loss.Scale(float64(logits.Dim(1)))
	}
	return loss
}
