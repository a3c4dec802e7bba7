package method

import (
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// SupConQueue is SupCon with a memory of past keys (Khosla et al. 2020, §4.4,
// whose program was not published; the memory is that of "Momentum Contrast",
// He et al. 2019, https://arxiv.org/abs/1911.05722): the first view is
// contrasted with the keys of the batch's second views and of the bank.
type SupConQueue struct {
	*momentum
	settings recipe.SupCon
	targets  targets
}

// NewSupConQueue trains query; key must come from the same constructor and is
// overwritten with a copy of query.
func NewSupConQueue(query, key *model.Encoder, s Setup) *SupConQueue {
	return &SupConQueue{newMomentum(query, key, s, s.SupCon.BankSize, 0, s.SupCon.KeyMomentum), s.SupCon, s.targets()}
}

// Views is two.
func (m *SupConQueue) Views() int { return 2 }

// Notes tell the loss of embeddings that say nothing, once the bank is full.
func (m *SupConQueue) Notes(batch int) []string {
	return []string{chance(m.settings, batch+m.bank.Size())}
}

// Loss is the contrastive loss; with it, where the classifier is trained
// jointly, its cross-entropy on inputs without a gradient.
func (m *SupConQueue) Loss(_ Step, b Batch) Loss {
	m.keys(b.Views[1], b)
	features, embedding := m.precision.Encode(m.query, b.Views[0], true)
	loss := m.loss(normalize(embedding), m.newest().embedding, b.Labels)
	out := Loss{Total: loss, Terms: []Term{{"contrastive", loss.Detach()}}}
	if m.settings.Joint {
		ce := joint(m.query, m.precision, features, embedding, b.Labels, m.targets)
		out.Total = loss.Add(ce)
		out.Terms = append(out.Terms, Term{"cross_entropy", ce.Detach()})
	}
	return out
}

// loss contrasts normalised queries N×D with the keys M×D of all ranks' images
// and with whatever was written to the bank, times τ/τ_base.
func (m *SupConQueue) loss(query, key, labels tensor.Tensor) tensor.Tensor {
	others := tensor.Cat([]tensor.Tensor{key, m.bank.embedding.Value}, 0)
	all := m.ranks.labels(labels)
	otherLabels := tensor.Cat([]tensor.Tensor{all, m.bank.label.Value}, 0)
	written := tensor.Cat([]tensor.Tensor{all.Equal(all), m.bank.written()}, 0)
	counted := written.Unsqueeze(0).Expand(labels.Dim(0), written.Dim(0))
	positive := labels.Unsqueeze(1).Equal(otherLabels.Unsqueeze(0)).And(counted)
	loss := contrast(query, others, positive, counted, m.settings.Temperature)
	return loss.Scale(m.settings.Temperature / m.settings.BaseTemperature)
}
