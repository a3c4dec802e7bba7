package tensor

var (
	conv2d     = schema("aten::conv2d")
	linear     = schema("aten::linear")
	batchNorm  = schema("aten::batch_norm")
	relu       = schema("aten::relu")
	reluInto   = schema("aten::relu_")
	maxPool2d  = schema("aten::max_pool2d")
	avgPool    = schema("aten::adaptive_avg_pool2d")
	softmax    = schema("aten::softmax.int")
	logSoftmax = schema("aten::log_softmax.int")
)

// Conv2d convolves N×C×H×W with a weight O×C×h×w, no bias.
func (t Tensor) Conv2d(weight Tensor, stride, padding int) Tensor {
	return conv2d.one(in(t), in(weight), none, ints(stride, stride), ints(padding, padding), ints(1, 1), integer(1))
}

// Linear is t·weightᵀ + bias, for N×I and O×I; bias may be undefined.
func (t Tensor) Linear(weight, bias Tensor) Tensor { return linear.one(in(t), in(weight), in(bias)) }

// BatchNorm normalises each channel (dimension 1). In training it uses the
// batch's statistics and moves the running ones towards them by momentum.
func (t Tensor) BatchNorm(weight, bias, runningMean, runningVar Tensor, training bool, momentum, eps float64) Tensor {
	return batchNorm.one(in(t), in(weight), in(bias), in(runningMean), in(runningVar), flag(training), num(momentum), num(eps), no)
}

// ReLU is max(t, 0).
func (t Tensor) ReLU() Tensor { return relu.one(in(t)) }

// ReLUInto is ReLU in place.
func (t Tensor) ReLUInto() Tensor { return reluInto.one(in(t)) }

// MaxPool2d takes the largest of each size×size window.
func (t Tensor) MaxPool2d(size, stride, padding int) Tensor {
	return maxPool2d.one(in(t), ints(size, size), ints(stride, stride), ints(padding, padding), ints(1, 1), no)
}

// GlobalAveragePool turns N×C×H×W into N×C.
func (t Tensor) GlobalAveragePool() Tensor {
	return avgPool.one(in(t), ints(1, 1)).Flatten(1)
}

// Softmax along dim.
func (t Tensor) Softmax(dim int) Tensor { return softmax.one(in(t), integer(dim), none) }

// LogSoftmax along dim.
func (t Tensor) LogSoftmax(dim int) Tensor { return logSoftmax.one(in(t), integer(dim), none) }
