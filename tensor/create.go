package tensor

var (
	empty      = schema("aten::empty.memory_format")
	newEmpty   = schema("aten::new_empty")
	zerosLike  = schema("aten::zeros_like")
	emptyLike  = schema("aten::empty_like")
	onesLike   = schema("aten::ones_like")
	full       = schema("aten::full")
	arange     = schema("aten::arange.start")
	normal     = schema("aten::normal_")
	uniform    = schema("aten::uniform_")
	bernoulli  = schema("aten::bernoulli_.float")
	zeroFill   = schema("aten::zero_")
	fill       = schema("aten::fill_.Scalar")
	toDType    = schema("aten::to.dtype")
	toDevice   = schema("aten::to.device")
	contiguous = schema("aten::contiguous")
	clone      = schema("aten::clone")
	copyFrom   = schema("aten::copy_")
	detach     = schema("aten::detach")
)

// Empty makes a tensor with undefined contents.
func Empty(d DType, on Device, shape ...int) Tensor {
	return empty.one(ints(shape...), dtype(d), none, device(on), none, none)
}

// Zeros makes a tensor of zeros.
func Zeros(d DType, on Device, shape ...int) Tensor { return Empty(d, on, shape...).Zero() }

// Full makes a tensor with one value everywhere.
func Full(value float64, d DType, on Device, shape ...int) Tensor {
	return full.one(ints(shape...), num(value), dtype(d), none, device(on), none)
}

// Arange makes the int64 vector start, start+1, …, end−1.
func Arange(start, end int, on Device) Tensor {
	return arange.one(integer(start), integer(end), dtype(Int64), none, device(on), none)
}

// ZerosLike makes zeros with t's type, place, shape and strides.
func (t Tensor) ZerosLike() Tensor { return zerosLike.one(in(t)) }

// OnesLike makes ones with t's type, place, shape and strides.
func (t Tensor) OnesLike() Tensor { return onesLike.one(in(t)) }

// EmptyLike makes a tensor like t with undefined contents.
func (t Tensor) EmptyLike() Tensor { return emptyLike.one(in(t)) }

// NewEmpty makes a tensor of t's type and place in another shape, with
// undefined contents.
func (t Tensor) NewEmpty(shape ...int) Tensor {
	return newEmpty.one(in(t), ints(shape...), none, none, none, none)
}

// Bernoulli fills t in place with 1 with the probability, else 0.
func (t Tensor) Bernoulli(probability float64) Tensor {
	bernoulli.do(in(t), num(probability))
	return t
}

// Normal fills t in place from a normal distribution.
func (t Tensor) Normal(mean, deviation float64) Tensor {
	normal.do(in(t), num(mean), num(deviation))
	return t
}

// Uniform fills t in place with numbers from [low, high).
func (t Tensor) Uniform(low, high float64) Tensor {
	uniform.do(in(t), num(low), num(high))
	return t
}

// Zero fills t in place with zeros.
func (t Tensor) Zero() Tensor {
	zeroFill.do(in(t))
	return t
}

// Fill fills t in place with one value.
func (t Tensor) Fill(value float64) Tensor {
	fill.do(in(t), num(value))
	return t
}

// ToDType converts the elements; t itself when they have the type already.
func (t Tensor) ToDType(d DType) Tensor { return toDType.one(in(t), dtype(d), no, no, none) }

// ToDevice copies t to the device; t itself when it lies there already.
func (t Tensor) ToDevice(on Device) Tensor {
	return toDevice.one(in(t), device(on), dtype(t.DType()), no, no, none)
}

// Contiguous lays t out row-major; t itself when it lies so already.
func (t Tensor) Contiguous() Tensor { return contiguous.one(in(t), layout(Contiguous)) }

// ChannelsLast lays an N×C×H×W tensor out with the channels of a pixel side
// by side; t itself when it lies so already.
func (t Tensor) ChannelsLast() Tensor { return contiguous.one(in(t), layout(ChannelsLast)) }

// Clone copies t, strides kept.
func (t Tensor) Clone() Tensor { return clone.one(in(t), none) }

// CopyFrom writes src into t in place, converting type and place and
// broadcasting where needed.
func (t Tensor) CopyFrom(src Tensor) Tensor {
	copyFrom.do(in(t), in(src), no)
	return t
}

// Detach looks at the same memory without autograd's history.
func (t Tensor) Detach() Tensor { return detach.one(in(t)) }
