package method

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cone/tensor"
)

// TestLossesEqualPlainGo compares with the formulas written out in plain Go,
// over random sizes, k = K and a single neighbour among them.
func TestLossesEqualPlainGo(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for trial := range 40 {
		n, dim, classes, size := 1+random.IntN(6), 2+random.IntN(6), 2+random.IntN(5), 1+random.IntN(30) // in one dimension all similarities tie
		neighbors := 1 + random.IntN(size)
		switch trial % 4 {
		case 0:
			neighbors = size
		case 1:
			neighbors = 1
		}
		ex := newExample(random, n, dim, classes, size, neighbors)
		ex.smoothing = 0.3 * float64(trial%3)
		ex.settings.Guards = trial%2 == 0
		if trial%5 == 0 { // sure samples, which the guards leave out
			ex.logits[0][int(ex.labels[0])] += 50
		}
		t.Run(fmt.Sprintf("%d/N=%d,D=%d,C=%d,K=%d,k=%d", trial, n, dim, classes, size, neighbors), func(t *testing.T) {
			run(t, func() { checkPlain(t, ex, 1e-10) })
		})
	}
}

func checkPlain(t *testing.T, ex example, tolerance float64) {
	t.Helper()
	got, want := ex.compute(tensor.Float64), ex.plain()
	equal := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tolerance*(1+math.Abs(want))) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	equal("neighbour loss", got.neighbor.Item(), want.neighbor)
	equal("cross-entropy", got.centre.Item(), want.centre)
	equal("consistency loss", got.consistency.Item(), want.consistency)
	equal("total", got.total.Item(), want.total)
	for i, p := range tensor.To[float64](got.neighborProbability.Detach()) {
		equal(fmt.Sprintf("neighbour probability %d", i), p, want.neighborProbability[i])
	}
	for i, q := range tensor.To[float64](got.target) {
		equal(fmt.Sprintf("target %d", i), q, want.target[i/ex.classCount][i%ex.classCount])
	}
}

// TestAllNeighbors: with k = K the neighbours are the whole bank, so their
// order cannot matter, ties or not.
func TestAllNeighbors(t *testing.T) {
	run(t, func() {
		ex := newExample(rand.New(rand.NewPCG(7, 8)), 5, 3, 4, 16, 16)
		for j := range ex.bank { // ties throughout, with differing labels
			ex.bank[j] = ex.bank[j%3]
		}
		checkPlain(t, ex, 1e-12)
	})
}

// TestGradientsAreTheSlopes compares the total's gradients with central
// differences of the plain formulas.
func TestGradientsAreTheSlopes(t *testing.T) {
	for _, smoothing := range []float64{0, 0.2} {
		for _, neighbors := range []int{5, 20} {
			run(t, func() {
				ex := newExample(rand.New(rand.NewPCG(9, 10)), 4, 3, 5, 20, neighbors)
				ex.smoothing = smoothing
				got := ex.compute(tensor.Float64)
				checkSlopes(t, "embedding", ex.query, tensor.To[float64](got.embeddings.Grad()), func() float64 { return ex.plain().total })
				checkSlopes(t, "logits", ex.logits, tensor.To[float64](got.logits.Grad()), func() float64 { return ex.plain().total })
			})
		}
	}
}

// checkSlopes moves each value of m a little to both sides.
func checkSlopes(t *testing.T, what string, m [][]float64, gradient []float64, f func() float64) {
	t.Helper()
	const h = 1e-5
	largest := 0.0
	for i := range m {
		for j := range m[i] {
			x := m[i][j]
			m[i][j] = x + h
			up := f()
			m[i][j] = x - h
			down := f()
			m[i][j] = x
			want, got := (up-down)/(2*h), gradient[i*len(m[i])+j]
			largest = max(largest, math.Abs(want))
			if !(math.Abs(got-want) <= 1e-8*(1+math.Abs(want))) {
				t.Errorf("gradient of %s [%d %d] is %v, but the slope %v", what, i, j, got, want)
			}
		}
	}
	if largest < 1e-3 {
		t.Errorf("%s hardly matters: the steepest slope is %v", what, largest)
	}
}

// TestCrossEntropy: value and gradient for all smoothings, against plain Go.
func TestCrossEntropy(t *testing.T) {
	for _, smoothing := range []float64{0, 0.1, 0.5, 0.99} {
		for _, classes := range []int{2, 7} {
			run(t, func() {
				ex := newExample(rand.New(rand.NewPCG(11, 12)), 5, 2, classes, 3, 1)
				ex.smoothing, ex.settings.Guards = smoothing, false
				logits := toTensor(ex.logits, tensor.Float64).SetRequiresGrad(true)
				loss := targets{smoothing: smoothing}.crossEntropy(logits.LogSoftmax(1), tensor.From(ex.labels, 5), tensor.Tensor{})
				loss.Backward()
				if want := ex.plain().centre; math.Abs(loss.Item()-want) > 1e-12*want {
					t.Errorf("ε %v, C %d: %v, want %v", smoothing, classes, loss.Item(), want)
				}
				checkSlopes(t, "logits", ex.logits, tensor.To[float64](logits.Grad()), func() float64 { return ex.plain().centre })
			})
		}
	}
}

