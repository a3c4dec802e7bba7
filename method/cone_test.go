package method

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cone/internal/golden"
	"cone/model"
	"cone/recipe"
	"cone/tensor"
)

const (
	testClasses = 5
	testSide    = 6
)

func testEncoder(t *testing.T, d tensor.DType) *model.Encoder {
	t.Helper()
	e, err := model.NewEncoder(recipe.Model{
		Backbone: model.NarrowResNet, Stem: "small", Width: 4, Depth: 1,
		Head: recipe.Head{Layers: 1, Hidden: 8, Dim: 6},
	}, testClasses, 1, d, tensor.CPU)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// testCoNe is CoNe with small encoders and a bank of K entries.
func testCoNe(t *testing.T, d, compute tensor.DType, size int) (c *CoNe, free func()) {
	t.Helper()
	query, key := testEncoder(t, d), testEncoder(t, d)
	c = NewCoNe(query, key, Setup{Precision: Precision{compute, tensor.CPU}, Classes: testClasses, Method: recipe.Method{CoNe: recipe.CoNe{
		BankSize: size, Neighbors: 4, NeighborTemperature: 0.1, ConsistencyTemperature: 0.07,
		CenterWeight: 1, NeighborWeight: 0.7, ConsistencyWeight: 0.4, KeyMomentum: 0.9, WarmupEpochs: 1, Views: 1, Guards: true,
	}}})
	golden.FillBank("test", size, query.Dim(), testClasses, func(embedding, probability, label tensor.Tensor) {
		c.bank.embedding.Value.CopyFrom(embedding)
		c.bank.probability.Value.CopyFrom(probability)
		c.bank.label.Value.CopyFrom(label)
	})
	return c, func() {
		query.Free()
		key.Free()
		c.bank.Free()
	}
}

// testBatch holds n images whose indices count from first.
func testBatch(d tensor.DType, first, n int) Batch {
	return Batch{
		Views:   []tensor.Tensor{tensor.Zeros(d, tensor.CPU, n, 1, testSide, testSide).Normal(float64(first), 1)},
		Labels:  tensor.From(golden.Integers("labels", n, testClasses), n),
		Indices: tensor.Arange(first, first+n, tensor.CPU),
	}
}

func TestKeyMomentum(t *testing.T) {
	for _, c := range []struct {
		m0       float64
		t, total int
		want     float64
	}{
		{0.996, 0, 100, 0.996},
		{0.996, 50, 100, 0.998},
		{0.996, 100, 100, 1},
		{0.99, 25, 100, 1 - 0.01*(math.Sqrt2/2+1)/2},
		{0, 0, 10, 0},
		{0, 5, 10, 0.5},
		{0.9961, 0, 100, 0.9961}, // constant above 0.996
		{0.9961, 99, 100, 0.9961},
		{1, 7, 100, 1},
	} {
		if got := KeyMomentum(c.m0, c.t, c.total); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("m₀ %v at step %d of %d: %v, want %v", c.m0, c.t, c.total, got, c.want)
		}
	}
}

// TestAccumulatedPartsAreAllWritten: the bank stays as it is while gradients
// need it, and takes the keys of every part, in order, after the last.
func TestAccumulatedPartsAreAllWritten(t *testing.T) {
	run(t, func() {
		c, free := testCoNe(t, tensor.Float64, tensor.Float64, 10)
		defer free()
		s := Step{Epoch: 1, Number: 3, Total: 10}
		before := tensor.To[float64](c.bank.embedding.Value)
		live := tensor.Live()
		var labels []int64
		tensor.Scope(func() {
			c.BeforeStep(s)
			for part := range 3 {
				tensor.Scope(func() { // parts are freed before the bank is written
					b := testBatch(tensor.Float64, 100+2*part, 2)
					labels = append(labels, tensor.To[int64](b.Labels)...)
					c.Loss(s, b).Total.Backward()
				})
				if !slices.Equal(tensor.To[float64](c.bank.embedding.Value), before) {
					t.Errorf("part %d changed the bank before AfterBackward", part)
				}
			}
			c.AfterBackward(s)
		})
		if after := tensor.Live(); after != live {
			t.Errorf("a step left %d tensors behind", after-live)
		}
		if got, want := tensor.To[int64](c.bank.image.Value), []int64{100, 101, 102, 103, 104, 105, -1, -1, -1, -1}; !slices.Equal(got, want) {
			t.Errorf("images in the bank %v, want %v", got, want)
		}
		if got := tensor.To[int64](c.bank.label.Value)[:6]; !slices.Equal(got, labels) {
			t.Errorf("labels in the bank %v, want %v", got, labels)
		}
		after := tensor.To[float64](c.bank.embedding.Value)
		if !slices.Equal(after[6*6:], before[6*6:]) {
			t.Error("slots changed that were not written")
		}
		for i := range 6 {
			if row := after[6*i : 6*i+6]; math.Abs(dot(row, row)-1) > 1e-12 || slices.Equal(row, before[6*i:6*i+6]) {
				t.Errorf("slot %d holds %v", i, row)
			}
			if p := tensor.To[float64](c.bank.probability.Value.Select(0, i).Sum().View(1))[0]; math.Abs(p-1) > 1e-12 {
				t.Errorf("the probabilities of slot %d add up to %v", i, p)
			}
		}
		c.AfterBackward(s) // nothing is pending any more
		if got := c.bank.position.Value.Item(); got != 6 {
			t.Errorf("the position is %v, want 6", got)
		}
	})
}

