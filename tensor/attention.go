package tensor

import (
	"math"
	"sync"
)

var (
	fusedAttention    = schema("aten::scaled_dot_product_attention")
	hasFusedAttention = sync.OnceValue(fusedAttention.exists)
)

// Attention is softmax(q·kᵀ/√d + bias)·v ("Attention Is All You Need",
// Vaswani et al. 2017, Eq. 1, https://arxiv.org/abs/1706.03762) for q, k and v
// of …×T×d. The bias, which may be undefined, is added with broadcasting.
// Without one, libtorch 2 has an operator that never writes down the T×T
// products.
func Attention(q, k, v, bias Tensor) Tensor {
	if !bias.Defined() && hasFusedAttention() && !Listening() {
		return fusedAttention.one(in(q), in(k), in(v))
	}
	scores := q.Scale(1 / math.Sqrt(float64(q.Dim(-1)))).MatMul(k.Transpose(-2, -1))
	if bias.Defined() {
		scores = scores.Add(bias)
	}
	return scores.Softmax(-1).MatMul(v)
}
