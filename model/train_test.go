package model

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"cone/recipe"
	"cone/tensor"
)

// TestEveryNetworkLearns takes two steps down the gradient under bfloat16, on
// the smallest pictures, with everything random switched on: the loss stays
// finite, every parameter gets a gradient, and weights stay float32.
func TestEveryNetworkLearns(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			run(t, func() {
				tensor.Seed(5)
				m := settings(t, n.name, 32)
				m.DropPath, m.Dropout = 0.2, 0.2
				e, err := NewEncoder(m, 3, 1, tensor.Float32, tensor.CPU)
				if err != nil {
					t.Fatal(err)
				}
				defer e.Free()
				images := tensor.Empty(tensor.Float32, tensor.CPU, 4, 1, 32, 32).Normal(0, 1).ChannelsLast()
				labels := []int64{0, 1, 2, 0}
				without := map[string]int{}
				for range 2 {
					tensor.Scope(func() {
						var logits tensor.Tensor
						tensor.Autocast(tensor.CPU, tensor.BFloat16, func() { _, logits = e.Forward(images, true) })
						loss := crossEntropy(logits.ToDType(tensor.Float32), labels)
						if l := loss.Item(); math.IsNaN(l) || math.IsInf(l, 0) {
							t.Fatalf("the loss is %v", l)
						}
						loss.Backward()
						tensor.NoGrad(func() {
							for _, p := range e.Tree.Parameters() {
								g := p.Value.Grad()
								if !g.Defined() || g.DType() != tensor.Float32 {
									t.Fatalf("%s has the gradient %v", p.Name, g)
								}
								if norm := g.Norm().Item(); norm == 0 {
									without[p.Name]++
								} else if math.IsNaN(norm) || math.IsInf(norm, 0) {
									t.Fatalf("the gradient of %s has the norm %v", p.Name, norm)
								}
								p.Value.AddInto(g, -0.01)
								p.Value.ClearGrad()
							}
						})
					})
				}
				if len(without) > len(e.Tree.Parameters())/10 {
					t.Errorf("%d of %d parameters had no gradient: %v", len(without), len(e.Tree.Parameters()), without)
				}
			})
		})
	}
}

// TestEvaluationUnderBFloat16 is near that of float32.
func TestEvaluationUnderBFloat16(t *testing.T) {
	for _, name := range []string{"resnet18d", "mobilenet_v2", "convnext_tiny", visionTransformer, "swin_t"} {
		run(t, func() {
			e, err := NewEncoder(settings(t, name, 64), 10, 3, tensor.Float32, tensor.CPU)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Free()
			fillAll(e.Tree)
			x := tensor.Empty(tensor.Float32, tensor.CPU, 2, 3, 64, 64).Normal(0, 1).ChannelsLast()
			tensor.NoGrad(func() {
				_, want := e.Forward(x, false)
				tensor.Autocast(tensor.CPU, tensor.BFloat16, func() {
					_, got := e.Forward(x, false)
					near(t, name, got, tensor.To[float64](want.ToDType(tensor.Float64)), 0.05)
				})
			})
		})
	}
}

// TestRandomnessFollowsTheSeed: masks come from the engine's stream, whose
// state checkpoints carry, and evaluation draws nothing.
func TestRandomnessFollowsTheSeed(t *testing.T) {
	run(t, func() {
		m := recipe.Model{Backbone: NarrowResNet, Stem: "small", Width: 4, Depth: 1, DropPath: 0.5, Dropout: 0.5}
		e := encoder(t, m, 3)
		defer e.Free()
		x := tensor.Empty(tensor.Float32, tensor.CPU, 8, 3, 8, 8).Normal(0, 1)
		forward := func(training bool) (sum float64) {
			tensor.NoGrad(func() {
				_, logits := e.Forward(x, training)
				sum = logits.Abs().Sum().Item()
			})
			return sum
		}
		tensor.Seed(3)
		state := tensor.RandomState(tensor.CPU)
		first, second := forward(true), forward(true)
		tensor.SetRandomState(tensor.CPU, state)
		if again := forward(true); again != first || first == second {
			t.Errorf("%v, then %v, and %v from the first's state", first, second, again)
		}
		after := tensor.To[uint8](tensor.RandomState(tensor.CPU))
		forward(false)
		for i, b := range tensor.To[uint8](tensor.RandomState(tensor.CPU)) {
			if b != after[i] {
				t.Fatal("evaluation moved the random stream")
			}
		}
	})
}

