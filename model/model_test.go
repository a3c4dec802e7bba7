package model

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"cone/recipe"
	"cone/tensor"
)

// TestParameterCounts: torchvision's counts without fc; ResNet-200, which
// torchvision lacks, by the blocks' own sizes.
func TestParameterCounts(t *testing.T) {
	// 64 + 2·64 for the stem's convolution and norm, then three convolutions
	// and norms per bottleneck, and a shortcut in each stage's first.
	deep := 3*7*7*64 + 2*64
	in := 64
	for stage, blocks := range []int{3, 24, 36, 3} {
		w := 64 << stage
		for i := range blocks {
			deep += in*w + 2*w + 9*w*w + 2*w + 4*w*w + 2*4*w
			if i == 0 {
				deep += in*4*w + 2*4*w
			}
			in = 4 * w
		}
	}
	for name, want := range map[string]int{
		"resnet18":  11_176_512,
		"resnet34":  21_284_672,
		"resnet50":  23_508_032,
		"resnet101": 42_500_160,
		"resnet152": 58_143_808,
		"resnet200": deep,
	} {
		run(t, func() {
			e := encoder(t, recipe.Model{Backbone: name, Stem: "imagenet"}, 5)
			defer e.Free()
			width := 2048
			if name == "resnet18" || name == "resnet34" {
				width = 512
			}
			if e.Dim() != width || e.backbone.Width() != width {
				t.Errorf("%s: D is %d and F is %d, want %d", name, e.Dim(), e.backbone.Width(), width)
			}
			if got := e.Tree.Count() - 5*width - 5; got != want {
				t.Errorf("%s has %d weights before fc, want %d", name, got, want)
			}
		})
	}
}

// TestNamesFindEntries: every entry has a name of its own, and Parameters are
// exactly those with a gradient.
func TestNamesFindEntries(t *testing.T) {
	run(t, func() {
		e := encoder(t, recipe.Model{Backbone: "resnet50", Stem: "small", Head: recipe.Head{Layers: 2, Hidden: 8, Dim: 4, BatchNorm: true}}, 3)
		defer e.Free()
		for i, entry := range e.Tree.Entries() {
			if e.Tree.Get(entry.Name) != entry {
				t.Errorf("entry %d, %s, is not what its name finds", i, entry.Name)
			}
			last := entry.Name[strings.LastIndex(entry.Name, ".")+1:]
			if learnt := last == "weight" || last == "bias"; learnt == entry.Buffer || learnt != entry.Value.RequiresGrad() {
				t.Errorf("%s: buffer %v, gradient %v", entry.Name, entry.Buffer, entry.Value.RequiresGrad())
			}
		}
	})
}

// TestNarrowResNetIsResNet20: 19 convolutions of 3×3 (with the classifier, 20
// layers), two shortcuts, and a norm after each convolution.
func TestNarrowResNetIsResNet20(t *testing.T) {
	run(t, func() {
		e := encoder(t, recipe.Model{Backbone: NarrowResNet, Stem: "small", Width: 16, Depth: 3}, 10)
		defer e.Free()
		convolutions, shortcuts, norms := 0, 0, 0
		for _, p := range e.Tree.Parameters() {
			shape := p.Value.Shape()
			switch {
			case len(shape) == 4 && shape[2] == 3:
				convolutions++
			case len(shape) == 4:
				shortcuts++
			case len(shape) == 1 && p.Name != "fc.bias" && strings.HasSuffix(p.Name, ".weight"):
				norms++
			}
		}
		if convolutions != 19 || shortcuts != 2 || norms != 21 || e.Dim() != 64 {
			t.Errorf("%d convolutions, %d shortcuts, %d norms, D %d", convolutions, shortcuts, norms, e.Dim())
		}
	})
}

// TestStems: the small stem keeps H×W, the ImageNet one quarters it.
func TestStems(t *testing.T) {
	for stem, want := range map[string][]int{"small": {4, 1, 3, 3}, "imagenet": {4, 1, 7, 7}} {
		run(t, func() {
			e := build(t, recipe.Model{Backbone: NarrowResNet, Stem: stem, Width: 4, Depth: 1}, 1, tensor.Float32)
			defer e.Free()
			if got := e.Tree.Get("net.conv1.weight").Value.Shape(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the first convolution is %v, want %v", stem, got, want)
			}
			r := e.backbone.(*ResNet).stem.(*resNetStem)
			tensor.NoGrad(func() {
				y := r.conv1.Forward(tensor.Zeros(tensor.Float32, tensor.CPU, 1, 1, 32, 32))
				if size := map[string]int{"small": 32, "imagenet": 16}[stem]; y.Dim(2) != size || r.maxPool != (stem == "imagenet") {
					t.Errorf("%s: %v after the first convolution, pooling %v", stem, y, r.maxPool)
				}
			})
		})
	}
}

