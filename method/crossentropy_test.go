package method

import (
	"math"
	"testing"

	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// TestMixedCrossEntropy compares with soft targets written out: smoothing and
// mixing are both linear in the target.
func TestMixedCrossEntropy(t *testing.T) {
	const n, classes, smoothing = 3, 4, 0.2
	labels, partners := []int64{0, 3, 1}, []int64{1, 3, 2}
	shares := []float64{0.75, 0.5, 1}
	run(t, func() {
		encoder, err := model.NewEncoder(recipe.Model{
			Backbone: "resnet-narrow", Stem: "small", Width: 4, Depth: 1, Head: recipe.Head{Layers: 1, Hidden: 8, Dim: 4},
		}, classes, 1, tensor.Float64, tensor.CPU)
		if err != nil {
			t.Fatal(err)
		}
		defer encoder.Free()
		pixels := make([]float64, n*8*8)
		for i := range pixels {
			pixels[i] = math.Sin(float64(i * i))
		}
		precision := Precision{Compute: tensor.Float64, Device: tensor.CPU}
		c := NewCrossEntropy(encoder, Setup{Precision: precision, Method: recipe.Method{LabelSmoothing: smoothing}})
		batch := Batch{
			Views:    []tensor.Tensor{tensor.From(pixels, n, 1, 8, 8)},
			Labels:   tensor.From(labels, n),
			Partners: tensor.From(partners, n),
			Shares:   tensor.From(shares, n),
		}
		got := c.Loss(Step{}, batch).Total.Item()

		logits := precision.Forward(encoder, batch.Views[0], true).Logits
		values := tensor.To[float64](logits.Detach())
		want := 0.0
		for i := range n {
			logp := logSoftmax(values[i*classes : (i+1)*classes])
			for class := range classes {
				target := smoothing / (classes - 1)
				for _, part := range []struct {
					label int64
					share float64
				}{{labels[i], shares[i]}, {partners[i], 1 - shares[i]}} {
					if int(part.label) == class {
						target += part.share * (1 - smoothing - smoothing/(classes-1))
					}
				}
				want -= target * logp[class] / n
			}
		}
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("the loss is %v, want %v", got, want)
		}
		// Shares of 1 are no mixing.
		whole := batch
		whole.Shares = tensor.From([]float64{1, 1, 1}, n)
		plain := Batch{Views: batch.Views, Labels: batch.Labels}
		if a, b := c.Loss(Step{}, whole).Total.Item(), c.Loss(Step{}, plain).Total.Item(); math.Abs(a-b) > 1e-12 {
			t.Errorf("shares of 1 give %v, no mixing %v", a, b)
		}
	})
}
