package optim_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"cone/internal/golden"
	"cone/nn"
	"cone/optim"
	"cone/recipe"
	"cone/tensor"
)

// adaptiveNames are the parameters of testdata/make_adaptive.py.
var adaptiveNames = []string{
	"conv.weight", "bn.weight", "bn.bias", "point.weight", "zero.weight", "still.weight", "fc.weight", "fc.bias",
}

type adaptiveCase struct {
	Name     string
	Settings json.RawMessage
	Weights  map[string][]float64
}

type adaptiveKnown struct {
	Shapes map[string][]int
	Rates  []float64
	Cases  []adaptiveCase
}

func readAdaptive(t *testing.T, file string) (k adaptiveKnown) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// settings are a case's, by the recipe's names; the rest are defaults, but
// there is no decay of norms and no momentum unless the case has them.
func (c adaptiveCase) settings(t *testing.T) recipe.Optim {
	t.Helper()
	r := recipe.Default()
	r.Data.Path = "images"
	r.Optim.Momentum, r.Optim.WeightDecay, r.Optim.DecayNormAndBias = 0, 0, false
	if err := recipe.Set(&r, "optim="+string(c.Settings)); err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	return r.Optim.Resolved()
}

func (k adaptiveKnown) tree(d tensor.DType, channelsLast bool) *nn.Tree {
	tree := nn.NewTree(d, golden.Device())
	for _, name := range adaptiveNames {
		tree.Root().Parameter(name, func() tensor.Tensor {
			w := start(name, d, k.Shapes[name])
			if name == "zero.weight" {
				return w.Zero()
			}
			if channelsLast && len(k.Shapes[name]) == 4 {
				return w.ChannelsLast()
			}
			return w
		})
	}
	return tree
}

func (k adaptiveKnown) setGradients(tree *nn.Tree, step int) {
	tensor.Scope(func() {
		for _, p := range tree.Parameters() {
			g := start(fmt.Sprintf("%s/%d", p.Name, step), tree.DType, p.Value.Shape())
			if p.Name == "still.weight" {
				g.Zero()
			}
			p.Value.Mul(g).Sum().Backward()
		}
	})
}

func newOptimizer(t *testing.T, tree *nn.Tree, r recipe.Optim) optim.Optimizer {
	t.Helper()
	o, err := optim.New(tree, r)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestAdaptiveEqualsOthers: AdamW and RMSprop as torch's, LAMB, LARS and
// TensorFlow's RMSprop as timm's, in both precisions and memory formats.
func TestAdaptiveEqualsOthers(t *testing.T) {
	for _, file := range []string{"torch.json", "timm.json"} {
		k := readAdaptive(t, file)
		for _, c := range k.Cases {
			for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
				tolerance := 1e-5
				if d == tensor.Float64 {
					tolerance = 1e-12
				}
				for _, channelsLast := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%v/channelsLast=%v", c.Name, d, channelsLast), func(t *testing.T) {
						run(t, func() {
							tree := k.tree(d, channelsLast)
							defer tree.Free()
							o := newOptimizer(t, tree, c.settings(t))
							defer o.Free()
							for step, rate := range k.Rates {
								k.setGradients(tree, step)
								o.Step(rate)
							}
							for _, p := range tree.Parameters() {
								closeTo(t, p.Name, p.Value, c.Weights[p.Name], tolerance)
								if p.Value.Grad().Defined() {
									t.Errorf("%s still has its gradient after the step", p.Name)
								}
							}
						})
					})
				}
			}
		}
	}
}

