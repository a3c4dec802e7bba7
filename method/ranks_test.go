package method

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/dist"
	"cone/internal/golden"
	"cone/internal/processes"
	"cone/model"
	"cone/optim"
	"cone/recipe"
	"cone/tensor"
)

var parts = map[string]processes.Part{}

func TestMain(m *testing.M) { processes.Main(m, parts) }

// learner is a method and the steps that it is to do, on one process or as one
// of several.
type learner struct {
	make    func(*dist.Group) Method
	batch   func(step int) Batch
	step    func(step int) Step
	steps   int
	rate    float64
	overlap bool
	optim   recipe.Optim
}

// learnt is what the steps led to.
type learnt struct {
	losses [][]float64 // per step: the total, then the terms, over all images
	state  map[string][]float64
}

// cut is a rank's part of a batch; the later the rank, the larger.
func cut(b Batch, rank, size int) Batch {
	n := b.Labels.Dim(0)
	edge := func(r int) int { return n * r * (r + size) / (2 * size * size) }
	narrow := func(t tensor.Tensor) tensor.Tensor {
		return t.Narrow(0, edge(rank), edge(rank+1)-edge(rank))
	}
	out := Batch{Labels: narrow(b.Labels), Indices: narrow(b.Indices)}
	for _, v := range b.Views {
		out.Views = append(out.Views, narrow(v))
	}
	for r := range size {
		out.Rows = append(out.Rows, edge(r+1)-edge(r))
	}
	return out
}

// learn does the steps as one of the group, which may be of one.
func (l learner) learn(g *dist.Group) (out learnt, err error) {
	m := l.make(g)
	tree := m.Encoder().Tree
	var list []tensor.Tensor
	for _, p := range tree.Parameters() {
		list = append(list, p.Value)
	}
	sums := g.Gradients(list, l.overlap)
	defer sums.Close()
	sgd := optim.NewSGD(tree, l.optim)
	defer sgd.Free()
	for i := range l.steps {
		tensor.Scope(func() {
			s, b := l.step(i), l.batch(i)
			share := 1.0
			if !g.Alone() {
				b = cut(b, g.Rank(), g.Size())
				share = g.Share(b.Rows)
			}
			m.BeforeStep(s)
			loss := m.Loss(s, b)
			sums.Arm()
			loss.Total.Scale(share).Backward()
			sums.Sum()
			sgd.Step(l.rate)
			m.AfterBackward(s)
			values := []float64{loss.Total.Item()}
			for _, t := range loss.Terms {
				values = append(values, t.Value.Item())
			}
			all := tensor.From(values, len(values)).Scale(share)
			g.AllReduce(all)
			out.losses = append(out.losses, tensor.To[float64](all))
		})
	}
	out.state = map[string][]float64{}
	for _, e := range m.State() {
		out.state[e.Name] = tensor.To[float64](e.Value.Detach().ToDType(tensor.Float64))
	}
	var state []dist.Named
	for _, e := range m.State() {
		state = append(state, dist.Named{Name: e.Name, Value: e.Value.Detach()})
	}
	if err := g.Compare(state); err != nil {
		return out, err
	}
	return out, nil
}

// same says where two histories part.
func (a learnt) same(b learnt, losses, state float64) error {
	for i := range a.losses {
		for j := range a.losses[i] {
			if d := math.Abs(a.losses[i][j] - b.losses[i][j]); !(d <= losses) {
				return fmt.Errorf("step %d: loss %d is %.15g, not %.15g", i, j, a.losses[i][j], b.losses[i][j])
			}
		}
	}
	if len(a.state) != len(b.state) {
		return fmt.Errorf("%d entries, not %d", len(a.state), len(b.state))
	}
	for name, want := range b.state {
		for i := range want {
			if d := math.Abs(a.state[name][i] - want[i]); !(d <= state) {
				return fmt.Errorf("%s[%d] is %.15g, not %.15g", name, i, a.state[name][i], want[i])
			}
		}
	}
	return nil
}

// asOneProcess is a part: it learns as one of several, and rank 0 then by
// itself, and compares.
func asOneProcess(l learner) processes.Part {
	return func(g *dist.Group) error {
		several, err := l.learn(g)
		if err != nil || g.Rank() != 0 {
			return err
		}
		one, err := l.learn(dist.Alone())
		if err != nil {
			return err
		}
		return several.same(one, 1e-9, 1e-8)
	}
}

// cone10 are the ten steps of trajectory_resnet18, with a last batch of each
// "epoch" that is smaller.
func cone10(overlap bool) learner {
	var tr trajectory
	raw, err := os.ReadFile(filepath.Join("testdata", "golden", "trajectory_resnet18.json"))
	if err == nil {
		err = json.Unmarshal(raw, &tr)
	}
	if err != nil {
		panic(err)
	}
	return learner{
		make: func(g *dist.Group) Method {
			return newTrajectoryMethod(nil, tr, g)
		},
		batch: func(i int) Batch {
			smaller := tr
			if i%5 == 4 {
				smaller.Batch = 11
			}
			return smaller.batch(i)
		},
		step: func(i int) Step {
			s := Step{Epoch: 1, Number: i, Total: tr.TotalSteps}
			if !tr.Steps[i].Cone {
				s.Epoch = 0
			}
			return s
		},
		steps: len(tr.Steps), rate: tr.LR, overlap: overlap,
		optim: recipe.Optim{Momentum: tr.Momentum, WeightDecay: tr.WeightDecay, DecayNormAndBias: true},
	}
}

