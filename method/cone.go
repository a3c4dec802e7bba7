package method

import (
	"math"

	"cone/model"
	"cone/nn"
	"cone/optim"
	"cone/recipe"
	"cone/tensor"
)

// CoNe is "Contrast Your Neighbours for Supervised Image Classification"
// (Zheng et al. 2023, https://arxiv.org/abs/2308.10761): class centres, the
// nearest neighbours in a memory bank as further anchors, and similar
// predictions for similar images.
type CoNe struct {
	query, key *model.Encoder
	bank       *Bank
	precision  Precision
	settings   recipe.CoNe
	smoothing  float64
	average    *optim.Average
	pending    []Entry // this step's entries, kept until AfterBackward
}

// NewCoNe trains query; key must come from the same constructor and is
// overwritten with a copy of query.
func NewCoNe(query, key *model.Encoder, p Precision, r recipe.Method, classes int) *CoNe {
	key.Tree.CopyFrom(query.Tree)
	key.Tree.SetTrainable(false)
	return &CoNe{
		query: query, key: key, precision: p, settings: r.CoNe, smoothing: r.LabelSmoothing,
		bank:    NewBank(r.CoNe.BankSize, query.Dim(), classes, query.Tree.DType, query.Tree.Device),
		average: optim.NewAverage(key.Tree, query.Tree),
	}
}

// Encoder is the query encoder.
func (c *CoNe) Encoder() *model.Encoder { return c.query }

// Views is one: both encoders see the same picture.
func (c *CoNe) Views() int { return 1 }

// Bank is the memory of past keys.
func (c *CoNe) Bank() *Bank { return c.bank }

// BeforeStep moves the key encoder: θ_k ← m·θ_k + (1−m)·θ_q.
func (c *CoNe) BeforeStep(s Step) {
	c.average.Update(KeyMomentum(c.settings.KeyMomentum, s.Number, s.Total))
}

// KeyMomentum is m at step t of T: 1 − (1−m₀)·(cos(π·t/T)+1)/2 for m₀ up to
// 0.996; an m₀ above is used as a constant.
func KeyMomentum(m0 float64, t, total int) float64 {
	if m0 > 0.996 {
		return m0
	}
	return 1 - (1-m0)*(math.Cos(math.Pi*float64(t)/float64(total))+1)/2
}

// Loss is L_ce + α·L_nb + β·L_dc; in the first epochs L_ce alone.
func (c *CoNe) Loss(s Step, b Batch) Loss {
	// The keys come first: what their forward pass needs is free again before
	// the query encoder's activations are kept for the backward pass.
	keys := tensor.ScopeOf2(func() (z, prob tensor.Tensor) {
		tensor.NoGrad(func() {
			e, l := c.precision.forward(c.key, b.Views[0])
			z, prob = normalize(e), l.Softmax(1)
		})
		return z, prob
	})
	c.remember(Entry{embedding: keys[0], probability: keys[1], label: b.Labels, image: b.Indices})
	embedding, logits := c.precision.forward(c.query, b.Views[0])

	o := objective{CoNe: c.settings, smoothing: c.smoothing, bank: c.bank}
	if s.Epoch < c.settings.WarmupEpochs {
		ce := o.classCentres(logits.LogSoftmax(1), b.Labels, tensor.Tensor{})
		return Loss{ce, []Term{{"cross_entropy", ce.Detach()}}}
	}
	return o.losses(normalize(embedding), logits, keys[0], b.Labels).total()
}

// AfterBackward writes the step's keys: the gradient needed the bank as it was.
func (c *CoNe) AfterBackward(Step) {
	for _, e := range c.pending {
		c.bank.Write(e)
		for _, t := range e.tensors() {
			t.Free()
		}
	}
	c.pending = c.pending[:0]
}

// remember keeps entries beyond the scope of the forward pass.
func (c *CoNe) remember(e Entry) {
	for _, t := range e.tensors() {
		t.Keep()
	}
	c.pending = append(c.pending, e)
}

func (e Entry) tensors() []tensor.Tensor {
	return []tensor.Tensor{e.embedding, e.probability, e.label, e.image}
}

// Restored takes up what a checkpoint wrote into State.
func (c *CoNe) Restored() { c.bank.Restored() }

// State is both encoders and the bank.
func (c *CoNe) State() []*nn.Entry {
	out := append(named("encoder_q.", c.query.Tree), named("encoder_k.", c.key.Tree)...)
	return append(out, named("bank.", c.bank.tree)...)
}
