package method

import "cone/tensor"

// excluded stands for −∞ among similarities: nothing is left of it in a
// softmax, and no NaN comes of it in a row that excludes everything.
const excluded = -1e30

// contrast is supervised contrast (Khosla et al. 2020, Eq. 2): the mean over
// the anchors i of
//
//	−1/|P(i)| · Σ_{p∈P(i)} ln[ exp(z_i·z_p/τ) / Σ_{a∈A(i)} exp(z_i·z_a/τ) ]
//
// for normalised anchors N×D and others M×D. positive and counted, N×M bool,
// are P and A. An anchor with no positive adds 0.
func contrast(anchors, others, positive, counted tensor.Tensor, temperature float64) tensor.Tensor {
	similarity := anchors.Linear(others, tensor.Tensor{}).Scale(1 / temperature)
	logp := similarity.FillWhere(counted.Not(), excluded).LogSoftmax(1)
	sum := logp.FillWhere(positive.Not(), 0).SumDim(1)
	count := positive.ToDType(logp.DType()).SumDim(1).ClampMin(1)
	return sum.Div(count).Mean().Neg()
}
