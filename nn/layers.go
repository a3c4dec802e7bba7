package nn

import (
	"math"

	"cone/tensor"
)

// Conv2d is a square convolution without bias.
type Conv2d struct {
	Weight          *Entry // O×I×size×size, channels_last
	Stride, Padding int

	size int
}

// NewConv2d initialises as torchvision's ResNet: Kaiming normal, fan-out
// (He et al. 2015, https://arxiv.org/abs/1502.01852).
func NewConv2d(p Path, in, out, size, stride, padding int) *Conv2d {
	weight := p.Parameter("weight", func() tensor.Tensor {
		deviation := math.Sqrt(2 / float64(out*size*size))
		return p.Empty(out, in, size, size).Normal(0, deviation).ChannelsLast()
	})
	return &Conv2d{weight, stride, padding, size}
}

// Forward maps N×I×H×W to N×O×H'×W'.
func (c *Conv2d) Forward(x tensor.Tensor) tensor.Tensor {
	shape := x.Shape()
	if taps, ok := c.denseTaps(shape[2], shape[3]); ok {
		return c.forwardDense(x, shape, taps)
	}
	return x.Conv2d(c.Weight.Value, c.Stride, c.Padding)
}

// Linear is a fully connected layer with bias.
type Linear struct {
	Weight *Entry // O×I
	Bias   *Entry // O
}

// NewLinear initialises as torch.nn.Linear: both uniform in ±1/√I.
func NewLinear(p Path, in, out int) *Linear {
	bound := 1 / math.Sqrt(float64(in))
	return &Linear{
		Weight: p.Parameter("weight", func() tensor.Tensor { return p.Empty(out, in).Uniform(-bound, bound) }),
		Bias:   p.Parameter("bias", func() tensor.Tensor { return p.Empty(out).Uniform(-bound, bound) }),
	}
}

// Forward maps N×I to N×O.
func (l *Linear) Forward(x tensor.Tensor) tensor.Tensor {
	return x.Linear(l.Weight.Value, l.Bias.Value)
}

// BatchNorm normalises each channel (Ioffe and Szegedy 2015,
// https://arxiv.org/abs/1502.03167) of N×C or N×C×H×W.
type BatchNorm struct {
	Weight, Bias, RunningMean, RunningVar, Batches *Entry
}

// The constants of torch.nn.BatchNorm.
const (
	batchNormMomentum = 0.1
	batchNormEps      = 1e-5
)

// NewBatchNorm starts with weight 1, bias 0, running mean 0 and variance 1.
func NewBatchNorm(p Path, channels int) *BatchNorm {
	zeros := func() tensor.Tensor { return p.Empty(channels).Zero() }
	ones := func() tensor.Tensor { return p.Empty(channels).Fill(1) }
	return &BatchNorm{
		Weight:      p.Parameter("weight", ones),
		Bias:        p.Parameter("bias", zeros),
		RunningMean: p.Buffer("running_mean", zeros),
		RunningVar:  p.Buffer("running_var", ones),
		Batches: p.Buffer("num_batches_tracked", func() tensor.Tensor {
			return tensor.Zeros(tensor.Int64, p.tree.Device)
		}),
	}
}

// Forward normalises; in training by the batch's own statistics, which also
// move the running ones, unless they are frozen.
func (b *BatchNorm) Forward(x tensor.Tensor, training bool) tensor.Tensor {
	training = training && !b.RunningMean.Frozen
	if training {
		b.count()
	}
	return x.BatchNorm(b.Weight.Value, b.Bias.Value, b.RunningMean.Value, b.RunningVar.Value,
		training, batchNormMomentum, batchNormEps)
}

// ForwardReLU is Forward, then ReLU.
func (b *BatchNorm) ForwardReLU(x tensor.Tensor, training bool) tensor.Tensor {
	return b.Forward(x, training).ReLUInto()
}

// ForwardAddReLU is ReLU(Forward(x) + shortcut): the end of a residual block.
func (b *BatchNorm) ForwardAddReLU(x, shortcut tensor.Tensor, training bool) tensor.Tensor {
	return b.Forward(x, training).Add(shortcut).ReLUInto()
}

// count follows torch's num_batches_tracked, which checkpoints carry.
func (b *BatchNorm) count() {
	tensor.NoGrad(func() { b.Batches.Value.AddNumberInto(1) })
}
