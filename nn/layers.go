package nn

import "cone/tensor"

// Conv2d is a square convolution.
type Conv2d struct {
	Weight          *Entry // O×I/groups×size×size, channels_last
	Bias            *Entry // O, or nil
	Stride, Padding int

	size, groups int
	cost         *Cost
}

// NewConv2d has one group, no bias and starts as torchvision's ResNet unless
// the options say otherwise: Kaiming normal, fan-out (He et al. 2015,
// https://arxiv.org/abs/1502.01852).
func NewConv2d(p Path, in, out, size, stride, padding int, opts ...Option) *Conv2d {
	o := options{groups: 1, init: KaimingFanOut}.with(opts)
	c := &Conv2d{Stride: stride, Padding: padding, size: size, groups: o.groups, cost: p.cost()}
	fanIn, fanOut := in/o.groups*size*size, out*size*size
	c.Weight = p.Parameter("weight", func() tensor.Tensor {
		weight := p.Empty(out, in/o.groups, size, size)
		o.init.weight(weight, fanIn, fanOut)
		return weight.ChannelsLast()
	})
	if o.bias {
		c.Bias = p.Parameter("bias", func() tensor.Tensor { return o.init.startBias(p.Empty(out), fanIn) })
	}
	return c
}

// Forward maps N×I×H×W to N×O×H'×W'.
func (c *Conv2d) Forward(x tensor.Tensor) tensor.Tensor {
	shape := x.Shape()
	plain := c.groups == 1 && c.Bias == nil
	if taps, ok := c.denseTaps(shape[2], shape[3]); ok && plain && c.cost == nil && !tensor.Listening() {
		return c.forwardDense(x, shape, taps)
	}
	var y tensor.Tensor
	if plain {
		y = x.Conv2d(c.Weight.Value, c.Stride, c.Padding)
	} else {
		y = x.GroupedConv2d(c.Weight.Value, c.Bias.value(), c.Stride, c.Padding, c.groups)
	}
	c.cost.add(y, shape[1]/c.groups*c.size*c.size)
	return y
}

// Linear is a fully connected layer.
type Linear struct {
	Weight *Entry // O×I
	Bias   *Entry // O, or nil

	cost *Cost
}

// NewLinear has a bias and starts as torch.nn.Linear unless the options say
// otherwise: both uniform in ±1/√I.
func NewLinear(p Path, in, out int, opts ...Option) *Linear {
	o := options{bias: true, init: UniformFanIn}.with(opts)
	l := &Linear{cost: p.cost()}
	l.Weight = p.Parameter("weight", func() tensor.Tensor {
		weight := p.Empty(out, in)
		o.init.weight(weight, in, out)
		return weight
	})
	if o.bias {
		l.Bias = p.Parameter("bias", func() tensor.Tensor { return o.init.startBias(p.Empty(out), in) })
	}
	return l
}

// Forward maps N×…×I to N×…×O.
func (l *Linear) Forward(x tensor.Tensor) tensor.Tensor {
	y := x.Linear(l.Weight.Value, l.Bias.value())
	if l.cost != nil {
		l.cost.add(y, l.Weight.Value.Dim(1))
	}
	return y
}

// BatchNorm normalises each channel (Ioffe and Szegedy 2015,
// https://arxiv.org/abs/1502.03167) of N×C or N×C×H×W.
type BatchNorm struct {
	Weight, Bias, RunningMean, RunningVar, Batches *Entry

	tree *Tree
}

// Synchronizer is batch norm in training over the images of several processes,
// with the arguments of tensor.Tensor.BatchNorm.
type Synchronizer interface {
	BatchNorm(x, weight, bias, runningMean, runningVar tensor.Tensor, momentum, eps float64) tensor.Tensor
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
		tree:        p.tree,
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
		if all := b.tree.synchronizer; all != nil {
			return all.BatchNorm(x, b.Weight.Value, b.Bias.Value, b.RunningMean.Value, b.RunningVar.Value,
				batchNormMomentum, batchNormEps)
		}
	}
	return x.BatchNorm(b.Weight.Value, b.Bias.Value, b.RunningMean.Value, b.RunningVar.Value,
		training, batchNormMomentum, batchNormEps)
}

// ZeroWeight makes a fresh layer answer its bias, 0, whatever it sees. Where it
// ends a residual branch, the block starts as the identity ("Accurate, Large
// Minibatch SGD", Goyal et al. 2017, §5.1, https://arxiv.org/abs/1706.02677).
func (b *BatchNorm) ZeroWeight() {
	tensor.NoGrad(func() { b.Weight.Value.Zero() })
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