// TestGuards: a very sure sample leaves cross-entropy and consistency, and
// has no gradient through its logits, only while the guards stand.
func TestGuards(t *testing.T) {
	ex := newExample(rand.New(rand.NewPCG(13, 14)), 3, 4, 3, 12, 4)
	ex.labels = []int64{1, 0, 2}
	ex.logits[0] = []float64{30, 0, -1} // sure of the wrong class
	for _, guards := range []bool{true, false} {
		run(t, func() {
			ex.settings.Guards = guards
			checkPlain(t, ex, 1e-10)
			got := ex.compute(tensor.Float64)
			ce := got.centre.Item()
			if left := ce < 5; left != guards {
				t.Errorf("guards %v: cross-entropy is %v", guards, ce)
			}
			gradient := tensor.To[float64](got.logits.Grad())[:3]
			if still := slices.Equal(gradient, []float64{0, 0, 0}); still != guards {
				t.Errorf("guards %v: the sure sample's gradient is %v", guards, gradient)
			}
		})
	}
}

// TestLossesStayFinite for logits and embeddings at the edges, guarded or not.
func TestLossesStayFinite(t *testing.T) {
	for name, change := range map[string]func(*example){
		"sure and right": func(ex *example) {
			for i, l := range ex.labels {
				ex.logits[i][l] = 1e4
			}
		},
		"sure and wrong": func(ex *example) {
			for i, l := range ex.labels {
				ex.logits[i][l] = -1e4
			}
		},
		"wide": func(ex *example) {
			for i := range ex.logits {
				ex.logits[i][0], ex.logits[i][1] = 1e4, -1e4
			}
		},
		"identical rows": func(ex *example) {
			for i := range ex.query {
				ex.query[i], ex.key[i], ex.logits[i], ex.labels[i] = ex.query[0], ex.query[0], ex.logits[0], ex.labels[0]
			}
			for j := range ex.bank {
				ex.bank[j], ex.bankProbability[j] = unit(ex.query[0]), ex.bankProbability[0]
			}
		},
		"no embedding": func(ex *example) {
			for d := range ex.query[0] {
				ex.query[0][d], ex.key[0][d] = 0, 0
			}
		},
		"no neighbour of any class": func(ex *example) {
			for j := range ex.bankLabels {
				ex.bankLabels[j] = -1
			}
		},
		"a bank that is sure": func(ex *example) {
			for j := range ex.bankProbability {
				ex.bankProbability[j] = []float64{1, 0, 0, 0}
			}
		},
		"cold": func(ex *example) {
			ex.settings.NeighborTemperature, ex.settings.ConsistencyTemperature = 1e-4, 1e-4
		},
	} {
		for _, guards := range []bool{true, false} {
			for _, d := range []tensor.DType{tensor.Float32, tensor.Float64} {
				t.Run(fmt.Sprintf("%s/guards=%v/%v", name, guards, d), func(t *testing.T) {
					run(t, func() {
						ex := newExample(rand.New(rand.NewPCG(15, 16)), 5, 6, 4, 24, 7)
						ex.smoothing, ex.settings.Guards = 0.1, guards
						change(&ex)
						got := ex.compute(d)
						for what, v := range map[string]tensor.Tensor{
							"cross-entropy": got.centre, "neighbour loss": got.neighbor, "consistency loss": got.consistency,
							"gradient of the embedding": got.embeddings.Grad(), "gradient of the logits": got.logits.Grad(),
						} {
							if v.IsFinite().All().Item() == 0 {
								t.Errorf("%s is not finite", what)
							}
						}
						if nb, dc := got.neighbor.Item(), got.consistency.Item(); nb < -1e-6 || dc < -1e-6 {
							t.Errorf("neighbour loss %v and consistency loss %v: neither can be negative", nb, dc)
						}
					})
				})
			}
		}
	}
}

// TestUnwrittenSlots: a bank with slots that nothing was written to yet, for
// it is larger than the images of the warm-up, must not end a run.
func TestUnwrittenSlots(t *testing.T) {
	run(t, func() {
		bank := NewBank(32, 4, 3, tensor.Float32, tensor.CPU)
		defer bank.Free()
		ex := newExample(rand.New(rand.NewPCG(17, 18)), 6, 4, 3, 32, 5)
		o := objective{CoNe: ex.settings, bank: bank}
		labels := tensor.From(ex.labels, 6)
		z, logits := normalize(toTensor(ex.key, tensor.Float32)), toTensor(ex.logits, tensor.Float32)
		bank.Write(Entry{z, logits.Softmax(1), labels, labels})
		got := o.losses(z, logits, z, labels)
		for _, term := range got.total().Terms {
			if v := term.Value.Item(); math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s is %v with 26 of 32 slots unwritten", term.Name, v)
			}
		}
	})
}
