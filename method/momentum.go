package method

import (
	"math"

	"cone/model"
	"cone/nn"
	"cone/optim"
	"cone/tensor"
)

// momentum is a pair of encoders and a bank of past keys, as in "Momentum
// Contrast for Unsupervised Visual Representation Learning" (He et al. 2019,
// https://arxiv.org/abs/1911.05722): the query encoder learns by gradient, the
// key encoder follows it slowly and fills the bank.
type momentum struct {
	query, key *model.Encoder
	bank       *Bank
	precision  Precision
	ranks      ranks
	m0         float64
	average    *optim.Average
	pending    []Entry // this step's entries, kept until AfterBackward
}

// newMomentum trains query; key must come from the same constructor and is
// overwritten with a copy of query. With 0 classes the bank keeps no
// probabilities.
func newMomentum(query, key *model.Encoder, s Setup, size, classes int, m0 float64) *momentum {
	key.Tree.CopyFrom(query.Tree)
	key.Tree.SetTrainable(false)
	return &momentum{
		query: query, key: key, precision: s.Precision, ranks: ranks{s.Group}, m0: m0,
		bank:    NewBank(size, query.Dim(), classes, query.Tree.DType, query.Tree.Device),
		average: optim.NewAverage(key.Tree, query.Tree),
	}
}

// Encoder is the query encoder.
func (m *momentum) Encoder() *model.Encoder { return m.query }

// Bank is the memory of past keys.
func (m *momentum) Bank() *Bank { return m.bank }

// BeforeStep moves the key encoder: θ_k ← m·θ_k + (1−m)·θ_q.
func (m *momentum) BeforeStep(s Step) {
	m.average.Update(KeyMomentum(m.m0, s.Number, s.Total))
}

// KeyMomentum is m at step t of T: 1 − (1−m₀)·(cos(π·t/T)+1)/2 for m₀ up to
// 0.996; an m₀ above is used as a constant.
func KeyMomentum(m0 float64, t, total int) float64 {
	if m0 > 0.996 {
		return m0
	}
	return 1 - (1-m0)*(math.Cos(math.Pi*float64(t)/float64(total))+1)/2
}

// keys are the normalised embeddings N×D that the key encoder makes of the
// images, and their class probabilities N×C where the bank keeps some. They
// are remembered for the bank, together with those of all other ranks.
func (m *momentum) keys(images tensor.Tensor, b Batch) tensor.Tensor {
	e := Entry{label: b.Labels, image: b.Indices}
	if m.bank.probability == nil {
		e.embedding = tensor.ScopeOf(func() (z tensor.Tensor) {
			tensor.NoGrad(func() {
				_, embedding := m.precision.Encode(m.key, images, true)
				z = normalize(embedding)
			})
			return z
		})
	} else {
		both := tensor.ScopeOf2(func() (z, probability tensor.Tensor) {
			tensor.NoGrad(func() {
				o := m.precision.Forward(m.key, images, true)
				z, probability = normalize(o.Embedding), o.Logits.Softmax(1)
			})
			return z, probability
		})
		e.embedding, e.probability = both[0], both[1]
	}
	m.remember(m.ranks.entries(e, b.Rows))
	return e.embedding
}

// newest are the entries that the last call of keys remembered, in rank order.
func (m *momentum) newest() Entry { return m.pending[len(m.pending)-1] }

// remember keeps entries beyond the scope of the forward pass.
func (m *momentum) remember(e Entry) {
	for _, t := range e.tensors() {
		t.Keep()
	}
	m.pending = append(m.pending, e)
}

// AfterBackward writes the step's keys: the gradient needed the bank as it was.
func (m *momentum) AfterBackward(Step) {
	for _, e := range m.pending {
		m.bank.Write(e)
		for _, t := range e.tensors() {
			t.Free()
		}
	}
	m.pending = m.pending[:0]
}

// Restored takes up what a checkpoint wrote into State.
func (m *momentum) Restored() { m.bank.Restored() }

// State is both encoders and the bank.
func (m *momentum) State() []*nn.Entry {
	out := append(named("encoder_q.", m.query.Tree), named("encoder_k.", m.key.Tree)...)
	return append(out, named("bank.", m.bank.tree)...)
}
