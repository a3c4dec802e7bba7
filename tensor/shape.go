package tensor

var (
	view        = schema("aten::view")
	reshape     = schema("aten::reshape")
	permute     = schema("aten::permute")
	transpose   = schema("aten::transpose.int")
	flatten     = schema("aten::flatten.using_ints")
	narrow      = schema("aten::narrow")
	selectDim   = schema("aten::select.int")
	unsqueeze   = schema("aten::unsqueeze")
	squeeze     = schema("aten::squeeze.dim")
	cat         = schema("aten::cat")
	gather      = schema("aten::gather")
	indexSelect = schema("aten::index_select")
	scatterFill = schema("aten::scatter_.value")
	expand      = schema("aten::expand")
	roll        = schema("aten::roll")
	pad         = schema("aten::constant_pad_nd")
	viewType    = schema("aten::view.dtype")
)

// View looks at t in another shape; −1 stands for what is left.
func (t Tensor) View(shape ...int) Tensor { return view.one(in(t), ints(shape...)) }

// Reshape is View, with a copy where the strides need one.
func (t Tensor) Reshape(shape ...int) Tensor { return reshape.one(in(t), ints(shape...)) }

// Permute reorders the dimensions.
func (t Tensor) Permute(dims ...int) Tensor { return permute.one(in(t), ints(dims...)) }

// Transpose swaps two dimensions.
func (t Tensor) Transpose(a, b int) Tensor { return transpose.one(in(t), integer(a), integer(b)) }

// Flatten joins the dimensions from start to the last.
func (t Tensor) Flatten(start int) Tensor { return flatten.one(in(t), integer(start), integer(-1)) }

// Narrow looks at length entries of a dimension, from start.
func (t Tensor) Narrow(dim, start, length int) Tensor {
	return narrow.one(in(t), integer(dim), integer(start), integer(length))
}

// Select looks at one entry of a dimension, which goes away.
func (t Tensor) Select(dim, index int) Tensor {
	return selectDim.one(in(t), integer(dim), integer(index))
}

// Unsqueeze adds a dimension of size 1.
func (t Tensor) Unsqueeze(dim int) Tensor { return unsqueeze.one(in(t), integer(dim)) }

// Squeeze drops a dimension of size 1.
func (t Tensor) Squeeze(dim int) Tensor { return squeeze.one(in(t), integer(dim)) }

// Expand repeats dimensions of size 1 without a copy.
func (t Tensor) Expand(shape ...int) Tensor { return expand.one(in(t), ints(shape...), no) }

// Cat joins tensors along a dimension.
func Cat(tensors []Tensor, dim int) Tensor { return cat.one(list(tensors), integer(dim)) }

// Gather picks along dim by an int64 index of the output's shape.
func (t Tensor) Gather(dim int, index Tensor) Tensor {
	return gather.one(in(t), integer(dim), in(index), no)
}

// IndexSelect picks whole entries of dim by an int64 vector.
func (t Tensor) IndexSelect(dim int, index Tensor) Tensor {
	return indexSelect.one(in(t), integer(dim), in(index))
}

// ScatterFill writes value in place where the int64 index points along dim.
func (t Tensor) ScatterFill(dim int, index Tensor, value float64) Tensor {
	scatterFill.do(in(t), integer(dim), in(index), num(value))
	return t
}

// Roll moves the entries of each of the dimensions by its shift, in a circle.
func (t Tensor) Roll(shifts, dims []int) Tensor {
	return roll.one(in(t), ints(shifts...), ints(dims...))
}

// Pad adds zeros: two numbers per dimension, before and after, from the last
// dimension backwards.
func (t Tensor) Pad(sizes ...int) Tensor { return pad.one(in(t), ints(sizes...), num(0)) }

// Bits looks at the same memory as elements of another type. The last dimension
// grows or shrinks with their size; it must be dense.
func (t Tensor) Bits(d DType) Tensor { return viewType.one(in(t), dtype(d)) }
