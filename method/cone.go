package method

import (
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// CoNe is "Contrast Your Neighbours for Supervised Image Classification"
// (Zheng et al. 2023, https://arxiv.org/abs/2308.10761): class centres, the
// nearest neighbours in a memory bank as further anchors, and similar
// predictions for similar images.
type CoNe struct {
	*momentum
	settings recipe.CoNe
	targets  targets
}

// NewCoNe trains query; key must come from the same constructor and is
// overwritten with a copy of query.
func NewCoNe(query, key *model.Encoder, s Setup) *CoNe {
	return &CoNe{
		momentum: newMomentum(query, key, s, s.CoNe.BankSize, s.Classes, s.CoNe.KeyMomentum),
		settings: s.CoNe, targets: s.targets(),
	}
}

// Views is one, as published, where both encoders see the same picture; of two
// the key encoder sees the second.
func (c *CoNe) Views() int { return c.settings.Views }

// Loss is L_ce + α·L_nb + β·L_dc; in the first epochs L_ce alone.
func (c *CoNe) Loss(s Step, b Batch) Loss {
	// The keys come first: what their forward pass needs is free again before
	// the query encoder's activations are kept for the backward pass.
	zKey := c.keys(b.Views[len(b.Views)-1], b)
	query := c.precision.Forward(c.query, b.Views[0], true)

	o := objective{CoNe: c.settings, targets: c.targets, bank: c.bank, epoch: s.Epoch}
	if s.Epoch < c.settings.WarmupEpochs {
		ce := o.classCentres(query.Logits.LogSoftmax(1), b.Labels, tensor.Tensor{})
		return Loss{Total: ce, Terms: []Term{{"cross_entropy", ce.Detach()}}}
	}
	return o.losses(normalize(query.Embedding), query.Logits, zKey, b.Labels).total()
}
