package method

import (
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// Triplet is "In Defense of the Triplet Loss for Person Re-Identification"
// (Hermans et al. 2017, https://arxiv.org/abs/1703.07737), batch-hard and
// batch-all, and "FaceNet" (Schroff et al. 2015,
// https://arxiv.org/abs/1503.03832), semi-hard: an anchor should be nearer to
// its class, by a margin, than to any other.
type Triplet struct {
	single
	settings recipe.Triplet
	targets  targets
	ranks    ranks
}

// NewTriplet trains the encoder.
func NewTriplet(e *model.Encoder, s Setup) *Triplet {
	return &Triplet{single{e, s.Precision}, s.Triplet, s.targets(), ranks{s.Group}}
}

// Loss is the triplet loss over the batch; with it, where the classifier is
// trained jointly, its cross-entropy on inputs without a gradient.
func (m *Triplet) Loss(_ Step, b Batch) Loss {
	features, embedding := m.precision.Encode(m.encoder, b.Views[0], true)
	loss, active := m.loss(embedding, b.Labels)
	out := Loss{
		Total: loss, Terms: []Term{{"triplet", loss.Detach()}},
		Figures: []Term{{"active_triplets", active}},
	}
	if m.settings.Joint {
		ce := joint(m.encoder, m.precision, features, embedding, b.Labels, m.targets)
		out.Total = loss.Add(ce)
		out.Terms = append(out.Terms, Term{"cross_entropy", ce.Detach()})
	}
	return out
}

// loss is that of embeddings N×D, not yet normalised, and labels N; with the
// share of the mined triplets that are not zero. It counts triplets, not
// images, so every rank takes that of the whole batch.
func (m *Triplet) loss(embedding, labels tensor.Tensor) (loss, active tensor.Tensor) {
	if m.settings.Normalize {
		embedding = normalize(embedding)
	}
	all := m.ranks.join(embedding, labels)
	distance := distances(all.embedding, m.settings.Squared)
	same := all.labels.Unsqueeze(1).Equal(all.labels.Unsqueeze(0))
	positive := same.And(all.notSelf(0, all.labels.Dim(0)))
	switch m.settings.Mining {
	case "batch-all":
		return m.batchAll(distance, positive, same.Not())
	case "semi-hard":
		return m.semiHard(distance, positive, same.Not())
	}
	return m.batchHard(distance, positive, same.Not())
}

// batchHard is the mean over the anchors of max(0, m + max_p d_ap − min_n d_an).
func (m *Triplet) batchHard(distance, positive, negative tensor.Tensor) (loss, active tensor.Tensor) {
	farthest := distance.FillWhere(positive.Not(), -far).MaxDim(1)
	nearest := distance.FillWhere(negative.Not(), far).MinDim(1)
	valid := has(positive).And(has(negative))
	each := m.hinge(farthest.Sub(nearest), valid)
	return ratio(each.Sum(), valid), ratio(each.Detach().Greater(0).ToDType(each.DType()).Sum(), valid)
}

// batchAll is the mean over all triplets that are not zero.
func (m *Triplet) batchAll(distance, positive, negative tensor.Tensor) (loss, active tensor.Tensor) {
	toPositive, isPositive := pairs(distance, positive)
	valid := isPositive.Unsqueeze(2).And(negative.Unsqueeze(1)) // N×M×N
	each := m.hinge(toPositive.Unsqueeze(2).Sub(distance.Unsqueeze(1)), valid)
	some := each.Detach().Greater(0)
	return ratio(each.Sum(), some), ratio(some.ToDType(each.DType()).Sum(), valid)
}

// semiHard is the mean over the pairs of anchor and positive, with the nearest
// negative that is farther away than the positive, or else the farthest.
func (m *Triplet) semiHard(distance, positive, negative tensor.Tensor) (loss, active tensor.Tensor) {
	toPositive, isPositive := pairs(distance, positive)
	toNegative := distance.FillWhere(negative.Not(), far).Unsqueeze(1) // N×1×N
	beyond := toNegative.Detach().GreaterThan(toPositive.Detach().Unsqueeze(2)).And(negative.Unsqueeze(1))
	shape := beyond.Shape()
	nearestBeyond := toNegative.Expand(shape...).FillWhere(beyond.Not(), far).MinDim(2)
	farthest := distance.FillWhere(negative.Not(), -far).MaxDim(1).Unsqueeze(1).Expand(shape[0], shape[1])
	valid := isPositive.And(has(negative).Unsqueeze(1))
	each := m.hinge(toPositive.Sub(has(beyond).Where(nearestBeyond, farthest)), valid)
	return ratio(each.Sum(), valid), ratio(each.Detach().Greater(0).ToDType(each.DType()).Sum(), valid)
}

// far is farther than any distance that counts.
const far = 1e30

// hinge is max(0, m + x), or ln(1 + eˣ), where valid holds, and 0 elsewhere.
func (m *Triplet) hinge(x, valid tensor.Tensor) tensor.Tensor {
	x = x.FillWhere(valid.Not(), 0) // not ±far, of which no sum is left
	if m.settings.Soft {
		x = x.Softplus()
	} else {
		x = x.AddNumber(m.settings.Margin).ReLU()
	}
	return x.FillWhere(valid.Not(), 0)
}

// pairs are each anchor's distances to its positives, N×M for the largest
// number M of positives, and whether there is one.
func pairs(distance, positive tensor.Tensor) (toPositive, valid tensor.Tensor) {
	var index tensor.Tensor
	tensor.NoGrad(func() {
		flags := positive.ToDType(distance.DType())
		most := int(flags.SumDim(1).MaxDim(0).Item()) // a sync point
		_, index = flags.TopK(max(1, most), false)
	})
	return distance.Gather(1, index), positive.Gather(1, index)
}

// has says whether one of the last dimension holds.
func has(flags tensor.Tensor) tensor.Tensor {
	return flags.ToDType(tensor.Float32).MaxDim(-1).Greater(0)
}

// ratio is the sum over how many hold; 0 if none does.
func ratio(sum, flags tensor.Tensor) tensor.Tensor {
	return sum.Div(flags.ToDType(sum.DType()).Sum().ClampMin(1))
}

// distances between all rows of x (N×D): N×N, Euclidean or its square. Where
// two rows agree the gradient is 0, for the root has none.
func distances(x tensor.Tensor, squared bool) tensor.Tensor {
	length := x.Mul(x).SumDim(1)
	product := x.Linear(x, tensor.Tensor{})
	square := length.Unsqueeze(1).Add(length.Unsqueeze(0)).AddScaled(product, -2)
	// Rounding may leave a little less than nothing.
	apart := square.Detach().Greater(1e-12)
	if squared {
		return square.FillWhere(apart.Not(), 0)
	}
	return square.FillWhere(apart.Not(), 1).Sqrt().FillWhere(apart.Not(), 0)
}
