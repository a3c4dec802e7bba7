package tensor

var (
	add         = schema("aten::add.Tensor")
	addScalar   = schema("aten::add.Scalar")
	addScalarIn = schema("aten::add_.Scalar")
	addInto     = schema("aten::add_.Tensor")
	sub         = schema("aten::sub.Tensor")
	mul         = schema("aten::mul.Tensor")
	mulScalar   = schema("aten::mul.Scalar")
	mulInto     = schema("aten::mul_.Scalar")
	mulTensorIn = schema("aten::mul_.Tensor")
	div         = schema("aten::div.Tensor")
	neg         = schema("aten::neg")
	logarithm   = schema("aten::log")
	exponential = schema("aten::exp")
	xlogy       = schema("aten::xlogy.Tensor")
	absolute    = schema("aten::abs")
	clampMin    = schema("aten::clamp_min")
	clampMax    = schema("aten::clamp_max")
	sqrt        = schema("aten::sqrt")
	lerpInto    = schema("aten::lerp_.Scalar")
	matmul      = schema("aten::matmul")
	bmm         = schema("aten::bmm")
	eq          = schema("aten::eq.Tensor")
	gtScalar    = schema("aten::gt.Scalar")
	logicalAnd  = schema("aten::logical_and")
	whereSelf   = schema("aten::where.self")
	isFinite    = schema("aten::isfinite")

	sum     = schema("aten::sum")
	sumDims = schema("aten::sum.dim_IntList")
	mean    = schema("aten::mean")
	meanDim = schema("aten::mean.dim")
	amin    = schema("aten::amin")
	argmax  = schema("aten::argmax")
	all     = schema("aten::all")
	topk    = schema("aten::topk")
	norm    = schema("aten::linalg_vector_norm")
)

// Add is t + o, with broadcasting.
func (t Tensor) Add(o Tensor) Tensor { return add.one(in(t), in(o), num(1)) }

// AddScaled is t + scale·o.
func (t Tensor) AddScaled(o Tensor, scale float64) Tensor { return add.one(in(t), in(o), num(scale)) }

// AddNumber is t + v.
func (t Tensor) AddNumber(v float64) Tensor { return addScalar.one(in(t), num(v), integer(1)) }

// AddInto is t += scale·o in place.
func (t Tensor) AddInto(o Tensor, scale float64) Tensor {
	addInto.do(in(t), in(o), num(scale))
	return t
}

// AddNumberInto is t += v in place, for any element type.
func (t Tensor) AddNumberInto(v int) Tensor {
	addScalarIn.do(in(t), integer(v), integer(1))
	return t
}

// Sub is t − o, with broadcasting.
func (t Tensor) Sub(o Tensor) Tensor { return sub.one(in(t), in(o), num(1)) }

// Mul is t · o element by element, with broadcasting.
func (t Tensor) Mul(o Tensor) Tensor { return mul.one(in(t), in(o)) }

// Scale is t · v.
func (t Tensor) Scale(v float64) Tensor { return mulScalar.one(in(t), num(v)) }

// ScaleInto is t *= v in place.
func (t Tensor) ScaleInto(v float64) Tensor {
	mulInto.do(in(t), num(v))
	return t
}

// MulInto is t *= o in place, with broadcasting.
func (t Tensor) MulInto(o Tensor) Tensor {
	mulTensorIn.do(in(t), in(o))
	return t
}

// Div is t / o element by element, with broadcasting.
func (t Tensor) Div(o Tensor) Tensor { return div.one(in(t), in(o)) }

// Neg is −t.
func (t Tensor) Neg() Tensor { return neg.one(in(t)) }

// Log is the natural logarithm.
func (t Tensor) Log() Tensor { return logarithm.one(in(t)) }

// Exp is eᵗ.
func (t Tensor) Exp() Tensor { return exponential.one(in(t)) }

// XLogY is t·ln o, and 0 where t is 0.
func (t Tensor) XLogY(o Tensor) Tensor { return xlogy.one(in(t), in(o)) }

// Abs is |t|.
func (t Tensor) Abs() Tensor { return absolute.one(in(t)) }

// Sqrt is the square root.
func (t Tensor) Sqrt() Tensor { return sqrt.one(in(t)) }

// ClampMin is max(t, v).
func (t Tensor) ClampMin(v float64) Tensor { return clampMin.one(in(t), num(v)) }

// ClampMax is min(t, v).
func (t Tensor) ClampMax(v float64) Tensor { return clampMax.one(in(t), num(v)) }

// LerpInto moves t towards o in place: t += weight·(o − t).
func (t Tensor) LerpInto(o Tensor, weight float64) Tensor {
	lerpInto.do(in(t), in(o), num(weight))
	return t
}

// MatMul is the matrix product.
func (t Tensor) MatMul(o Tensor) Tensor { return matmul.one(in(t), in(o)) }

// BatchMatMul is the matrix product of B×n×m and B×m×p.
func (t Tensor) BatchMatMul(o Tensor) Tensor { return bmm.one(in(t), in(o)) }

// Equal compares element by element, with broadcasting, to a bool tensor.
func (t Tensor) Equal(o Tensor) Tensor { return eq.one(in(t), in(o)) }

// Greater compares each element with v, to a bool tensor.
func (t Tensor) Greater(v float64) Tensor { return gtScalar.one(in(t), num(v)) }

// And is the logical and of two bool tensors.
func (t Tensor) And(o Tensor) Tensor { return logicalAnd.one(in(t), in(o)) }

// Where picks a where the bool tensor t holds, b elsewhere.
func (t Tensor) Where(a, b Tensor) Tensor { return whereSelf.one(in(t), in(a), in(b)) }

// IsFinite says of each element whether it is neither infinite nor NaN.
func (t Tensor) IsFinite() Tensor { return isFinite.one(in(t)) }

// Sum over all elements.
func (t Tensor) Sum() Tensor { return sum.one(in(t), none) }

// SumDim sums over one dimension, which goes away.
func (t Tensor) SumDim(dim int) Tensor { return sumDims.one(in(t), ints(dim), no, none) }

// Mean over all elements.
func (t Tensor) Mean() Tensor { return mean.one(in(t), none) }

// MeanDim is the mean over one dimension, which goes away.
func (t Tensor) MeanDim(dim int) Tensor { return meanDim.one(in(t), ints(dim), no, none) }

// MinDim is the smallest element along dim, which goes away.
func (t Tensor) MinDim(dim int) Tensor { return amin.one(in(t), ints(dim), no) }

// ArgMax is the index of the largest element along dim, which goes away.
func (t Tensor) ArgMax(dim int) Tensor { return argmax.one(in(t), integer(dim), no) }

// All says whether every element of a bool tensor holds.
func (t Tensor) All() Tensor { return all.one(in(t)) }

// TopK is the k largest elements along the last dimension and their places,
// in no particular order unless sorted.
func (t Tensor) TopK(k int, sorted bool) (values, indices Tensor) {
	return topk.two(in(t), integer(k), integer(-1), yes, flag(sorted))
}

// Norm is the L2 norm of all elements.
func (t Tensor) Norm() Tensor { return norm.one(in(t), num(2), none, no, none) }

// NormDim is the L2 norm along dim, which stays with size 1.
func (t Tensor) NormDim(dim int) Tensor { return norm.one(in(t), num(2), ints(dim), yes, none) }