// TestTermsAddUp: L = L_ce + α·L_nb + β·L_dc, in the first epoch L_ce alone
// with nobody left out.
func TestTermsAddUp(t *testing.T) {
	run(t, func() {
		c, free := testCoNe(t, tensor.Float64, tensor.Float64, 12)
		defer free()
		b := testBatch(tensor.Float64, 0, 4)
		for epoch, names := range [][]string{{"cross_entropy"}, {"cross_entropy", "neighbor", "consistency"}} {
			loss := c.Loss(Step{Epoch: epoch, Total: 10}, b)
			sum := 0.0
			var got []string
			for i, term := range loss.Terms {
				sum += []float64{1, 0.7, 0.4}[i] * term.Value.Item()
				got = append(got, term.Name)
				if term.Value.RequiresGrad() {
					t.Errorf("epoch %d: %s keeps its history", epoch, term.Name)
				}
			}
			if !slices.Equal(got, names) || math.Abs(sum-loss.Total.Item()) > 1e-12 {
				t.Errorf("epoch %d: terms %v add up to %v, the total is %v", epoch, got, sum, loss.Total.Item())
			}
			c.AfterBackward(Step{Epoch: epoch, Total: 10})
		}
		// A classifier that is sure of everything: guards leave all samples
		// out, but not in the first epoch.
		tensor.NoGrad(func() { c.query.Tree.Get("fc.bias").Value.Fill(0).Narrow(0, 0, 1).Fill(1000) })
		for epoch, out := range []bool{false, true} {
			loss := c.Loss(Step{Epoch: epoch, Total: 10}, b)
			if ce := loss.Terms[0].Value.Item(); (ce == 0) != out {
				t.Errorf("epoch %d: cross-entropy of sure samples is %v", epoch, ce)
			}
			c.AfterBackward(Step{Epoch: epoch, Total: 10})
		}
	})
}

// TestKeyEncoderFollows: it starts as a copy, gets no gradient, moves by the
// momentum before a step, and keeps its own statistics.
func TestKeyEncoderFollows(t *testing.T) {
	run(t, func() {
		c, free := testCoNe(t, tensor.Float64, tensor.Float64, 12)
		defer free()
		for _, e := range c.query.Tree.Entries() {
			if !reflect.DeepEqual(values(e.Value), values(c.key.Tree.Get(e.Name).Value)) {
				t.Errorf("the key encoder's %s is no copy", e.Name)
			}
		}
		s := Step{Epoch: 1, Number: 5, Total: 10}
		m := KeyMomentum(0.9, 5, 10)
		tensor.NoGrad(func() {
			for _, p := range c.query.Tree.Parameters() {
				p.Value.AddNumberInto(1)
			}
		})
		want := map[string][]float64{}
		for _, p := range c.key.Tree.Parameters() {
			v := values(p.Value)
			for i, q := range values(c.query.Tree.Get(p.Name).Value) {
				v[i] = m*v[i] + (1-m)*q
			}
			want[p.Name] = v
		}
		c.BeforeStep(s)
		c.Loss(s, testBatch(tensor.Float64, 3, 4)).Total.Backward()
		c.AfterBackward(s)
		for _, p := range c.key.Tree.Parameters() {
			for i, v := range values(p.Value) {
				if math.Abs(v-want[p.Name][i]) > 1e-14*(1+math.Abs(v)) {
					t.Errorf("%s[%d] of the key encoder is %v, want %v", p.Name, i, v, want[p.Name][i])
					break
				}
			}
			if p.Value.RequiresGrad() || p.Value.Grad().Defined() {
				t.Errorf("%s of the key encoder has a gradient", p.Name)
			}
			if !c.query.Tree.Get(p.Name).Value.Grad().Defined() {
				t.Errorf("%s of the query encoder has no gradient", p.Name)
			}
		}
		for _, tree := range []string{"query", "key"} {
			e := map[string]*model.Encoder{"query": c.query, "key": c.key}[tree]
			if n := e.Tree.Get("net.bn1.num_batches_tracked").Value.Item(); n != 1 {
				t.Errorf("the %s encoder's norms saw %v batches, want 1", tree, n)
			}
		}
		const statistic = "net.layer2.0.bn2.running_mean"
		if reflect.DeepEqual(values(c.query.Tree.Get(statistic).Value), values(c.key.Tree.Get(statistic).Value)) {
			t.Error("the encoders share their statistics")
		}
	})
}

