package method

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/internal/golden"
	"cone/recipe"
	"cone/tensor"
	"cone/weights"
)

// known is one entry of testdata/losses.json, which testdata/losses.py made
// with torch and timm.
type known struct {
	Kind              string
	Loss              float64
	Settings          map[string]any
	Inputs, Gradients map[string]any
}

func (k known) number(name string) float64 { return k.Settings[name].(float64) }
func (k known) flag(name string) bool      { return k.Settings[name].(bool) }

// input is an array as a tensor; undefined without one.
func (k known) input(name string) tensor.Tensor {
	raw, ok := k.Inputs[name].([]any)
	if !ok {
		return tensor.Tensor{}
	}
	flat, columns := flatten(raw)
	x := tensor.From(flat, len(flat)).ToDevice(golden.Device())
	if columns > 0 {
		x = x.View(len(raw), columns)
	}
	if strings.HasSuffix(name, "labels") || name == "partners" {
		return x.ToDType(tensor.Int64)
	}
	if k.Gradients[name] != nil {
		x = x.Clone().SetRequiresGrad(true)
	}
	return x
}

func flatten(raw []any) (flat []float64, columns int) {
	for _, v := range raw {
		if row, ok := v.([]any); ok {
			part, _ := flatten(row)
			flat, columns = append(flat, part...), len(part)
		} else {
			flat = append(flat, v.(float64))
		}
	}
	return flat, columns
}

// compute gives the loss and the leaves that have a gradient.
func (k known) compute() (loss tensor.Tensor, leaves map[string]tensor.Tensor) {
	leaves = map[string]tensor.Tensor{}
	in := func(name string) tensor.Tensor {
		x := k.input(name)
		if k.Gradients[name] != nil {
			leaves[name] = x
		}
		return x
	}
	b := Batch{Labels: in("labels"), Partners: in("partners"), Shares: in("shares")}
	switch k.Kind {
	case "cross_entropy":
		t := targets{smoothing: k.number("smoothing"), all: k.flag("all"), weights: in("weights")}
		loss = t.mixedCrossEntropy(in("logits").LogSoftmax(1), b)
	case "bce":
		m := BCE{targets: targets{smoothing: k.number("smoothing"), all: true}, threshold: k.number("threshold"), sumClasses: k.flag("sum")}
		loss = m.loss(in("logits"), b)
	case "triplet":
		m := Triplet{settings: recipe.Triplet{Mining: k.Settings["mining"].(string), Margin: k.number("margin"),
			Soft: k.flag("soft"), Squared: k.flag("squared"), Normalize: k.flag("normalize")}}
		loss, _ = m.loss(in("embedding"), b.Labels)
	case "margin":
		m := Margin{single: single{precision: Precision{tensor.Float64, golden.Device()}}, settings: recipe.Margin{
			Kind: k.Settings["margin"].(string), Margin: k.number("m"), Scale: k.number("scale"),
			Lambda: k.number("start"), LambdaDecay: 0.12, LambdaMin: k.number("least")}}
		logits := m.logits(in("x"), in("w"), b.Labels, int(k.number("step")))
		loss = m.targets.crossEntropy(logits.LogSoftmax(1), b.Labels, tensor.Tensor{})
	case "queue":
		loss = k.withBank(in("queue"), in("queue_labels"), func(m *momentum) tensor.Tensor {
			c := SupConQueue{momentum: m, settings: recipe.SupCon{Temperature: k.number("temperature"), BaseTemperature: k.number("base")}}
			return c.loss(normalize(in("query")), normalize(in("key")), b.Labels)
		})
	case "paco":
		loss = k.withBank(in("queue"), in("queue_labels"), func(m *momentum) tensor.Tensor {
			c := PaCo{momentum: m, settings: recipe.PaCo{Temperature: k.number("temperature"), SampleWeight: k.number("alpha"), CenterWeight: k.number("beta")}}
			return c.loss(in("logits"), normalize(in("query")), normalize(in("key")), b.Labels)
		})
	}
	return loss, leaves
}

// withBank calls f with a bank of which the first entries are written.
func (k known) withBank(queue, labels tensor.Tensor, f func(*momentum) tensor.Tensor) tensor.Tensor {
	bank := NewBank(queue.Dim(0), queue.Dim(1), 0, tensor.Float64, golden.Device())
	defer bank.Free()
	n := int(k.number("written"))
	bank.Write(Entry{embedding: normalize(queue).Narrow(0, 0, n), label: labels.Narrow(0, 0, n), image: labels.Narrow(0, 0, n)})
	return f(&momentum{bank: bank})
}

// TestKnownLosses: values and gradients as torch, timm and plain loops have them.
func TestKnownLosses(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "losses.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []known
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, k := range all {
		seen[k.Kind]++
		run(t, func() {
			loss, leaves := k.compute()
			loss.Backward()
			if got := loss.Item(); !(math.Abs(got-k.Loss) <= 1e-10*(1+math.Abs(k.Loss))) {
				t.Errorf("case %d, %s %v: the loss is %v, want %v", i, k.Kind, k.Settings, got, k.Loss)
			}
			if len(leaves) != len(k.Gradients) {
				t.Errorf("case %d, %s: %d of %d gradients", i, k.Kind, len(leaves), len(k.Gradients))
			}
			for name, leaf := range leaves {
				want, _ := flatten(k.Gradients[name].([]any))
				got := tensor.To[float64](leaf.Grad())
				if at := differ(got, want, 1e-9); at >= 0 {
					t.Errorf("case %d, %s %v: the gradient of %s [%d] is %v, want %v", i, k.Kind, k.Settings, name, at, got[at], want[at])
				}
			}
		})
	}
	for _, kind := range []string{"cross_entropy", "bce", "triplet", "margin", "queue", "paco"} {
		if seen[kind] == 0 {
			t.Errorf("there is no case of %s", kind)
		}
	}
}

// differ is the first place where two rows of numbers differ, or −1.
func differ(got, want []float64, tolerance float64) int {
	return slices.IndexFunc(indices(len(want)), func(i int) bool {
		return !(math.Abs(got[i]-want[i]) <= tolerance*(1+math.Abs(want[i])))
	})
}

func indices(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// checkSupCon compares with SupContrast's loss and gradient: features N×2×d
// are the two views.
func checkSupCon(t *testing.T, path string) {
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a, cases := arrays{t, file}, 0
	for _, name := range file.Names() {
		prefix, ok := strings.CutSuffix(name, "/features")
		if !ok {
			continue
		}
		cases++
		features := a.get(name).SetRequiresGrad(true)
		labels := a.get(prefix + "/labels")
		m := SupCon{settings: recipe.SupCon{Temperature: a.get(prefix + "/temperature").Item(), BaseTemperature: 0.07}}
		views := tensor.Cat([]tensor.Tensor{features.Select(1, 0), features.Select(1, 1)}, 0)
		loss := m.loss(normalize(views), tensor.Cat([]tensor.Tensor{labels, labels}, 0))
		loss.Backward()
		closeTo(t, prefix+"/loss", loss, a.get(prefix+"/loss"))
		got := tensor.To[float64](features.Grad())
		want := tensor.To[float64](a.get(prefix + "/grad_features"))
		if at := differ(got, want, 1e-10); at >= 0 {
			t.Errorf("%s/grad_features[%d] is %v, want %v", prefix, at, got[at], want[at])
		}
	}
	if cases == 0 {
		t.Errorf("%s holds no features", path)
	}
}
