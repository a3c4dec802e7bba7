package method

import (
	"slices"
	"testing"

	"cone/recipe"
	"cone/tensor"
)

// TestQueues: SupCon with a bank and PaCo write the key encoder's embeddings
// of the second views after the backward pass, and nothing else learns or
// leaks.
func TestQueues(t *testing.T) {
	run(t, func() {
		s := setup(recipe.Method{
			SupCon: recipe.SupCon{Temperature: 0.1, BaseTemperature: 0.07, BankSize: 8, KeyMomentum: 0.5, Joint: true},
			PaCo:   recipe.PaCo{Temperature: 0.2, SampleWeight: 0.05, CenterWeight: 1, BankSize: 8, KeyMomentum: 0.5},
		})
		for _, name := range []string{"supcon", "paco"} {
			query, key := testEncoder(t, tensor.Float64), testEncoder(t, tensor.Float64)
			var m interface {
				Method
				Bank() *Bank
			}
			if name == "supcon" {
				m = NewSupConQueue(query, key, s)
			} else {
				m = NewPaCo(query, key, s)
			}
			live := tensor.Live()
			tensor.Scope(func() {
				step := Step{Number: 0, Total: 10}
				m.BeforeStep(step)
				b := Batch{Views: []tensor.Tensor{images(0), images(1)}, Labels: tensor.From([]int64{0, 1, 2, 0, 1, 2}, 6), Indices: tensor.Arange(30, 36, tensor.CPU)}
				_, embedding := s.Precision.Encode(key, images(1), true)
				keys := values(normalize(embedding))
				m.Loss(step, b).Total.Backward()
				if got := tensor.To[int64](m.Bank().image.Value); slices.Max(got) != -1 {
					t.Errorf("%s: the bank changed before the backward pass: %v", name, got)
				}
				m.AfterBackward(step)
				if got := tensor.To[int64](m.Bank().image.Value); !slices.Equal(got, []int64{30, 31, 32, 33, 34, 35, -1, -1}) {
					t.Errorf("%s: images %v are in the bank", name, got)
				}
				if at := differ(values(m.Bank().embedding.Value)[:len(keys)], keys, 1e-12); at >= 0 {
					t.Errorf("%s: the bank does not hold the second views' keys", name)
				}
				for _, p := range query.Tree.Parameters() {
					if !p.Value.Grad().Defined() || key.Tree.Get(p.Name).Value.Grad().Defined() {
						t.Errorf("%s: %s has a gradient %v, in the key encoder %v", name, p.Name, p.Value.Grad().Defined(), key.Tree.Get(p.Name).Value.Grad().Defined())
					}
				}
			})
			if after := tensor.Live(); after != live {
				t.Errorf("%s: a step left %d tensors behind", name, after-live)
			}
			seen := map[string]bool{}
			for _, e := range m.State() {
				if seen[e.Name] {
					t.Errorf("%s: two entries are named %s", name, e.Name)
				}
				seen[e.Name] = true
			}
			if !seen["bank.embedding"] || seen["bank.probability"] || !seen["encoder_k.fc.weight"] || m.Views() != 2 {
				t.Errorf("%s: the state is incomplete, or has what nobody needs", name)
			}
			query.Free()
			key.Free()
			m.Bank().Free()
		}
	})
}
