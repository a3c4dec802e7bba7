package method

import (
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// PaCo is "Parametric Contrastive Learning" (Cui et al. 2021,
// https://arxiv.org/abs/2107.12028): the class centres stand among the images
// that an anchor is contrasted with, and count more than any of them.
type PaCo struct {
	*momentum
	settings recipe.PaCo
}

// NewPaCo trains query; key must come from the same constructor and is
// overwritten with a copy of query.
func NewPaCo(query, key *model.Encoder, s Setup) *PaCo {
	return &PaCo{newMomentum(query, key, s, s.PaCo.BankSize, 0, s.PaCo.KeyMomentum), s.PaCo}
}

// Views is two: the key encoder sees the second.
func (m *PaCo) Views() int { return 2 }

// Loss is the parametric contrastive loss of the first view.
func (m *PaCo) Loss(_ Step, b Batch) Loss {
	m.keys(b.Views[1], b)
	query := m.precision.Forward(m.query, b.Views[0], true)
	loss := m.loss(query.Logits, normalize(query.Embedding), m.newest().embedding, b.Labels)
	return Loss{Total: loss, Terms: []Term{{"contrastive", loss.Detach()}}}
}

// loss is, for logits N×C, normalised queries N×D, the keys M×D of all ranks'
// images and labels N, the mean over the anchors i of
//
//	−Σ_j w_ij·ln p_ij / Σ_j w_ij
//
// where p_i is the softmax over the C logits and the similarities/τ to the
// other queries, all keys and what was written to the bank, and w_ij is
// CenterWeight for the class's logit, SampleWeight for images of the class,
// else 0.
func (m *PaCo) loss(logits, query, key, labels tensor.Tensor) tensor.Tensor {
	n := labels.Dim(0)
	every := func(flags tensor.Tensor) tensor.Tensor { return flags.Unsqueeze(0).Expand(n, flags.Dim(0)) }
	all := m.ranks.join(query, labels)
	others := tensor.Cat([]tensor.Tensor{all.embedding, key, m.bank.embedding.Value}, 0)
	otherLabels := tensor.Cat([]tensor.Tensor{all.labels, all.labels, m.bank.label.Value}, 0)
	counted := tensor.Cat([]tensor.Tensor{all.notSelf(all.first, n), every(all.labels.Equal(all.labels)), every(m.bank.written())}, 1)
	similarity := query.Linear(others, tensor.Tensor{}).Scale(1 / m.settings.Temperature)
	logp := tensor.Cat([]tensor.Tensor{logits, similarity.FillWhere(counted.Not(), excluded)}, 1).LogSoftmax(1)

	centre := logits.Detach().ZerosLike().ScatterFill(1, labels.Unsqueeze(1), m.settings.CenterWeight)
	same := labels.Unsqueeze(1).Equal(otherLabels.Unsqueeze(0)).And(counted)
	weight := tensor.Cat([]tensor.Tensor{centre, same.ToDType(centre.DType()).Scale(m.settings.SampleWeight)}, 1)
	return weight.Mul(logp).SumDim(1).Div(weight.SumDim(1)).Mean().Neg()
}