// tiny learns by a method of the settings, with a small network.
func tiny(s recipe.Method, weights bool) learner {
	const classes, images = 4, 12
	build := func() *model.Encoder {
		e, err := model.NewEncoder(recipe.Model{Backbone: "resnet-narrow", Depth: 1, Width: 8, Stem: "small", Head: recipe.Head{Layers: 1, BatchNorm: true, Dim: 8}},
			classes, 3, tensor.Float64, tensor.CPU)
		if err != nil {
			panic(err)
		}
		golden.Fill(e.Tree)
		return e
	}
	return learner{
		make: func(g *dist.Group) Method {
			setup := Setup{Method: s, Precision: Precision{tensor.Float64, tensor.CPU}, Classes: classes, Group: g, SyncBatchNorm: true}
			if weights {
				setup.Weights = tensor.From([]float64{1, 2, 0.5, 3}, classes)
			}
			tensor.Seed(1)
			m, err := New(build(), func() (*model.Encoder, error) { return build(), nil }, setup)
			if err != nil {
				panic(err)
			}
			return m
		},
		batch: func(i int) Batch {
			b := Batch{Labels: tensor.From(golden.Integers(fmt.Sprintf("y%d", i), images, classes), images)}
			b.Indices = b.Labels
			for v := range 2 {
				x := golden.Uniform(fmt.Sprintf("x%d/%d", i, v), images*3*8*8, -2, 2)
				b.Views = append(b.Views, tensor.From(x, images, 3, 8, 8).ToDType(tensor.Float64))
			}
			return b
		},
		step:  func(i int) Step { return Step{Number: i, Total: 10} },
		steps: 3, rate: 0.01, overlap: true, optim: recipe.Optim{Momentum: 0.9, WeightDecay: 1e-4, DecayNormAndBias: true},
	}
}

// sentAsPredicted compares what the group has sent for the learner's steps with
// dist.Step's formulas.
func sentAsPredicted(g *dist.Group, l learner) error {
	c := l.make(nil).(*CoNe)
	s := dist.Step{Value: 8, Networks: 2, Dim: c.query.Dim(), Classes: c.bank.probability.Value.Dim(1)}
	for _, e := range c.query.Tree.Entries() {
		switch {
		case !e.Buffer:
			s.Parameters += e.Value.Len()
		case strings.HasSuffix(e.Name, ".running_mean"):
			s.Norms = append(s.Norms, e.Value.Len())
		}
	}
	var want [3]int64
	for i := range l.steps {
		s.Rows = slices.Max(cut(l.batch(i), g.Rank(), g.Size()).Rows)
		gradients, batchNorm, bank := s.Bytes()
		want[0], want[1], want[2] = want[0]+gradients, want[1]+batchNorm, want[2]+bank
	}
	sent := g.Stats()
	if got := [3]int64{sent.Gradients.Bytes, sent.BatchNorm.Bytes, sent.Bank.Bytes}; got != want {
		return fmt.Errorf("gradients, batch norm and bank took %v bytes, not %v", got, want)
	}
	if calls := int64(l.steps); sent.Bank.Calls != calls || sent.BatchNorm.Calls != 3*calls*int64(len(s.Norms)) {
		return fmt.Errorf("%d messages of the bank and %d of batch norm in %d steps", sent.Bank.Calls, sent.BatchNorm.Calls, calls)
	}
	return nil
}

func init() {
	d := recipe.Default().Method
	with := func(name string, change func(*recipe.Method)) recipe.Method {
		m := d
		m.Name = name
		m.SupCon.BankSize, m.PaCo.BankSize = 0, 20
		change(&m)
		return m
	}
	nothing := func(*recipe.Method) {}
	parts["cone"] = func(g *dist.Group) error {
		l := cone10(false)
		if err := asOneProcess(l)(g); err != nil {
			return err
		}
		return sentAsPredicted(g, l)
	}
	parts["cone, overlap"] = func(g *dist.Group) error { return asOneProcess(cone10(true))(g) }
	parts["losses over the batch"] = func(g *dist.Group) error {
		for _, c := range []struct {
			name string
			learner
		}{
			{"supcon", tiny(with("supcon", nothing), false)},
			{"supcon, joint", tiny(with("supcon", func(m *recipe.Method) { m.SupCon.Joint = true }), false)},
			{"supcon with a bank", tiny(with("supcon", func(m *recipe.Method) { m.SupCon.BankSize = 20 }), false)},
			{"triplet", tiny(with("triplet", nothing), false)},
			{"triplet, all", tiny(with("triplet", func(m *recipe.Method) { m.Triplet.Mining = "batch-all" }), false)},
			{"triplet, semi-hard", tiny(with("triplet", func(m *recipe.Method) { m.Triplet.Mining = "semi-hard" }), false)},
			{"paco", tiny(with("paco", nothing), false)},
			{"class weights", tiny(with("cross-entropy", nothing), true)},
		} {
			if err := asOneProcess(c.learner)(g); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return nil
	}
}

// TestAsOneProcess: several processes that share a batch, unevenly, do what one
// does with all of it: losses to 1e-9 and weights, statistics and bank to 1e-8
// after ten steps in float64, and every rank ends with the same bits. What two of
// them send is what the formulas say.
func TestAsOneProcess(t *testing.T) {
	processes.Together(t, 2, "cone")
	processes.Together(t, 4, "cone, overlap")
}

// TestLossesOverTheBatch compare every image with those of all ranks.
func TestLossesOverTheBatch(t *testing.T) { processes.Together(t, 3, "losses over the batch") }
