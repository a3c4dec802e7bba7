package nn

import (
	"math"
	"testing"

	"cone/tensor"
)

// TestDenseEqualsConvolution compares the matrix product with the convolution
// that it stands for, gradients included.
func TestDenseEqualsConvolution(t *testing.T) {
	dense := 0
	for _, c := range []struct{ height, width, stride int }{
		{1, 1, 1}, {2, 2, 1}, {2, 2, 2}, {1, 2, 1}, {2, 1, 2}, {1, 1, 2}, {3, 3, 1}, {1, 4, 1}, {4, 1, 1},
	} {
		err := tensor.Run(func() error {
			tree := NewTree(tensor.Float64, tensor.CPU)
			defer tree.Free()
			conv := NewConv2d(tree.Root(), 5, 7, 3, c.stride, 1)
			x := tensor.Empty(tensor.Float64, tensor.CPU, 3, 5, c.height, c.width).Normal(0, 1).ChannelsLast().SetRequiresGrad(true)
			taps, ok := conv.denseTaps(c.height, c.width)
			if ok {
				dense++
			}
			if small := c.height <= 2 && c.width <= 2; small != ok {
				t.Errorf("%v: done as a matrix product: %v", c, ok)
			}
			var results [2][][]float64
			for i := range results {
				var y tensor.Tensor
				switch {
				case i == 0:
					y = x.Conv2d(conv.Weight.Value, c.stride, 1)
				case ok:
					y = conv.forwardDense(x, x.Shape(), taps)
				default:
					y = conv.Forward(x)
				}
				y.Mul(y).Sum().Backward()
				for _, r := range []tensor.Tensor{y, x.Grad(), conv.Weight.Value.Grad()} {
					results[i] = append(results[i], tensor.To[float64](r.Detach()))
				}
				x.ClearGrad()
				conv.Weight.Value.ClearGrad()
			}
			for r := range results[0] {
				for i, want := range results[0][r] {
					if got := results[1][r][i]; math.Abs(got-want) > 1e-10 {
						t.Errorf("%v: result %d[%d] is %v, want %v", c, r, i, got, want)
						return nil
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if dense != 6 {
		t.Errorf("%d of the shapes were matrix products", dense)
	}
}