// TestStateContinues: another optimizer that takes over the state goes on with
// the same bits, and the state has unique names.
func TestStateContinues(t *testing.T) {
	for _, file := range []string{"torch.json", "timm.json"} {
		k := readAdaptive(t, file)
		for _, c := range k.Cases {
			run(t, func() {
				first, second := k.tree(tensor.Float32, true), k.tree(tensor.Float32, true)
				defer first.Free()
				defer second.Free()
				a, b := newOptimizer(t, first, c.settings(t)), newOptimizer(t, second, c.settings(t))
				defer a.Free()
				defer b.Free()
				for step := range 3 {
					k.setGradients(first, step)
					a.Step(0.1)
				}
				second.CopyFrom(first)
				seen := map[string]bool{}
				for i, e := range a.State() {
					if seen[e.Name] || e.Name != b.State()[i].Name || !e.Buffer {
						t.Errorf("%s: state %q", c.Name, e.Name)
					}
					seen[e.Name] = true
					b.State()[i].Value.CopyFrom(e.Value)
				}
				for step := 3; step < 5; step++ {
					for _, tree := range []*nn.Tree{first, second} {
						k.setGradients(tree, step)
					}
					a.Step(0.1)
					b.Step(0.1)
				}
				for _, p := range first.Parameters() {
					closeTo(t, c.Name+" "+p.Name, second.Get(p.Name).Value, flat(p.Value), 0)
				}
			})
		}
	}
}

// TestFrozenParametersStay: what requires no gradient is neither moved nor
// decayed nor remembered.
func TestFrozenParametersStay(t *testing.T) {
	k := readAdaptive(t, "torch.json")
	for _, name := range []string{"sgd", "adamw", "lamb", "lars", "rmsprop", "rmsprop-tf"} {
		run(t, func() {
			tree := k.tree(tensor.Float64, false)
			defer tree.Free()
			frozen := tree.Get("fc.weight")
			frozen.Value.SetRequiresGrad(false)
			before, moving := flat(frozen.Value), flat(tree.Get("conv.weight").Value)
			r := recipe.Default().Optim
			r.Name, r.WeightDecay = name, 0.5
			o := newOptimizer(t, tree, r.Resolved())
			defer o.Free()
			o.Step(0.1)
			closeTo(t, name, frozen.Value, before, 0)
			for _, e := range o.State() {
				if len(e.Name) > 9 && e.Name[len(e.Name)-9:] == "fc.weight" {
					t.Errorf("%s remembers %s", name, e.Name)
				}
			}
			if after := flat(tree.Get("conv.weight").Value); after[0] == moving[0] {
				t.Errorf("%s: nothing moved", name)
			}
		})
	}
}

func TestNewRefusesAnUnknownName(t *testing.T) {
	run(t, func() {
		tree := nn.NewTree(tensor.Float32, tensor.CPU)
		defer tree.Free()
		if _, err := optim.New(tree, recipe.Optim{Name: "lion"}); err == nil {
			t.Error("lion was made")
		}
	})
}

// TestLayerDecayScalesTheRate: a first step of plain SGD moves by rate ×
// share × gradient.
func TestLayerDecayScalesTheRate(t *testing.T) {
	run(t, func() {
		tree := nn.NewTree(tensor.Float64, tensor.CPU)
		defer tree.Free()
		want := map[string]float64{ // 0.5^(4 − layer)
			"net.conv1.weight": 1. / 16, "net.bn1.bias": 1. / 16,
			"net.layer1.0.conv1.weight": 1. / 8, "net.layer1.1.bn1.weight": 1. / 4, "net.layer2.0.conv1.weight": 1. / 2,
			"head.head.0.weight": 1, "fc.weight": 1,
		}
		for _, name := range []string{"net.conv1.weight", "net.bn1.bias", "net.layer1.0.conv1.weight", "net.layer1.1.bn1.weight",
			"net.layer2.0.conv1.weight", "head.head.0.weight", "fc.weight"} {
			tree.Root().Parameter(name, func() tensor.Tensor { return tensor.Full(1, tensor.Float64, tensor.CPU, 1) })
		}
		o := newOptimizer(t, tree, recipe.Optim{Name: "sgd", LayerDecay: 0.5})
		defer o.Free()
		for _, p := range tree.Parameters() {
			p.Value.Sum().Backward()
		}
		o.Step(0.1)
		for _, p := range tree.Parameters() {
			if moved := 1 - flat(p.Value)[0]; math.Abs(moved-0.1*want[p.Name]) > 1e-15 {
				t.Errorf("%s moved by %v, want %v", p.Name, moved, 0.1*want[p.Name])
			}
		}
	})
}
