package method

import "cone/tensor"

// targets are what a classifier is trained towards: smoothed one-hots, with a
// weight per class.
type targets struct {
	smoothing float64       // ε
	all       bool          // ε/C on every class; else ε/(C−1) on all but the label
	weights   tensor.Tensor // C; undefined: 1 for all
	ranks     ranks
}

// on and off are the targets of the label and of each other class.
func (t targets) values(classes int) (on, off float64) {
	if t.all {
		off = t.smoothing / float64(classes)
		return 1 - t.smoothing + off, off
	}
	return 1 - t.smoothing, t.smoothing / float64(classes-1)
}

// crossEntropy is −Σ_{i∈M} Σ_c w_c·t_ic·logp_ic / Σ_i w_{y_i} for
// log-probabilities N×C and labels N; without weights it is divided by N. As
// in torch.nn.CrossEntropyLoss, weights change the terms and the divisor. The
// mask N (bool) is M; undefined, it keeps everyone. The divisor counts all,
// kept or not.
func (t targets) crossEntropy(logp, labels, mask tensor.Tensor) tensor.Tensor {
	return t.mean(maskedSum(t.score(logp, labels), mask), logp, t.weightOf(labels))
}

// mixedCrossEntropy is that of a batch whose images may be mixed: both labels
// count by their shares, in the terms and in the divisor.
func (t targets) mixedCrossEntropy(logp tensor.Tensor, b Batch) tensor.Tensor {
	if !b.Partners.Defined() {
		return t.crossEntropy(logp, b.Labels, tensor.Tensor{})
	}
	// Weighted image by image: the target is linear in the share, smoothing
	// included.
	mix := func(own, partner tensor.Tensor) tensor.Tensor {
		return partner.Add(own.Sub(partner).Mul(b.Shares.ToDType(own.DType())))
	}
	var weight tensor.Tensor
	if t.weights.Defined() {
		weight = mix(t.weightOf(b.Labels), t.weightOf(b.Partners))
	}
	return t.mean(mix(t.score(logp, b.Labels), t.score(logp, b.Partners)).Sum(), logp, weight)
}

// score is Σ_c w_c·t_ic·logp_ic for every image i: N.
func (t targets) score(logp, labels tensor.Tensor) tensor.Tensor {
	if t.weights.Defined() {
		logp = logp.Mul(t.weights)
	}
	onLabel := logp.Gather(1, labels.Unsqueeze(1)).Squeeze(1)
	if t.smoothing == 0 {
		return onLabel
	}
	on, off := t.values(logp.Dim(1))
	return onLabel.Scale(on-off).AddScaled(logp.SumDim(1), off)
}

// weightOf is w_y of every label: N, or undefined without weights.
func (t targets) weightOf(labels tensor.Tensor) tensor.Tensor {
	if !t.weights.Defined() {
		return tensor.Tensor{}
	}
	return t.weights.IndexSelect(0, labels)
}

// mean is −sum/Σ weight, or −sum/N without weights. In a batch whose labels
// all weigh nothing it is 0.
func (t targets) mean(sum, logp, weight tensor.Tensor) tensor.Tensor {
	if !weight.Defined() {
		return sum.Scale(-1 / float64(logp.Dim(0)))
	}
	return sum.Neg().Div(t.ranks.meanWeight(weight.Sum(), logp.Dim(0)).ClampMin(1e-12))
}

// dense are the targets written out: N×C.
func (t targets) dense(like, labels tensor.Tensor) tensor.Tensor {
	on, off := t.values(like.Dim(1))
	return like.Detach().ZerosLike().Fill(off).ScatterFill(1, labels.Unsqueeze(1), on)
}

// mixedDense are those of a batch whose images may be mixed.
func (t targets) mixedDense(like tensor.Tensor, b Batch) tensor.Tensor {
	own := t.dense(like, b.Labels)
	if !b.Partners.Defined() {
		return own
	}
	partner := t.dense(like, b.Partners)
	return partner.Add(own.Sub(partner).Mul(b.Shares.ToDType(own.DType()).Unsqueeze(1)))
}

// maskedSum sums the N values that the mask keeps. What it leaves out gets no
// gradient, not even 0·∞.
func maskedSum(values, mask tensor.Tensor) tensor.Tensor {
	if mask.Defined() {
		values = mask.Where(values, values.Detach().ZerosLike())
	}
	return values.Sum()
}
