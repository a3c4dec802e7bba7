package method

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"cone/recipe"
	"cone/tensor"
)

const (
	propertyRows    = 8
	propertyColumns = 4 // classes, or the embedding's width
)

// classRows are the class weights of the losses with a margin, C×D.
var classRows = []float64{1, 0.5, -0.3, 0.2, -1, 0.7, 0.4, 0.1, -0.2, 0.3, 1.2, -0.8, 0.6, -0.6, -0.1, 0.9}

// objectives are the losses of N×4 logits or embeddings and N labels, every
// kind of every method but CoNe's own.
func objectives(d tensor.DType) map[string]func(x, labels tensor.Tensor) tensor.Tensor {
	weights := tensor.From([]float64{0.5, 2, 0, 1}, propertyColumns).ToDType(d)
	classes := tensor.From(classRows, propertyColumns, propertyColumns).ToDType(d)
	mixed := func(labels tensor.Tensor) Batch {
		shares := tensor.From([]float64{0.3, 1, 0, 0.5, 0.9, 0.2, 0.6, 0.7}, propertyRows).ToDType(d)
		partners := tensor.From([]int64{3, 2, 1, 0, 3, 2, 1, 0}, propertyRows)
		return Batch{Labels: labels, Partners: partners, Shares: shares}
	}
	all := map[string]func(x, labels tensor.Tensor) tensor.Tensor{}
	for _, everyClass := range []bool{false, true} {
		for _, w := range []tensor.Tensor{{}, weights} {
			t := targets{smoothing: 0.1, all: everyClass, weights: w}
			name := fmt.Sprintf("all=%v, weights=%v", everyClass, w.Defined())
			all["cross-entropy, "+name] = func(x, labels tensor.Tensor) tensor.Tensor {
				return t.mixedCrossEntropy(x.LogSoftmax(1), mixed(labels))
			}
			all["bce, "+name] = func(x, labels tensor.Tensor) tensor.Tensor {
				m := BCE{targets: t, threshold: -1, sumClasses: everyClass}
				return m.loss(x, mixed(labels))
			}
		}
	}
	all["bce, threshold"] = func(x, labels tensor.Tensor) tensor.Tensor {
		m := BCE{targets: targets{smoothing: 0.1}, threshold: 0.2}
		return m.loss(x, mixed(labels))
	}
	all["supcon"] = func(x, labels tensor.Tensor) tensor.Tensor {
		m := SupCon{settings: recipe.SupCon{Temperature: 0.1, BaseTemperature: 0.07}}
		return m.loss(normalize(x), labels)
	}
	all["supcon with a queue"] = func(x, labels tensor.Tensor) tensor.Tensor {
		// One slot is never written; the lowest label has no key in the bank.
		bank := NewBank(4, propertyColumns, 0, d, tensor.CPU)
		defer bank.Free()
		bank.Write(Entry{embedding: normalize(classes).Narrow(0, 1, 3), label: tensor.From([]int64{1, 2, 3}, 3), image: tensor.From([]int64{0, 1, 2}, 3)})
		m := SupConQueue{momentum: &momentum{bank: bank}, settings: recipe.SupCon{Temperature: 0.1, BaseTemperature: 0.1}}
		return m.loss(normalize(x), normalize(tensor.Cat([]tensor.Tensor{classes, classes}, 0)), labels)
	}
	all["paco"] = func(x, labels tensor.Tensor) tensor.Tensor {
		bank := NewBank(4, propertyColumns, 0, d, tensor.CPU)
		defer bank.Free()
		bank.Write(Entry{embedding: normalize(classes).Narrow(0, 1, 3), label: tensor.From([]int64{1, 2, 3}, 3), image: tensor.From([]int64{0, 1, 2}, 3)})
		m := PaCo{momentum: &momentum{bank: bank}, settings: recipe.PaCo{Temperature: 0.1, SampleWeight: 0.05, CenterWeight: 1}}
		key := normalize(tensor.Cat([]tensor.Tensor{classes, classes}, 0))
		return m.loss(x.Mul(classes.Select(0, 0)), normalize(x), key, labels)
	}
	for _, mining := range []string{"batch-hard", "batch-all", "semi-hard"} {
		for _, normalized := range []bool{true, false} {
			for _, soft := range []bool{true, false} {
				s := recipe.Triplet{Mining: mining, Margin: 0.3, Soft: soft, Squared: soft == normalized, Normalize: normalized}
				all[fmt.Sprintf("triplet %+v", s)] = func(x, labels tensor.Tensor) tensor.Tensor {
					m := Triplet{settings: s}
					loss, _ := m.loss(x, labels)
					return loss
				}
			}
		}
	}
	for kind, margin := range map[string]float64{"large-margin": 3, "cosface": 0.35, "arcface": 0.5} {
		all[kind] = func(x, labels tensor.Tensor) tensor.Tensor {
			m := Margin{single: single{precision: Precision{d, tensor.CPU}}, targets: targets{smoothing: 0.1},
				settings: recipe.Margin{Kind: kind, Margin: margin, Scale: 16, Lambda: 5, LambdaDecay: 0.1}}
			return m.targets.crossEntropy(m.logits(x, classes, labels, 3).LogSoftmax(1), labels, tensor.Tensor{})
		}
	}
	return all
}

