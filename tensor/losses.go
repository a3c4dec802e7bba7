package tensor

var (
	amax       = schema("aten::amax")
	gt         = schema("aten::gt.Tensor")
	logicalNot = schema("aten::logical_not")
	clamp      = schema("aten::clamp")
	softplus   = schema("aten::softplus")
	maskedFill = schema("aten::masked_fill.Scalar")
	bce        = schema("aten::binary_cross_entropy_with_logits")
)

// MaxDim is the largest element along dim, which goes away.
func (t Tensor) MaxDim(dim int) Tensor { return amax.one(in(t), ints(dim), no) }

// GreaterThan compares element by element, with broadcasting, to a bool tensor.
func (t Tensor) GreaterThan(o Tensor) Tensor { return gt.one(in(t), in(o)) }

// Not is the logical opposite of a bool tensor.
func (t Tensor) Not() Tensor { return logicalNot.one(in(t)) }

// Clamp is t between low and high; the gradient is 0 outside.
func (t Tensor) Clamp(low, high float64) Tensor { return clamp.one(in(t), num(low), num(high)) }

// FillWhere is t with v where the bool tensor mask holds.
func (t Tensor) FillWhere(mask Tensor, v float64) Tensor {
	return maskedFill.one(in(t), in(mask), num(v))
}

// Softplus is ln(1 + eᵗ).
func (t Tensor) Softplus() Tensor { return softplus.one(in(t), integer(1), integer(20)) }

// BinaryCrossEntropy is −(y·ln σ(t) + (1−y)·ln(1−σ(t))) for logits t and
// targets y, times the weight, which is broadcast and may be undefined.
func (t Tensor) BinaryCrossEntropy(targets, weight Tensor) Tensor {
	return bce.one(in(t), in(targets), in(weight), none, integer(0))
}
