package method

import (
	"math"

	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// Margin is softmax with a margin at the label's class. Its classifier has no
// bias; what is evaluated are the logits without the margin.
//
//   - "Large-Margin Softmax Loss for Convolutional Neural Networks" (Liu et al.
//     2016, https://arxiv.org/abs/1612.02295),
//   - "CosFace" (Wang et al. 2018, https://arxiv.org/abs/1801.09414),
//   - "ArcFace" (Deng et al. 2018, https://arxiv.org/abs/1801.07698).
type Margin struct {
	single
	settings recipe.Margin
	targets  targets
}

// NewMargin trains an encoder with an angular classifier of the scale that
// AngularScale tells.
func NewMargin(e *model.Encoder, s Setup) *Margin {
	return &Margin{single{e, s.Precision}, s.Margin, s.targets()}
}

// AngularScale is the scale of the encoder's classifier: s, or 0 for
// large-margin softmax, which keeps all lengths.
func AngularScale(m recipe.Margin) float64 {
	if m.Kind == "large-margin" {
		return 0
	}
	return m.Scale
}

// Loss is the cross-entropy of the logits with the margin.
func (m *Margin) Loss(s Step, b Batch) Loss {
	features, embedding := m.precision.Encode(m.encoder, b.Views[0], true)
	logits := m.logits(m.encoder.ClassifierInput(features, embedding, true), m.encoder.ClassWeights(), b.Labels, s.Number)
	loss := m.targets.crossEntropy(logits.LogSoftmax(1), b.Labels, tensor.Tensor{})
	return Loss{Total: loss, Terms: []Term{{"cross_entropy", loss.Detach()}}}
}

// logits N×C of inputs N×D, class weights C×D and labels N at a step: those of
// the angular classifier, but for the label's.
func (m *Margin) logits(x, weights, labels tensor.Tensor, step int) tensor.Tensor {
	cosines := model.Cosines(x, weights)
	index := labels.Unsqueeze(1)
	cosine := cosines.Gather(1, index) // N×1
	own := labels.Unsqueeze(1).Equal(tensor.Arange(0, weights.Dim(0), m.precision.Device).Unsqueeze(0))
	switch m.settings.Kind {
	case "cosface":
		return own.Where(cosine.AddNumber(-m.settings.Margin), cosines).Scale(m.settings.Scale)
	case "arcface":
		return own.Where(addAngle(cosine, m.settings.Margin), cosines).Scale(m.settings.Scale)
	}
	lambda := m.lambda(step)
	blended := multiplyAngle(cosine, int(m.settings.Margin)).AddScaled(cosine, lambda).Scale(1 / (1 + lambda))
	lengths := x.NormDim(1).Mul(weights.IndexSelect(0, labels).NormDim(1)) // N×1
	return own.Where(blended.Mul(lengths), x.Linear(weights, tensor.Tensor{}))
}

// lambda is how much of the plain logit is left at a step.
func (m *Margin) lambda(step int) float64 {
	return max(m.settings.LambdaMin, m.settings.Lambda/(1+m.settings.LambdaDecay*float64(step)))
}

// almost keeps cosines off ±1, where the sine has no slope.
const almost = 1 - 1e-7

// addAngle is cos(θ + m) for θ up to π − m. Beyond, where it would rise again,
// it goes on as cos θ − m·sin m, as the authors of ArcFace have it.
func addAngle(cosine tensor.Tensor, m float64) tensor.Tensor {
	inside := cosine.Clamp(-almost, almost)
	sine := inside.Mul(inside).Neg().AddNumber(1).Sqrt()
	sum := cosine.Scale(math.Cos(m)).AddScaled(sine, -math.Sin(m))
	before := cosine.Detach().Greater(math.Cos(math.Pi - m))
	return before.Where(sum, cosine.AddNumber(-m*math.Sin(m)))
}

// multiplyAngle is ψ(θ) = (−1)^k·cos(mθ) − 2k on [kπ/m, (k+1)π/m]: it falls all
// the way from θ = 0 to π.
func multiplyAngle(cosine tensor.Tensor, m int) tensor.Tensor {
	// cos(mθ) by Chebyshev's recurrence: T_{j+1} = 2·cos θ·T_j − T_{j−1}.
	before, multiple := cosine.OnesLike(), cosine
	for range m - 1 {
		before, multiple = multiple, cosine.Mul(multiple).Scale(2).Sub(before)
	}
	// k counts the bounds that θ has passed; each turns the sign.
	k, sign := cosine.Detach().ZerosLike(), cosine.Detach().OnesLike()
	for j := 1; j < m; j++ {
		within := cosine.Detach().Greater(math.Cos(float64(j) * math.Pi / float64(m)))
		k = k.Add(within.Not().ToDType(k.DType()))
		sign = within.Where(sign, sign.Neg())
	}
	return sign.Mul(multiple).AddScaled(k, -2)
}