// TestGradientsOfEveryLoss compares them with central differences.
func TestGradientsOfEveryLoss(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	x := make([]float64, propertyRows*propertyColumns)
	for i := range x {
		x[i] = random.NormFloat64()
	}
	labels := []int64{0, 1, 2, 0, 1, 2, 3, 3}
	run(t, func() {
		for name, f := range objectives(tensor.Float64) {
			tensor.Scope(func() {
				value := func() float64 {
					out := 0.0
					tensor.Scope(func() {
						out = f(tensor.From(x, propertyRows, propertyColumns), tensor.From(labels, propertyRows)).Item()
					})
					return out
				}
				leaf := tensor.From(x, propertyRows, propertyColumns).SetRequiresGrad(true)
				f(leaf, tensor.From(labels, propertyRows)).Backward()
				largest := 0.0
				for i, got := range tensor.To[float64](leaf.Grad()) {
					const h = 1e-6
					at := x[i]
					x[i] = at + h
					up := value()
					x[i] = at - h
					down := value()
					x[i] = at
					want := (up - down) / (2 * h)
					largest = max(largest, math.Abs(want))
					if !(math.Abs(got-want) <= 1e-7*(1+math.Abs(want))) {
						t.Errorf("%s: the gradient [%d] is %v, but the slope %v", name, i, got, want)
					}
				}
				if largest < 1e-3 {
					t.Errorf("%s hardly depends on its input: the steepest slope is %v", name, largest)
				}
			})
		}
	})
}

// TestEveryLossStaysFinite, and its gradient, for whatever is finite.
func TestEveryLossStaysFinite(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	inputs := map[string]func(row, column int) float64{
		"zeros":         func(int, int) float64 { return 0 },
		"identical":     func(_, column int) float64 { return float64(column) - 1.3 },
		"pairs":         func(row, column int) float64 { return float64(row/2*7%5) + float64(column) },
		"wide":          func(row, column int) float64 { return 1e4 * float64(1-2*((row+column)%2)) },
		"one direction": func(row, column int) float64 { return 1e4 * float64((row+1)*(1-column)) },
		"sure":          func(row, column int) float64 { return 1e4 * float64(max(0, 1-(row-column+8)%4)) },
		"tiny":          func(row, column int) float64 { return 1e-20 * float64(row-column) },
		"one row of 0":  func(row, column int) float64 { return float64(min(row, 1)) * (float64(row) - 2*float64(column)) },
		"along a class": func(row, column int) float64 { return classRows[row%4*propertyColumns+column] },
		"against one":   func(row, column int) float64 { return -3 * classRows[row%4*propertyColumns+column] },
		"random":        func(int, int) float64 { return 1e4 * random.NormFloat64() },
	}
	labelings := [][]int64{
		{0, 1, 2, 3, 0, 1, 2, 3}, {0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 1}, {2, 2, 2, 2, 2, 2, 2, 2},
	}
	for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
		run(t, func() {
			for name, f := range objectives(d) {
				for input, value := range inputs {
					for _, labels := range labelings {
						tensor.Scope(func() {
							var x []float64
							for row := range propertyRows {
								for column := range propertyColumns {
									x = append(x, value(row, column))
								}
							}
							leaf := tensor.From(x, propertyRows, propertyColumns).ToDType(d).SetRequiresGrad(true)
							loss := f(leaf, tensor.From(labels, propertyRows))
							loss.Backward()
							if v := loss.Item(); v-v != 0 {
								t.Errorf("%s of %s, labels %v, in %v: the loss is %v", name, input, labels, d, v)
							}
							if g := leaf.Grad(); !g.Defined() || g.IsFinite().All().Item() == 0 {
								t.Errorf("%s of %s, labels %v, in %v: the gradient is not finite", name, input, labels, d)
							}
						})
					}
				}
			}
		})
	}
}

// TestMarginsFallWithTheAngle: ψ goes down all the way from θ = 0 to π without a jump,
// from 1 to 1 − 2m, and the angles of ArcFace do not rise again.
func TestMarginsFallWithTheAngle(t *testing.T) {
	run(t, func() {
		const steps = 1000
		cosines := make([]float64, steps+1)
		for i := range cosines {
			cosines[i] = math.Cos(math.Pi * float64(i) / steps)
		}
		x := tensor.From(cosines, len(cosines))
		check := func(name string, values []float64, first, last float64) {
			if math.Abs(values[0]-first) > 1e-3 || math.Abs(values[steps]-last) > 1e-3 {
				t.Errorf("%s goes from %v to %v, not from %v to %v", name, values[0], values[steps], first, last)
			}
			for i := range steps {
				if fall := values[i] - values[i+1]; fall < -1e-9 || fall > 0.1 {
					t.Errorf("%s changes by %v at the angle %v", name, -fall, math.Pi*float64(i)/steps)
				}
			}
		}
		for m := 1; m <= 8; m++ {
			check(fmt.Sprintf("ψ for m = %d", m), tensor.To[float64](multiplyAngle(x, m)), 1, 1-2*float64(m))
		}
		for _, m := range []float64{0, 0.5, 1.5} {
			values := tensor.To[float64](addAngle(x, m))
			// Where it goes on as a cosine there is a step, as published.
			for i := range steps {
				if values[i+1] > values[i]+1e-9 && math.Abs(math.Pi*float64(i)/steps-(math.Pi-m)) > 0.01 {
					t.Errorf("arcface for m = %v rises at the angle %v", m, math.Pi*float64(i)/steps)
				}
			}
		}
	})
}
