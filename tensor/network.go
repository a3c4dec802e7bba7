package tensor

var (
	conv2d       = schema("aten::conv2d")
	linear       = schema("aten::linear")
	batchNorm    = schema("aten::batch_norm")
	layerNorm    = schema("aten::layer_norm")
	relu         = schema("aten::relu")
	reluInto     = schema("aten::relu_")
	hardTanhInto = schema("aten::hardtanh_")
	gelu         = schema("aten::gelu")
	maxPool2d    = schema("aten::max_pool2d")
	meanPool2d   = schema("aten::avg_pool2d")
	avgPool      = schema("aten::adaptive_avg_pool2d")
	dropout      = schema("aten::dropout")
	softmax      = schema("aten::softmax.int")
	logSoftmax   = schema("aten::log_softmax.int")
)

// Conv2d convolves N×C×H×W with a weight O×C×h×w, no bias.
func (t Tensor) Conv2d(weight Tensor, stride, padding int) Tensor {
	return conv2d.one(in(t), in(weight), none, ints(stride, stride), ints(padding, padding), ints(1, 1), integer(1))
}

// GroupedConv2d convolves N×I×H×W with a weight O×I/groups×h×w: the channels
// fall into groups, and each group of outputs sees one group of inputs. The
// bias, one number per output, may be undefined.
func (t Tensor) GroupedConv2d(weight, bias Tensor, stride, padding, groups int) Tensor {
	return conv2d.one(in(t), in(weight), in(bias), ints(stride, stride), ints(padding, padding), ints(1, 1), integer(groups))
}

// Linear is t·weightᵀ + bias, for N×I and O×I; bias may be undefined.
func (t Tensor) Linear(weight, bias Tensor) Tensor { return linear.one(in(t), in(weight), in(bias)) }

// BatchNorm normalises each channel (dimension 1). In training it uses the
// batch's statistics and moves the running ones towards them by momentum.
func (t Tensor) BatchNorm(weight, bias, runningMean, runningVar Tensor, training bool, momentum, eps float64) Tensor {
	return batchNorm.one(in(t), in(weight), in(bias), in(runningMean), in(runningVar), flag(training), num(momentum), num(eps), no)
}

// LayerNorm normalises over the last dimension, whose size weight and bias
// have. All three must have the same element type.
func (t Tensor) LayerNorm(weight, bias Tensor, eps float64) Tensor {
	return layerNorm.one(in(t), ints(weight.Len()), in(weight), in(bias), num(eps), yes)
}

// ReLU is max(t, 0).
func (t Tensor) ReLU() Tensor { return relu.one(in(t)) }

// ReLUInto is ReLU in place.
func (t Tensor) ReLUInto() Tensor { return reluInto.one(in(t)) }

// ReLU6Into is min(max(t, 0), 6); it may overwrite t.
func (t Tensor) ReLU6Into() Tensor {
	if t.DType() == BFloat16 && t.OnCPU() {
		// libtorch 1.13 has no gradient of hardtanh for this type.
		return t.ReLUInto().ClampMax(6)
	}
	return hardTanhInto.one(in(t), num(0), num(6))
}

// GELU is t·Φ(t), with the normal distribution's Φ (Hendrycks and Gimpel 2016,
// https://arxiv.org/abs/1606.08415).
func (t Tensor) GELU() Tensor { return gelu.one(in(t)) }

// Dropout zeroes each element with the probability, from the device's random
// stream, and scales the others so that the expected value stays.
func (t Tensor) Dropout(probability float64) Tensor {
	return dropout.one(in(t), num(probability), yes)
}

// MaxPool2d takes the largest of each size×size window.
func (t Tensor) MaxPool2d(size, stride, padding int) Tensor {
	return maxPool2d.one(in(t), ints(size, size), ints(stride, stride), ints(padding, padding), ints(1, 1), no)
}

// AveragePool2d takes the mean of each size×size window, without padding; a
// window over the right or lower border is the mean of what lies inside.
func (t Tensor) AveragePool2d(size, stride int) Tensor {
	return meanPool2d.one(in(t), ints(size, size), ints(stride, stride), ints(0, 0), yes, no, none)
}

// GlobalAveragePool turns N×C×H×W into N×C.
func (t Tensor) GlobalAveragePool() Tensor {
	return avgPool.one(in(t), ints(1, 1)).Flatten(1)
}

// Softmax along dim.
func (t Tensor) Softmax(dim int) Tensor { return softmax.one(in(t), integer(dim), none) }

// LogSoftmax along dim.
func (t Tensor) LogSoftmax(dim int) Tensor { return logSoftmax.one(in(t), integer(dim), none) }
