package nn

import (
	"math"

	"cone/tensor"
)

// Init fills the fresh weights of a layer, in place, and its bias if it has one.
type Init struct {
	weight func(w tensor.Tensor, fanIn, fanOut int)
	bias   func(b tensor.Tensor, fanIn int)
}

func (i Init) startBias(b tensor.Tensor, fanIn int) tensor.Tensor {
	i.bias(b, fanIn)
	return b
}

var (
	// KaimingFanOut is normal with the variance 2/fan-out, biases 0 (He et al.
	// 2015, https://arxiv.org/abs/1502.01852).
	KaimingFanOut = Init{
		func(w tensor.Tensor, _, fanOut int) { w.Normal(0, math.Sqrt(2/float64(fanOut))) },
		zero,
	}
	// UniformFanIn is what torch.nn's layers start from: weights and biases
	// uniform in ±1/√fan-in.
	UniformFanIn = Init{
		func(w tensor.Tensor, fanIn, _ int) { uniform(w, fanIn) },
		uniform,
	}
)

// Normal is normal around 0 with a deviation, biases 0. It also stands for
// torch's trunc_normal_ with its usual bounds of ±2, a hundred of the usual
// deviations of 0.02 away.
func Normal(deviation float64) Init {
	return Init{func(w tensor.Tensor, _, _ int) { w.Normal(0, deviation) }, zero}
}

func zero(b tensor.Tensor, _ int) { b.Zero() }

func uniform(t tensor.Tensor, fanIn int) {
	bound := 1 / math.Sqrt(float64(fanIn))
	t.Uniform(-bound, bound)
}

// Option changes a convolution or a linear layer.
type Option func(*options)

type options struct {
	groups int
	bias   bool
	init   Init
}

func (o options) with(opts []Option) options {
	for _, f := range opts {
		f(&o)
	}
	return o
}

// Groups splits a convolution's channels: each group of outputs sees one
// group of inputs.
func Groups(n int) Option { return func(o *options) { o.groups = n } }

// Bias says whether the layer adds a learnt number to each output.
func Bias(on bool) Option { return func(o *options) { o.bias = on } }

// Start says what the layer's weights start from.
func Start(i Init) Option { return func(o *options) { o.init = i } }
