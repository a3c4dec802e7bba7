package method

import (
	"math"
	"slices"
	"testing"

	"cone/internal/golden"
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

func termNames(terms []Term) (names []string) {
	for _, t := range terms {
		names = append(names, t.Name)
	}
	return names
}

// TestTermsBeginLate: each term of CoNe counts from its epoch on, with its
// figures, and every weight is a factor.
func TestTermsBeginLate(t *testing.T) {
	run(t, func() {
		c, free := testCoNe(t, tensor.Float64, tensor.Float64, 12)
		defer free()
		c.settings.CenterWeight, c.settings.NeighborFromEpoch, c.settings.ConsistencyFromEpoch = 0.3, 2, 3
		for epoch, want := range [][]string{
			{"cross_entropy"}, {"cross_entropy"}, {"cross_entropy", "neighbor"}, {"cross_entropy", "neighbor", "consistency"},
		} {
			s := Step{Epoch: epoch, Total: 10}
			loss := c.Loss(s, testBatch(tensor.Float64, 0, 4))
			c.AfterBackward(s)
			if got := termNames(loss.Terms); !slices.Equal(got, want) {
				t.Errorf("epoch %d has the terms %v, not %v", epoch, got, want)
			}
			figures := 2 * (len(want) - 1)
			if epoch > 0 {
				figures++ // the guards act after the warm-up
			}
			if got := len(loss.Figures); got != figures {
				t.Errorf("epoch %d has the figures %v", epoch, termNames(loss.Figures))
			}
			weights, sum := []float64{0.3, 0.7, 0.4}, 0.0
			if epoch == 0 {
				weights[0] = 1 // the warm-up is cross-entropy alone
			}
			for i, term := range loss.Terms {
				sum += weights[i] * term.Value.Item()
			}
			if math.Abs(sum-loss.Total.Item()) > 1e-12 {
				t.Errorf("epoch %d: the terms add up to %v, the total is %v", epoch, sum, loss.Total.Item())
			}
		}
	})
}

// TestFigures of a bank whose neighbours and targets are known.
func TestFigures(t *testing.T) {
	run(t, func() {
		bank := NewBank(4, 2, 2, tensor.Float64, tensor.CPU)
		defer bank.Free()
		bank.embedding.Value.CopyFrom(tensor.From([]float64{1, 0, 1, 0, 1, 0, -1, 0}, 4, 2))
		bank.label.Value.CopyFrom(tensor.From([]int64{0, 0, 1, 1}, 4))
		bank.probability.Value.CopyFrom(tensor.From([]float64{0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25}, 4, 2))
		o := objective{bank: bank, CoNe: recipe.CoNe{Neighbors: 3, NeighborTemperature: 0.1, ConsistencyTemperature: 0.1, Guards: true}}
		z := tensor.From([]float64{1, 0, 1, 0}, 2, 2)
		loss := o.losses(z, tensor.From([]float64{1, 2, 1, 30}, 2, 2), z, tensor.From([]int64{0, 0}, 2)).total()
		want := map[string]float64{
			"same_label_neighbors": 2. / 3, "neighbor_probability": 2. / 3,
			"target_entropy": -0.75*math.Log(0.75) - 0.25*math.Log(0.25), "target_distance": 0.25,
			"guarded_images": 0.5,
		}
		for _, f := range loss.Figures {
			if got := f.Value.Item(); math.Abs(got-want[f.Name]) > 1e-9 {
				t.Errorf("%s is %v, want %v", f.Name, got, want[f.Name])
			}
			delete(want, f.Name)
		}
		if len(want) > 0 {
			t.Errorf("there is no %v", want)
		}
	})
}

// TestTheKeyEncoderSeesTheSecondView of two, and the only one of one.
func TestTheKeyEncoderSeesTheSecondView(t *testing.T) {
	run(t, func() {
		first, second := testBatch(tensor.Float64, 0, 4), testBatch(tensor.Float64, 3, 4)
		written := func(views ...tensor.Tensor) []float64 {
			c, free := testCoNe(t, tensor.Float64, tensor.Float64, 4)
			defer free()
			golden.Fill(c.query.Tree)
			c.key.Tree.CopyFrom(c.query.Tree)
			c.Loss(Step{Total: 10}, Batch{Views: views, Labels: first.Labels, Indices: first.Indices})
			c.AfterBackward(Step{})
			return values(c.bank.probability.Value)
		}
		one, two, other := written(first.Views[0]), written(second.Views[0], first.Views[0]), written(first.Views[0], second.Views[0])
		if differ(two, one, 1e-12) >= 0 {
			t.Error("the keys of two views are not those of the second")
		}
		if differ(other, one, 1e-9) < 0 {
			t.Error("the views make no difference")
		}
	})
}

// besideEncoder has its head beside the classifier.
func besideEncoder(t *testing.T) *model.Encoder {
	t.Helper()
	e, err := model.NewEncoder(recipe.Model{
		Backbone: model.NarrowResNet, Stem: "small", Width: 4, Depth: 1,
		Head: recipe.Head{Layers: 1, Hidden: 8, Dim: 6, Placement: "beside"},
	}, testClasses, 1, tensor.Float64, tensor.CPU)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestJointClassifiersStopTheGradient: the classifier learns, and what it
// looks at is moved by the method's own loss alone.
func TestJointClassifiersStopTheGradient(t *testing.T) {
	run(t, func() {
		for name, build := range map[string]func(e *model.Encoder, joint bool) Method{
			"supcon": func(e *model.Encoder, joint bool) Method {
				return NewSupCon(e, setup(recipe.Method{SupCon: recipe.SupCon{Temperature: 0.1, BaseTemperature: 0.07, Joint: joint}}))
			},
			"triplet": func(e *model.Encoder, joint bool) Method {
				return NewTriplet(e, setup(recipe.Method{Triplet: recipe.Triplet{Mining: "batch-hard", Margin: 0.2, Normalize: true, Joint: joint}}))
			},
		} {
			e := besideEncoder(t)
			gradients := func(joint bool) map[string][]float64 {
				m := build(e, joint)
				b := testBatch(tensor.Float64, 0, 6)
				b.Views = []tensor.Tensor{images(0), images(1)}[:m.Views()]
				m.Loss(Step{}, b).Total.Backward()
				out := map[string][]float64{}
				for _, p := range e.Tree.Parameters() {
					if g := p.Value.Grad(); g.Defined() {
						out[p.Name] = values(g)
					}
					p.Value.ClearGrad()
				}
				return out
			}
			alone, with := gradients(false), gradients(true)
			if len(alone["fc.weight"]) > 0 || len(with["fc.weight"]) == 0 {
				t.Errorf("%s: the classifier's gradient has %d values without and %d with joint training", name, len(alone["fc.weight"]), len(with["fc.weight"]))
			}
			for parameter, g := range alone {
				if differ(with[parameter], g, 1e-12) >= 0 {
					t.Errorf("%s: joint training changes the gradient of %s", name, parameter)
				}
			}
			e.Free()
		}
	})
}

func setup(m recipe.Method) Setup {
	return Setup{Method: m, Precision: Precision{tensor.Float64, tensor.CPU}, Classes: testClasses}
}

// images are the same at every call.
func images(seed int) tensor.Tensor {
	x := make([]float64, 6*testSide*testSide)
	for i := range x {
		x[i] = math.Sin(float64(i*i + seed))
	}
	return tensor.From(x, 6, 1, testSide, testSide)
}

// TestChance is the loss of embeddings that are all the same.
func TestChance(t *testing.T) {
	run(t, func() {
		m := SupCon{settings: recipe.SupCon{Temperature: 0.1, BaseTemperature: 0.07}}
		z := normalize(tensor.Full(1, tensor.Float64, tensor.CPU, 16, 4))
		loss := m.loss(z, tensor.From([]int64{0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2, 3, 4}, 16)).Item()
		if want := math.Log(15) * 0.1 / 0.07; math.Abs(loss-want) > 1e-12 {
			t.Errorf("the loss is %v, want %v", loss, want)
		}
		const want = "the contrastive loss of chance is ln(15)·0.1/0.07 = 3.8686: training has begun once it falls below"
		if got := m.Notes(8); len(got) != 1 || got[0] != want {
			t.Errorf("the notes are %q", got)
		}
	})
}

// TestAngularEncoders: what is evaluated is the margin's logits with a margin
// of nothing, whatever the lengths.
func TestAngularEncoders(t *testing.T) {
	run(t, func() {
		for kind, none := range map[string]float64{"large-margin": 1, "cosface": 0, "arcface": 0} {
			s := setup(recipe.Method{Margin: recipe.Margin{Kind: kind, Margin: none, Scale: 7}})
			e, err := model.NewAngularEncoder(recipe.Model{
				Backbone: model.NarrowResNet, Stem: "small", Width: 4, Depth: 1,
				Head: recipe.Head{Layers: 1, Hidden: 8, Dim: 6},
			}, testClasses, 1, AngularScale(s.Margin), tensor.Float64, tensor.CPU)
			if err != nil {
				t.Fatal(err)
			}
			b := testBatch(tensor.Float64, 0, 6)
			m := NewMargin(e, s)
			o := s.Precision.Forward(e, b.Views[0], true)
			got := values(m.logits(o.Embedding, e.ClassWeights(), b.Labels, 0))
			if at := differ(got, values(o.Logits), 1e-12); at >= 0 {
				t.Errorf("%s: logit %d is %v in training and %v in evaluation", kind, at, got[at], values(o.Logits)[at])
			}
			if e.Tree.Get("fc.bias") != nil || !e.Angular() {
				t.Errorf("%s: the classifier has a bias", kind)
			}
			e.Free()
		}
	})
}
