package method

import (
	"math"
	"strings"
	"testing"

	"cone/internal/golden"
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

// TestEveryFamilyTrains takes two steps of CoNe and of cross-entropy in
// bfloat16 with one network of each kind, branches and values dropped, and the
// optimizer's own operators: losses stay finite and weights move.
func TestEveryFamilyTrains(t *testing.T) {
	for _, name := range []string{
		"resnet18d", "resnext50_32x4d", "wrn-28-10", "mobilenet_v2", "convnext_tiny", "vit_small_patch16", "swin_t",
	} {
		for _, objective := range []string{"cone", "cross-entropy"} {
			t.Run(name+" "+objective, func(t *testing.T) {
				if err := tensor.Run(func() error { trainTwice(t, name, objective); return nil }); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func trainTwice(t *testing.T, name, objective string) {
	const side, n, classes = 32, 4, 3
	tensor.Seed(2)
	m, _, _, err := model.Usual(name)
	if err != nil {
		t.Fatal(err)
	}
	m.Head = recipe.Head{Layers: 1, Hidden: 8, Dim: 6}
	m.DropPath, m.Dropout = 0.1, 0.1
	if m.ImageSize > 0 {
		m.ImageSize = side
	}
	encoder := func() *model.Encoder {
		e, err := model.NewEncoder(m, classes, 3, tensor.Float32, tensor.CPU)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	settings := recipe.Default().Method
	settings.Name, settings.LabelSmoothing = objective, 0.1
	settings.CoNe.BankSize, settings.CoNe.Neighbors, settings.CoNe.WarmupEpochs = 2*n, 4, 0
	method, err := New(encoder(), func() (*model.Encoder, error) { return encoder(), nil },
		Setup{Method: settings, Precision: Precision{tensor.BFloat16, tensor.CPU}, Classes: classes})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, e := range method.State() {
			e.Value.Free()
		}
	}()
	var weights, momenta, before []tensor.Tensor
	for _, e := range method.Encoder().Tree.Parameters() {
		weights = append(weights, e.Value)
		momenta = append(momenta, e.Value.Detach().ZerosLike())
		before = append(before, e.Value.Detach().Clone())
	}
	for step := range 2 {
		tensor.Scope(func() {
			at := Step{Epoch: 0, Number: step, Total: 2}
			method.BeforeStep(at)
			loss := method.Loss(at, Batch{
				Views:   []tensor.Tensor{tensor.Empty(tensor.Float32, tensor.CPU, n, 3, side, side).Normal(0, 1).ChannelsLast()},
				Labels:  tensor.From(golden.Integers("labels", n, classes), n),
				Indices: tensor.Arange(0, n, tensor.CPU),
			})
			loss.Total.Backward()
			method.AfterBackward(at)
			var gradients []tensor.Tensor
			for _, w := range weights {
				gradients = append(gradients, w.Grad())
			}
			l, norm := loss.Total.Item(), tensor.L2Norm(gradients)
			if bad := math.IsNaN(l+norm) || math.IsInf(l+norm, 0); bad || norm == 0 {
				t.Fatalf("step %d: loss %v, gradient %v", step, l, norm)
			}
			tensor.NoGrad(func() {
				tensor.SGDInto(weights, gradients, momenta, tensor.SGDSettings{Rate: 0.01, Momentum: 0.9, WeightDecay: 1e-4, GradientScale: 1})
			})
			for _, w := range weights {
				w.ClearGrad()
			}
		})
	}
	tensor.NoGrad(func() {
		for i, e := range method.Encoder().Tree.Parameters() {
			// A norm's weight starts at 1, so decay alone would move it.
			if d := e.Value.Sub(before[i]).Abs().Sum().Item(); d == 0 && strings.HasSuffix(e.Name, "weight") {
				t.Errorf("%s did not move", e.Name)
			}
		}
	})
}
