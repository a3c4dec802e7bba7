package method

import (
	"fmt"
	"math"

	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// SupCon is "Supervised Contrastive Learning" (Khosla et al. 2020,
// https://arxiv.org/abs/2004.11362): two views of every image, and all images
// of a class are each other's positives.
type SupCon struct {
	single
	settings recipe.SupCon
	targets  targets
	ranks    ranks
}

// NewSupCon trains the encoder.
func NewSupCon(e *model.Encoder, s Setup) *SupCon {
	return &SupCon{single{e, s.Precision}, s.SupCon, s.targets(), ranks{s.Group}}
}

// Views is two.
func (m *SupCon) Views() int { return 2 }

// Notes tell the loss of embeddings that say nothing: sitting there is no bug,
// but neither is it learning.
func (m *SupCon) Notes(batch int) []string { return []string{chance(m.settings, 2*batch-1)} }

// chance tells the loss of a guess among so many images.
func chance(s recipe.SupCon, others int) string {
	return fmt.Sprintf("the contrastive loss of chance is ln(%d)·%v/%v = %.4f: training has begun once it falls below",
		others, s.Temperature, s.BaseTemperature, math.Log(float64(others))*s.Temperature/s.BaseTemperature)
}

// Loss is the contrastive loss over both views; with it, where the classifier
// is trained jointly, its cross-entropy on inputs without a gradient.
func (m *SupCon) Loss(_ Step, b Batch) Loss {
	features, embedding := m.precision.Encode(m.encoder, tensor.Cat(b.Views, 0), true)
	labels := tensor.Cat([]tensor.Tensor{b.Labels, b.Labels}, 0)
	loss := m.loss(normalize(embedding), labels)
	out := Loss{Total: loss, Terms: []Term{{"contrastive", loss.Detach()}}}
	if m.settings.Joint {
		ce := joint(m.encoder, m.precision, features, embedding, labels, m.targets)
		out.Total = loss.Add(ce)
		out.Terms = append(out.Terms, Term{"cross_entropy", ce.Detach()})
	}
	return out
}

// loss is that of normalised embeddings M×D and their labels M, each
// contrasted with all others, on whatever rank, times τ/τ_base.
func (m *SupCon) loss(z, labels tensor.Tensor) tensor.Tensor {
	all := m.ranks.join(z, labels)
	others := all.notSelf(all.first, labels.Dim(0))
	positive := labels.Unsqueeze(1).Equal(all.labels.Unsqueeze(0)).And(others)
	loss := contrast(z, all.embedding, positive, others, m.settings.Temperature)
	return loss.Scale(m.settings.Temperature / m.settings.BaseTemperature)
}