// TestDropoutStandsBeforeTheClassifier: the embedding keeps its values, the
// logits do not; in wrn-28-10 it is the other way round.
func TestDropoutStandsBeforeTheClassifier(t *testing.T) {
	for name, inside := range map[string]bool{NarrowResNet: false, "mobilenet_v2": false, wideResNet28: true} {
		run(t, func() {
			m := settings(t, name, 8)
			m.Dropout = 0.5
			e := encoder(t, m, 3)
			defer e.Free()
			x := tensor.Empty(tensor.Float32, tensor.CPU, 4, 3, 8, 8).Normal(0, 1)
			tensor.NoGrad(func() {
				embedding, logits := e.Forward(x, true)
				again, _ := e.Forward(x, true)
				if moved := embedding.Sub(again).Abs().Sum().Item() > 0; moved != inside {
					t.Errorf("%s: dropout changes the embedding: %v", name, moved)
				}
				clean := e.classifier.forward(embedding)
				if moved := logits.Sub(clean).Abs().Sum().Item() > 0; moved == inside {
					t.Errorf("%s: dropout changes the logits: %v", name, moved)
				}
			})
		})
	}
}

// TestSmallStemOfResNets: one 3×3 convolution that keeps H×W, for every kind
// of ResNet and for grey pictures.
func TestSmallStemOfResNets(t *testing.T) {
	for _, name := range []string{"resnet50", "resnet18d", "resnext50_32x4d", "wide_resnet50_2"} {
		run(t, func() {
			e, err := NewEncoder(recipe.Model{Backbone: name, Stem: "small"}, 2, 1, tensor.Float32, tensor.CPU)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Free()
			if shape := e.Tree.Get("net.conv1.weight").Value.Shape(); !reflect.DeepEqual(shape, []int{64, 1, 3, 3}) {
				t.Errorf("%s: the first convolution is %v", name, shape)
			}
			tensor.NoGrad(func() {
				y := e.backbone.(*ResNet).stem.forward(tensor.Zeros(tensor.Float32, tensor.CPU, 2, 1, 9, 7), false)
				if shape := y.Shape(); !reflect.DeepEqual(shape, []int{2, 64, 9, 7}) {
					t.Errorf("%s: the stem gives %v", name, shape)
				}
				if _, logits := e.Forward(tensor.Zeros(tensor.Float32, tensor.CPU, 2, 1, 9, 7), false); logits.Dim(0) != 2 {
					t.Errorf("%s: logits %v", name, logits)
				}
			})
		})
	}
}

// TestDropPathReachesTheBlocks: the first block never drops its branch, the last
// with the full probability.
func TestDropPathReachesTheBlocks(t *testing.T) {
	run(t, func() {
		m := recipe.Model{Backbone: "resnet18", Stem: "imagenet", DropPath: 0.7}
		e := encoder(t, m, 3)
		defer e.Free()
		blocks := e.backbone.(*ResNet).blocks
		for i, b := range blocks {
			if got, want := b.(*basic).end.drop, 0.7*float64(i)/float64(len(blocks)-1); math.Abs(got-want) > 1e-12 {
				t.Errorf("block %d drops its branch with %v, want %v", i, got, want)
			}
		}
	})
}