func values(x tensor.Tensor) []float64 {
	return tensor.To[float64](x.Detach().ToDType(tensor.Float64))
}

// TestLossesKeepTheirPrecision: a network in bfloat16 has losses in float32.
func TestLossesKeepTheirPrecision(t *testing.T) {
	for _, c := range []struct{ weights, compute tensor.DType }{
		{tensor.Float32, tensor.BFloat16}, {tensor.Float32, tensor.Float32}, {tensor.Float64, tensor.Float64},
	} {
		run(t, func() {
			m, free := testCoNe(t, c.weights, c.compute, 12)
			defer free()
			s := Step{Epoch: 1, Total: 10}
			loss := m.Loss(s, testBatch(c.weights, 0, 4))
			loss.Total.Backward()
			m.AfterBackward(s)
			if d := loss.Total.DType(); d != c.weights {
				t.Errorf("computing in %v the loss is %v, want %v", c.compute, d, c.weights)
			}
			for _, p := range m.query.Tree.Parameters() {
				if g := p.Value.Grad(); g.DType() != c.weights || g.IsFinite().All().Item() == 0 {
					t.Errorf("computing in %v the gradient of %s is %v, or not finite", c.compute, p.Name, g)
				}
			}
		})
	}
}

// TestState: both encoders and the bank, by unique names; cross-entropy has
// the query encoder alone, under the same names.
func TestState(t *testing.T) {
	run(t, func() {
		c, free := testCoNe(t, tensor.Float32, tensor.Float32, 12)
		defer free()
		seen := map[string]int{}
		for _, e := range c.State() {
			prefix, _, _ := strings.Cut(e.Name, ".")
			seen[e.Name]++
			seen[prefix]++
			if seen[e.Name] > 1 {
				t.Errorf("two entries are named %s", e.Name)
			}
		}
		n := len(c.query.Tree.Entries())
		if seen["encoder_q"] != n || seen["encoder_k"] != n || seen["bank"] != 5 {
			t.Errorf("%d, %d and %d entries of the encoders and the bank, want %d, %d and 5",
				seen["encoder_q"], seen["encoder_k"], seen["bank"], n, n)
		}
		plain := NewCrossEntropy(c.query, Setup{Precision: c.precision})
		for i, e := range plain.State() {
			if want := c.State()[i]; e.Name != want.Name || e.Value != want.Value {
				t.Errorf("entry %d of cross-entropy is %s, of CoNe %s", i, e.Name, want.Name)
			}
		}
		if c.Encoder() != c.query || plain.Encoder() != c.query || c.Views() != 1 || plain.Views() != 1 {
			t.Error("encoder or views are wrong")
		}
	})
}

// TestCrossEntropyMethod equals CoNe's first epoch.
func TestCrossEntropyMethod(t *testing.T) {
	run(t, func() {
		c, free := testCoNe(t, tensor.Float64, tensor.Float64, 12)
		defer free()
		c.targets.smoothing = 0.1
		plain := NewCrossEntropy(c.query, Setup{Precision: c.precision, Method: recipe.Method{LabelSmoothing: 0.1}})
		b := testBatch(tensor.Float64, 0, 4)
		want := c.Loss(Step{Total: 10}, b)
		c.AfterBackward(Step{Total: 10})
		plain.BeforeStep(Step{})
		got := plain.Loss(Step{Epoch: 7}, b)
		plain.AfterBackward(Step{})
		if got.Total.Item() != want.Total.Item() || len(got.Terms) != 1 || got.Terms[0].Value.Item() != got.Total.Item() {
			t.Errorf("cross-entropy is %v, CoNe's first epoch %v", got.Total.Item(), want.Total.Item())
		}
	})
}
