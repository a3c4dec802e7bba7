package method

import (
	"math"

	"cone/recipe"
	"cone/tensor"
)

// sure is the smallest probability that still counts, as published: a class
// below it marks a very sure sample, and a neighbour probability below it is
// no neighbour at all.
const sure = 1e-8

// objective is the arithmetic of CoNe's losses, without the networks. All in
// at least float32.
type objective struct {
	recipe.CoNe
	targets targets
	bank    *Bank
	epoch   int // from 0: terms may begin late
}

// terms are CoNe's three losses with what they were made of. What has not
// begun yet is undefined.
type terms struct {
	neighbor, centre, consistency tensor.Tensor // scalars
	neighborProbability           tensor.Tensor // N: p
	sameLabel                     tensor.Tensor // scalar: share among the k neighbours
	target                        tensor.Tensor // N×C: q
	guarded                       tensor.Tensor // scalar: share of the images that the guards leave out
	weights                       recipe.CoNe
}

// losses takes normalised query and key embeddings N×D, query logits N×C and
// labels N.
func (o objective) losses(zQuery, logits, zKey, labels tensor.Tensor) terms {
	t := terms{weights: o.CoNe}
	logp := logits.LogSoftmax(1)
	var mask tensor.Tensor
	if o.Guards {
		tensor.NoGrad(func() {
			mask = logp.MinDim(1).Greater(math.Log(sure))
			t.guarded = mask.ToDType(logp.DType()).Mean().Neg().AddNumber(1)
		})
	}
	if o.epoch >= o.NeighborFromEpoch {
		t.neighborProbability, t.sameLabel = o.neighborProbability(zQuery, labels)
		t.neighbor = neighborLoss(t.neighborProbability)
	}
	if o.epoch >= o.ConsistencyFromEpoch {
		tensor.NoGrad(func() { t.target = o.consistencyTarget(zKey) })
		t.consistency = consistencyLoss(t.target, logp, mask)
	}
	t.centre = o.classCentres(logp, labels, mask)
	return t
}

// total is L_ce + α·L_nb + β·L_dc, with a factor on L_ce that is 1 as
// published.
func (t terms) total() Loss {
	l := Loss{Total: t.centre.Scale(t.weights.CenterWeight), Terms: []Term{{"cross_entropy", t.centre.Detach()}}}
	if t.guarded.Defined() {
		l.Figures = append(l.Figures, Term{"guarded_images", t.guarded})
	}
	if t.neighbor.Defined() {
		l.Total = l.Total.AddScaled(t.neighbor, t.weights.NeighborWeight)
		l.Terms = append(l.Terms, Term{"neighbor", t.neighbor.Detach()})
		l.Figures = append(l.Figures,
			Term{"same_label_neighbors", t.sameLabel},
			Term{"neighbor_probability", t.neighborProbability.Detach().Mean()})
	}
	if t.consistency.Defined() {
		l.Total = l.Total.AddScaled(t.consistency, t.weights.ConsistencyWeight)
		l.Terms = append(l.Terms, Term{"consistency", t.consistency.Detach()})
		l.Figures = append(l.Figures,
			// 0 where every target is one-hot; ln C and 1 − 1/C where it says nothing.
			Term{"target_entropy", t.target.XLogY(t.target).SumDim(1).Mean().Neg()},
			Term{"target_distance", t.target.MaxDim(1).Mean().Neg().AddNumber(1)})
	}
	return l
}

// neighborProbability is p_i = Σ_j w_ij·[y_j = y_i] over the k entries of the
// whole bank that are most similar to z_i, w_ij = softmax(S_ij/τ_sup); and the
// share of those k that have the image's label.
//
// The gradient reaches z through the k similarities; the bank is constant.
func (o objective) neighborProbability(z, labels tensor.Tensor) (p, sameLabel tensor.Tensor) {
	similarity, index := tensor.Nearest(z, o.bank.embedding.Value, o.Neighbors) // N×k
	weight := similarity.Scale(1 / o.NeighborTemperature).Softmax(1)
	neighborLabel := o.bank.label.Value.IndexSelect(0, index.Flatten(0)).View(index.Shape()...)
	same := neighborLabel.Equal(labels.Unsqueeze(1)).ToDType(weight.DType())
	return weight.Mul(same).SumDim(1), same.Mean()
}

// neighborLoss is −(1/N)·Σ_{i: p_i > 1e-8} ln p_i: a sample with no neighbour
// of its class adds 0.
func neighborLoss(p tensor.Tensor) tensor.Tensor {
	some := p.Detach().Greater(sure)
	return some.Where(p, p.Detach().OnesLike()).Log().Sum().Scale(-1 / float64(p.Dim(0)))
}

// consistencyTarget is q_i = Σ_j w'_ij·prob_j over the whole bank, w' =
// softmax(S'/τ_dc): what images like this one were predicted to be.
func (o objective) consistencyTarget(zKey tensor.Tensor) tensor.Tensor {
	return tensor.SoftLookup(zKey, o.bank.embedding.Value, o.bank.probability.Value, o.ConsistencyTemperature)
}

// consistencyLoss is (1/N)·Σ_{i∈M} KL(q_i ‖ p_i), with 0·ln 0 = 0.
func consistencyLoss(target, logp, mask tensor.Tensor) tensor.Tensor {
	each := target.XLogY(target).Sub(target.Mul(logp)).SumDim(1)
	return maskedSum(each, mask).Scale(1 / float64(target.Dim(0)))
}

// classCentres is the cross-entropy over the samples that the mask keeps.
func (o objective) classCentres(logp, labels, mask tensor.Tensor) tensor.Tensor {
	return o.targets.crossEntropy(logp, labels, mask)
}