// TestZeroInitMakesBlocksIdentities: a fresh ResNet's later blocks answer what
// they see (after ReLU), and the last norms still learn.
func TestZeroInitMakesBlocksIdentities(t *testing.T) {
	for _, name := range []string{"resnet18", "resnet50d"} {
		run(t, func() {
			m := recipe.Model{Backbone: name, Stem: "imagenet", ZeroInitResidual: true}
			e := encoder(t, m, 3)
			defer e.Free()
			last := map[string]string{"resnet18": ".bn2.weight", "resnet50d": ".bn3.weight"}[name]
			for _, p := range e.Tree.Parameters() {
				zero := strings.HasSuffix(p.Name, last) && strings.HasPrefix(p.Name, "net.layer")
				if sum := p.Value.Detach().Abs().Sum().Item(); zero != (sum == 0) && !strings.HasSuffix(p.Name, "bias") {
					t.Errorf("%s: %s starts with the sum %v", name, p.Name, sum)
				}
				if !p.Value.RequiresGrad() {
					t.Errorf("%s: %s does not learn", name, p.Name)
				}
			}
			width := 64
			if name == "resnet50d" {
				width = 256
			}
			x := tensor.Empty(tensor.Float32, tensor.CPU, 2, width, 8, 8).Normal(0, 1)
			tensor.NoGrad(func() {
				y := e.backbone.(*ResNet).blocks[1].forward(x, true)
				if d := y.Sub(x.ReLU()).Abs().Sum().Item(); d != 0 {
					t.Errorf("%s: a fresh block changes its input by %v", name, d)
				}
			})
		})
	}
}

// TestFit: sizes that a network cannot take are refused in one sentence.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		m             recipe.Model
		height, width int
		want          string
	}{
		{recipe.Model{Backbone: visionTransformer}, 224, 224, ""},
		{recipe.Model{Backbone: visionTransformer}, 40, 40, "model.backbone vit_small_patch16 cuts pictures into patches of 16×16, and 40×40 cannot be cut so: choose square pictures whose side is a multiple of 16"},
		{recipe.Model{Backbone: visionTransformer}, 32, 48, "model.backbone vit_small_patch16 cuts pictures into patches of 16×16, and 32×48 cannot be cut so: choose square pictures whose side is a multiple of 16"},
		{recipe.Model{Backbone: visionTransformer, ImageSize: 224}, 160, 160, "model.image_size is 224 but the pictures are 160×160: give training and test pictures this size, for vit_small_patch16 has one position for each patch"},
		{recipe.Model{Backbone: "convnext_tiny"}, 28, 28, "model.backbone convnext_tiny needs pictures of 32×32 or more, and 28×28 is too small: choose larger pictures or another backbone"},
		{recipe.Model{Backbone: "swin_t"}, 3, 9, "model.backbone swin_t needs pictures of 4×4 or more, and 3×9 is too small: choose larger pictures or another backbone"},
		{recipe.Model{Backbone: "resnet50d"}, 1, 1, ""},
	} {
		got, err := Fit(c.m, c.height, c.width)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%s with %d×%d:\n got %s\nwant %s", c.m.Backbone, c.height, c.width, text, c.want)
		}
		if c.m.Backbone == visionTransformer && text == "" && got.ImageSize != c.height {
			t.Errorf("image_size became %d", got.ImageSize)
		}
	}
}

// TestTransformersNeedASize: without one there are no positions to make.
func TestTransformersNeedASize(t *testing.T) {
	run(t, func() {
		_, err := NewEncoder(recipe.Model{Backbone: visionTransformer}, 2, 3, tensor.Float32, tensor.CPU)
		if err == nil || !strings.Contains(err.Error(), "model.image_size is 0") {
			t.Errorf("got %v", err)
		}
	})
}

// TestSmallestPictures that Fit lets through pass through the networks.
func TestSmallestPictures(t *testing.T) {
	for name, side := range map[string]int{
		"resnet18": 1, "resnet50d": 1, "resnext50_32x4d": 1, "mobilenet_v2": 1, "convnext_tiny": 32, "swin_t": 4,
		visionTransformer: 16, "wrn-28-10": 1,
	} {
		run(t, func() {
			m := settings(t, name, side)
			if _, err := Fit(m, side, side); err != nil {
				t.Error(err)
			}
			e, err := NewEncoder(m, 2, 3, tensor.Float32, tensor.CPU)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Free()
			tensor.NoGrad(func() {
				if _, logits := e.Forward(tensor.Zeros(tensor.Float32, tensor.CPU, 2, 3, side, side), false); logits.Dim(1) != 2 {
					t.Errorf("%s: logits %v", name, logits)
				}
			})
		})
	}
}