// TestInitialisation: Kaiming normal with fan-out for convolutions, ±1/√I for
// linear layers, ones and zeros for norms, as torchvision and torch.nn do.
func TestInitialisation(t *testing.T) {
	run(t, func() {
		tensor.Seed(11)
		e := encoder(t, recipe.Model{Backbone: "resnet18", Stem: "imagenet", Head: recipe.Head{Layers: 1, Dim: 32, BatchNorm: true}}, 100)
		defer e.Free()
		for _, entry := range e.Tree.Entries() {
			values := tensor.To[float64](entry.Value.Detach().ToDType(tensor.Float64))
			shape := entry.Value.Shape()
			parts := strings.Split(entry.Name, ".")
			kind := parts[len(parts)-1]
			switch {
			case len(shape) == 4:
				checkNormal(t, entry.Name, values, math.Sqrt(2/float64(shape[0]*shape[2]*shape[3])))
			case len(shape) == 2:
				checkUniform(t, entry.Name, values, 1/math.Sqrt(float64(shape[1])))
			case entry.Name == "fc.bias" || entry.Name == "head.head.3.bias":
				in := e.Tree.Get(strings.TrimSuffix(entry.Name, "bias") + "weight").Value.Dim(1)
				checkUniform(t, entry.Name, values, 1/math.Sqrt(float64(in)))
			case entry.Name == "head.head.0.bias":
				checkUniform(t, entry.Name, values, 1/math.Sqrt(512))
			case kind == "weight" || kind == "running_var":
				checkAll(t, entry.Name, values, 1)
			default:
				checkAll(t, entry.Name, values, 0)
			}
		}
	})
}

func checkAll(t *testing.T, name string, values []float64, want float64) {
	t.Helper()
	for _, v := range values {
		if v != want {
			t.Errorf("%s starts with %v, want %v", name, v, want)
			return
		}
	}
}

// checkNormal wants mean and deviation within five standard errors, and the
// share inside one deviation that tells a normal from other distributions.
func checkNormal(t *testing.T, name string, values []float64, deviation float64) {
	t.Helper()
	mean, std, inside := moments(values, deviation)
	n := float64(len(values))
	if math.Abs(mean) > 5*deviation/math.Sqrt(n) || math.Abs(std/deviation-1) > 5/math.Sqrt(2*n) {
		t.Errorf("%s: mean %.3g, deviation %.4g, want 0 and %.4g", name, mean, std, deviation)
	}
	if math.Abs(inside-0.6827) > 5*math.Sqrt(0.6827*0.3173/n) {
		t.Errorf("%s: %.3f of the values within a deviation, not normal", name, inside)
	}
}

// checkUniform wants all within the bound, a few near it, and a uniform's deviation.
func checkUniform(t *testing.T, name string, values []float64, bound float64) {
	t.Helper()
	mean, std, _ := moments(values, bound)
	n, largest := float64(len(values)), 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	want := bound / math.Sqrt(3)
	// The excess kurtosis −1.2 makes the deviation's standard error 1/√(5n).
	if largest > bound*(1+1e-6) || largest < bound*(1-10/n) {
		t.Errorf("%s: largest value %.5g, want just below %.5g", name, largest, bound)
	}
	if math.Abs(mean) > 5*want/math.Sqrt(n) || math.Abs(std/want-1) > 5/math.Sqrt(5*n) {
		t.Errorf("%s: mean %.3g, deviation %.4g, want 0 and %.4g", name, mean, std, want)
	}
}

func moments(values []float64, limit float64) (mean, deviation, inside float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v / n
		if math.Abs(v) < limit {
			inside += 1 / n
		}
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / n
	}
	return mean, math.Sqrt(deviation), inside
}

// TestSeedDecidesWeights: equal seeds give equal encoders, others do not.
func TestSeedDecidesWeights(t *testing.T) {
	run(t, func() {
		draw := func(seed uint64) (all []float32) {
			tensor.Seed(seed)
			e := encoder(t, recipe.Model{Backbone: NarrowResNet, Stem: "small", Width: 4, Depth: 1, Head: recipe.Head{Layers: 1, Hidden: 8, Dim: 4}}, 3)
			defer e.Free()
			for _, p := range e.Tree.Parameters() {
				all = append(all, tensor.To[float32](p.Value.Detach())...)
			}
			return all
		}
		first := draw(3)
		if !reflect.DeepEqual(first, draw(3)) {
			t.Error("the same seed gave other weights")
		}
		if reflect.DeepEqual(first, draw(4)) {
			t.Error("another seed gave the same weights")
		}
	})
}

