package tensor

// The adaptive optimizers' steps composed of libtorch's list operators, for
// devices without operators of our own. None of them waits for the device but
// the norm.
var (
	eachAddScalar = schema("aten::_foreach_add_.Scalar")
	eachAddcmul   = schema("aten::_foreach_addcmul_.Scalar")
	eachAddcdiv   = schema("aten::_foreach_addcdiv_.Scalar")
)

// scaleAll multiplies every tensor in place.
func scaleAll(tensors []Tensor, by float64) {
	if by != 1 {
		eachMul.do(list(tensors), num(by))
	}
}

// moments moves Adam's means and squares and returns √v̂ + ε.
func moments(gradients, means, squares []Tensor, s AdamSettings) (denominators []Tensor) {
	scaleAll(gradients, s.GradientScale)
	eachMul.do(list(means), num(s.Beta1))
	eachAdd.do(list(means), list(gradients), num(1-s.Beta1))
	eachMul.do(list(squares), num(s.Beta2))
	eachAddcmul.do(list(squares), list(gradients), list(gradients), num(1-s.Beta2))
	_, second := s.corrections()
	denominators = each(squares, Tensor.Sqrt)
	eachMul.do(list(denominators), num(second))
	eachAddScalar.do(list(denominators), num(s.Epsilon))
	return denominators
}

// composedL2Norm waits for the device once, however many tensors there are. Sums in float64.
func composedL2Norm(tensors []Tensor) (length float64) {
	Scope(func() {
		norms := each(tensors, func(t Tensor) Tensor { return norm.one(in(t), num(2), none, no, dtype(Float64)).View(1) })
		length = Cat(norms, 0).Norm().Item()
	})
	return length
}

func each(tensors []Tensor, f func(Tensor) Tensor) []Tensor {
	out := make([]Tensor, len(tensors))
	for i, t := range tensors {
		out[i] = f(t)
	}
	return out
}

func composedAdamW(parameters, gradients, means, squares []Tensor, s AdamSettings) {
	Scope(func() {
		first, _ := s.corrections()
		denominators := moments(gradients, means, squares, s)
		scaleAll(parameters, 1-s.Rate*s.WeightDecay)
		eachAddcdiv.do(list(parameters), list(means), list(denominators), num(-s.Rate*first))
	})
}

func composedLAMB(parameters, gradients, means, squares []Tensor, s AdamSettings, t TrustSettings) {
	Scope(func() {
		first, _ := s.corrections()
		denominators := moments(gradients, means, squares, s)
		// The update takes the gradient's place.
		eachMul.do(list(gradients), num(0))
		eachAddcdiv.do(list(gradients), list(means), list(denominators), num(first))
		if s.WeightDecay != 0 {
			eachAdd.do(list(gradients), list(parameters), num(s.WeightDecay))
		}
		if t.Adapt {
			for i, u := range gradients {
				weight, update := parameters[i].Norm(), u.Norm()
				ratio := trusted(weight.Div(update), weight, update)
				if t.Clip {
					ratio = ratio.ClampMax(1)
				}
				u.MulInto(ratio)
			}
		}
		eachAdd.do(list(parameters), list(gradients), num(-s.Rate))
	})
}

func composedLARS(parameters, gradients, momenta []Tensor, s SGDSettings, t TrustSettings) {
	Scope(func() {
		scaleAll(gradients, s.GradientScale)
		for i, g := range gradients {
			p := parameters[i]
			weight, slope := p.Norm(), g.Norm()
			g.AddInto(p, s.WeightDecay)
			if !t.Adapt {
				continue
			}
			denominator := slope.AddScaled(weight, s.WeightDecay).AddNumber(t.Epsilon)
			ratio := trusted(weight.Scale(t.Coefficient).Div(denominator), weight, slope)
			if t.Clip {
				ratio = ratio.Scale(1 / s.Rate).ClampMax(1)
			}
			g.MulInto(ratio)
		}
		SGDInto(parameters, gradients, momenta, SGDSettings{
			Rate: s.Rate, Momentum: s.Momentum, Nesterov: s.Nesterov, GradientScale: 1,
		})
	})
}

// trusted is the ratio, or 1 where one of the norms is 0.
func trusted(ratio, a, b Tensor) Tensor {
	return a.Greater(0).And(b.Greater(0)).Where(ratio, ratio.OnesLike())
}

func composedRMSprop(parameters, gradients, squares, means, momenta []Tensor, s RMSpropSettings) {
	Scope(func() {
		scaleAll(gradients, s.GradientScale)
		if s.WeightDecay != 0 {
			eachAdd.do(list(gradients), list(parameters), num(s.WeightDecay))
		}
		eachMul.do(list(squares), num(s.Alpha))
		eachAddcmul.do(list(squares), list(gradients), list(gradients), num(1-s.Alpha))
		variances := each(squares, Tensor.Clone)
		if len(means) > 0 {
			eachMul.do(list(means), num(s.Alpha))
			eachAdd.do(list(means), list(gradients), num(1-s.Alpha))
			eachAddcmul.do(list(variances), list(means), list(means), num(-1))
			variances = each(variances, func(v Tensor) Tensor { return v.ClampMin(0) })
		}
		var denominators []Tensor
		if s.TensorFlow {
			eachAddScalar.do(list(variances), num(s.Epsilon))
			denominators = each(variances, Tensor.Sqrt)
		} else {
			denominators = each(variances, Tensor.Sqrt)
			eachAddScalar.do(list(denominators), num(s.Epsilon))
		}
		before, after := 1.0, s.Rate
		if s.TensorFlow {
			before, after = s.Rate, 1
		}
		if len(momenta) == 0 {
			eachAddcdiv.do(list(parameters), list(gradients), list(denominators), num(-s.Rate))
			return
		}
		eachMul.do(list(momenta), num(s.Momentum))
		eachAddcdiv.do(list(momenta), list(gradients), list(denominators), num(before))
		eachAdd.do(list(parameters), list(momenta), num(-after))
	})
}
