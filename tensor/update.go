package tensor

// These walk over all weights of a network. On a CPU they are operators of
// our own, one pass over memory each; elsewhere they are composed of
// libtorch's list operators.
var (
	sgdInto     = schema("cone::sgd_")
	averageInto = schema("cone::average_")
	l2Norm      = schema("cone::l2_norm")

	eachMul = schema("aten::_foreach_mul_.Scalar")
	eachAdd = schema("aten::_foreach_add_.List")
)

// SGDSettings are the numbers of one SGD step.
type SGDSettings struct {
	Rate, Momentum, WeightDecay float64
	Nesterov                    bool
	// GradientScale multiplies every gradient first (clipping).
	GradientScale float64
}

// SGDInto does one step of stochastic gradient descent in place, as
// torch.optim.SGD: d = scale·g + decay·p; m = momentum·m + d; p −= rate·m, or
// rate·(d + momentum·m) with Nesterov. Momenta start at zero.
func SGDInto(parameters, gradients, momenta []Tensor, s SGDSettings) {
	if len(parameters) == 0 {
		return
	}
	if parameters[0].OnCPU() {
		sgdInto.do(list(parameters), list(gradients), list(momenta), num(s.Rate), num(s.Momentum),
			num(s.WeightDecay), flag(s.Nesterov), num(s.GradientScale))
		return
	}
	Scope(func() {
		if s.GradientScale != 1 {
			eachMul.do(list(gradients), num(s.GradientScale))
		}
		eachAdd.do(list(gradients), list(parameters), num(s.WeightDecay))
		eachMul.do(list(momenta), num(s.Momentum))
		eachAdd.do(list(momenta), list(gradients), num(1))
		if s.Nesterov {
			eachAdd.do(list(gradients), list(momenta), num(s.Momentum))
			eachAdd.do(list(parameters), list(gradients), num(-s.Rate))
			return
		}
		eachAdd.do(list(parameters), list(momenta), num(-s.Rate))
	})
}

// AverageInto moves averages towards values in place: a = keep·a + (1−keep)·v.
func AverageInto(averages, values []Tensor, keep float64) {
	if len(averages) == 0 {
		return
	}
	if averages[0].OnCPU() {
		averageInto.do(list(averages), list(values), num(keep))
		return
	}
	eachMul.do(list(averages), num(keep))
	eachAdd.do(list(averages), list(values), num(1-keep))
}

// L2Norm is the norm over all elements of all tensors together. On a GPU it
// waits for the device: a sync point.
func L2Norm(tensors []Tensor) float64 {
	if len(tensors) == 0 {
		return 0
	}
	if tensors[0].OnCPU() {
		return l2Norm.number(list(tensors))
	}
	return composedL2Norm(tensors)
}