// TestHead: the names and shapes of the authors' nn.Sequential.
func TestHead(t *testing.T) {
	for _, c := range []struct {
		head recipe.Head
		dim  int
		want []string
	}{
		{recipe.Head{Dim: 7}, 512, nil},
		{recipe.Head{Layers: 0, Hidden: 9, Dim: 7, BatchNorm: true}, 512, nil},
		{recipe.Head{Layers: 1, Dim: 7}, 7, []string{
			"0.weight [4096 512]", "0.bias [4096]", "2.weight [7 4096]", "2.bias [7]"}},
		{recipe.Head{Layers: 1, Dim: 7, BatchNorm: true}, 7, []string{
			"0.weight [4096 512]", "0.bias [4096]",
			"1.weight [4096]", "1.bias [4096]", "1.running_mean [4096]", "1.running_var [4096]", "1.num_batches_tracked []",
			"3.weight [7 4096]", "3.bias [7]"}},
		{recipe.Head{Layers: 2, Hidden: 24, Dim: 6}, 6, []string{
			"0.weight [24 512]", "0.bias [24]", "2.weight [24 24]", "2.bias [24]", "4.weight [6 24]", "4.bias [6]"}},
		{recipe.Head{Layers: 2, Hidden: 24, Dim: 6, BatchNorm: true}, 6, []string{
			"0.weight [24 512]", "0.bias [24]",
			"1.weight [24]", "1.bias [24]", "1.running_mean [24]", "1.running_var [24]", "1.num_batches_tracked []",
			"3.weight [24 24]", "3.bias [24]",
			"4.weight [24]", "4.bias [24]", "4.running_mean [24]", "4.running_var [24]", "4.num_batches_tracked []",
			"6.weight [6 24]", "6.bias [6]"}},
	} {
		run(t, func() {
			e := encoder(t, recipe.Model{Backbone: "resnet18", Stem: "imagenet", Head: c.head}, 11)
			defer e.Free()
			var got []string
			for _, entry := range e.Tree.Entries() {
				if name, ok := strings.CutPrefix(entry.Name, "head.head."); ok {
					got = append(got, fmt.Sprint(name, " ", entry.Value.Shape()))
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v has\n%q, want\n%q", c.head, got, c.want)
			}
			classifier := fmt.Sprint(e.Tree.Get("fc.weight").Value.Shape(), e.Tree.Get("fc.bias").Value.Shape())
			if want := fmt.Sprintf("[11 %d] [11]", c.dim); e.Dim() != c.dim || classifier != want {
				t.Errorf("%+v: D is %d and fc %s, want %d and %s", c.head, e.Dim(), classifier, c.dim, want)
			}
		})
	}
}

// TestHeadDefaultWidth: H = max(2F, 4096), so 4096 for both F.
func TestHeadDefaultWidth(t *testing.T) {
	for features, want := range map[int]int{512: 4096, 2048: 4096, 2049: 4098, 64: 4096} {
		run(t, func() {
			tree := treeOf(t)
			defer tree.Free()
			newHead(tree.Root(), recipe.Head{Layers: 1, Dim: 2}, features)
			if got := tree.Get("0.weight").Value.Dim(0); got != want {
				t.Errorf("F %d gives H %d, want %d", features, got, want)
			}
		})
	}
}

// TestHeadForward compares L = 1 with BatchNorm in training with plain Go,
// and the logits with the embedding before normalisation.
func TestHeadForward(t *testing.T) {
	run(t, func() {
		e := build(t, recipe.Model{Backbone: NarrowResNet, Stem: "small", Width: 2, Depth: 1,
			Head: recipe.Head{Layers: 1, Hidden: 5, Dim: 3, BatchNorm: true}}, 1, tensor.Float64)
		defer e.Free()
		tensor.NoGrad(func() {
			x := tensor.From([]float64{1, -2, 0.5, 3, 0, 1, 2, -1, -1, 4, 1, 1, 0.3, 0.2, 0.1, 0, 2, 2, -3, 1, 1, 0, 0, -1}, 3, 8)
			got := rows(e.head.forward(x, true))
			h := affine(rows(x), matrix(e, "head.head.0.weight"), nil)
			for j := range h[0] { // BatchNorm starts with weight 1 and bias 0
				mean, variance := 0.0, 0.0
				for i := range h {
					mean += h[i][j] / float64(len(h))
				}
				for i := range h {
					variance += (h[i][j] - mean) * (h[i][j] - mean) / float64(len(h))
				}
				for i := range h {
					h[i][j] = max(0, (h[i][j]-mean)/math.Sqrt(variance+1e-5))
				}
			}
			closeRows(t, "embedding", got, affine(h, matrix(e, "head.head.3.weight"), nil))

			bias := e.Tree.Get("fc.bias").Value.Fill(0.25)
			images := tensor.Full(1, tensor.Float64, tensor.CPU, 2, 1, 4, 4).Uniform(-1, 1)
			embedding, logits := e.Forward(images, false)
			closeRows(t, "logits", rows(logits), affine(rows(embedding), matrix(e, "fc.weight"), tensor.To[float64](bias.Detach())))
		})
	})
}

// TestUnknownBackbone: one sentence that names the setting and the choices.
func TestUnknownBackbone(t *testing.T) {
	for _, name := range []string{"", "resnet19", "ResNet18", "resnet-narrow2"} {
		run(t, func() {
			e, err := NewEncoder(recipe.Model{Backbone: name, Stem: "imagenet"}, 2, 3, tensor.Float32, tensor.CPU)
			if err == nil {
				e.Free()
				t.Fatalf("backbone %q was accepted", name)
			}
			text := err.Error()
			if strings.Contains(text, "\n") || !strings.Contains(text, fmt.Sprintf("model.backbone %q", name)) {
				t.Errorf("backbone %q: %q", name, text)
			}
			for _, known := range Names() {
				if !strings.Contains(text, known) {
					t.Errorf("backbone %q: the message leaves out %s", name, known)
				}
			}
		})
	}
}
