package nn

import "cone/tensor"

// DropPath zeroes, in training, whole pictures of a residual branch N×… with a
// probability, and scales the others so that the expected value stays ("Deep
// Networks with Stochastic Depth", Huang et al. 2016,
// https://arxiv.org/abs/1603.09382). It is torchvision's StochasticDepth in
// row mode and timm's DropPath.
func DropPath(branch tensor.Tensor, probability float64, training bool) tensor.Tensor {
	if !training || probability == 0 {
		return branch
	}
	shape := branch.Shape()
	for i := range shape[1:] {
		shape[i+1] = 1
	}
	keep := 1 - probability
	return branch.Mul(branch.NewEmpty(shape...).Bernoulli(keep).ScaleInto(1 / keep))
}

// DropPathRates are the probabilities of a network's residual blocks, growing
// by equal steps from 0 to the last one's: the linear rule of torchvision's
// ConvNeXt and Swin and of timm's ResNet and ViT.
func DropPathRates(last float64, blocks int) []float64 {
	rates := make([]float64, blocks)
	for i := range rates {
		rates[i] = last * float64(i) / float64(max(1, blocks-1))
	}
	return rates
}

// Dropout zeroes, in training, single values with a probability, and scales
// the others (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html).
func Dropout(x tensor.Tensor, probability float64, training bool) tensor.Tensor {
	if !training || probability == 0 {
		return x
	}
	return x.Dropout(probability)
}
