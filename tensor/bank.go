package tensor

var (
	nearest    = schema("cone::nearest")
	softLookup = schema("cone::soft_lookup")
)

// Nearest finds, for each row of z (N×D), the k entries of the bank (K×D)
// with the largest dot product: N×k similarities, through which a gradient
// reaches z but not the bank, and their places in the bank, both in no
// promised order.
func Nearest(z, bank Tensor, k int) (similarity, index Tensor) {
	if z.OnCPU() {
		return nearest.two(in(z), in(bank), integer(k))
	}
	n, dim := z.Dim(0), z.Dim(1)
	NoGrad(func() {
		index = ScopeOf(func() Tensor {
			_, i := z.Linear(bank, Tensor{}).TopK(k, false)
			return i
		})
	})
	neighbors := bank.IndexSelect(0, index.View(n*k)).View(n, k, dim)
	return neighbors.BatchMatMul(z.Unsqueeze(2)).Squeeze(2), index
}

// SoftLookup is softmax(z·bankᵀ/temperature)·values for z N×D, a bank K×D and
// values K×C: N×C, without a gradient.
func SoftLookup(z, bank, values Tensor, temperature float64) (out Tensor) {
	NoGrad(func() {
		if z.OnCPU() {
			out = softLookup.one(in(z), in(bank), in(values), num(temperature))
			return
		}
		out = ScopeOf(func() Tensor {
			return z.Linear(bank, Tensor{}).ScaleInto(1 / temperature).Softmax(1).MatMul(values)
		})
	})
	return out
}
