package augment

import (
	"fmt"
	"math"
	"testing"
)

// draws is how often the tests of this file draw. All streams are fixed, so
// that a test passes or fails for good.
const draws = 40000

// drawing is the stream of draw i.
func drawing(i int) *Stream {
	s := NewStream(11, PurposeAugment, 1, uint64(i))
	return &s
}

// counted compares counts with their probabilities by chi-squared at 0.1 %.
func counted[K comparable](t *testing.T, what string, counts map[K]float64, probabilities map[K]float64) {
	t.Helper()
	total, sum, chi := 0.0, 0.0, 0.0
	for key, n := range counts {
		total += n
		if probabilities[key] == 0 {
			t.Errorf("%s: %v came %v times and never should", what, key, n)
		}
	}
	for key, p := range probabilities {
		sum += p
		expected := p * total
		if p > 0 && expected < 5 {
			t.Fatalf("%s: %v is expected only %v times", what, key, expected)
		}
		if p > 0 {
			chi += (counts[key] - expected) * (counts[key] - expected) / expected
		}
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Fatalf("%s: the probabilities add up to %v", what, sum)
	}
	// Wilson and Hilferty, 1931, https://doi.org/10.1073/pnas.17.12.684.
	free := float64(len(probabilities) - 1)
	limit := free * math.Pow(1-2/(9*free)+3.09*math.Sqrt(2/(9*free)), 3)
	if !(chi <= limit) {
		t.Errorf("%s: chi-squared is %.1f, above %.1f: %v", what, chi, limit, counts)
	}
}

// uniform gives n keys the same probability.
func uniform(n int) map[int]float64 {
	p := map[int]float64{}
	for i := range n {
		p[i] = 1 / float64(n)
	}
	return p
}

// cells counts numbers from low to high in ten cells of equal width, for
// which all must be as likely.
func cells(t *testing.T, what string, low, high float64, draw func(s *Stream) float64) {
	t.Helper()
	counts := map[int]float64{}
	for i := range draws {
		v := draw(drawing(i))
		if v < low || v > high {
			t.Fatalf("%s: %v lies outside of %v to %v", what, v, low, high)
		}
		counts[min(int((v-low)/(high-low)*10), 9)]++
	}
	counted(t, what, counts, uniform(10))
}

func TestBetween(t *testing.T) {
	cells(t, "between", -3, 4.5, func(s *Stream) float64 { return s.between(-3, 4.5) })
}

func TestNormal(t *testing.T) {
	counts, probabilities := map[int]float64{}, map[int]float64{}
	below := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	for i := range draws {
		counts[int(math.Floor(2*max(-3, min(drawing(i).Normal(), 2.999))))]++
	}
	for c := -6; c < 6; c++ {
		probabilities[c] = below(float64(c+1)/2) - below(float64(c)/2)
	}
	probabilities[-6], probabilities[5] = below(-2.5), below(-2.5)
	counted(t, "normal", counts, probabilities)
}

// betaBelow is the share of Beta(alpha, alpha) below x ≤ ½, by Simpson's rule
// after substituting u = x^alpha, which leaves no pole.
func betaBelow(x, alpha float64) float64 {
	integral := func(x float64) float64 {
		const n = 4000
		top := math.Pow(x, alpha)
		f := func(i int) float64 {
			return math.Pow(1-math.Pow(top*float64(i)/n, 1/alpha), alpha-1)
		}
		sum := f(0) + f(n)
		for i := 1; i < n; i++ {
			sum += f(i) * float64(2+2*(i%2))
		}
		return sum * top / (3 * n)
	}
	return integral(x) / integral(0.5) / 2
}

func TestBeta(t *testing.T) {
	edges := []float64{0, 0.001, 0.02, 0.1, 0.2, 0.3, 0.4, 0.5}
	for _, alpha := range []float64{0.1, 0.2, 0.5, 0.8, 1, 2, 7.5} {
		counts, probabilities := map[int]float64{}, map[int]float64{}
		place := func(v float64) int { // the cell, those above ½ negative
			side := 1
			if v > 0.5 {
				v, side = 1-v, -1
			}
			for c := 1; ; c++ {
				if v <= edges[c] {
					return side * c
				}
			}
		}
		for i := range draws {
			counts[place(drawing(i).Beta(alpha))]++
		}
		rest := 0.0 // cells too rare to count join the next
		for c := 1; c < len(edges); c++ {
			p := betaBelow(edges[c], alpha) - betaBelow(edges[c-1], alpha) + rest
			if rest = 0; p*draws < 5 {
				rest = p
				counts[c+1], counts[-c-1] = counts[c+1]+counts[c], counts[-c-1]+counts[-c]
				delete(counts, c)
				delete(counts, -c)
				continue
			}
			probabilities[c], probabilities[-c] = p, p
		}
		counted(t, fmt.Sprintf("Beta(%v)", alpha), counts, probabilities)
	}
	if p := betaBelow(0.25, 0.5); math.Abs(p-1.0/3) > 1e-6 { // the arc sine law
		t.Errorf("a share of %v of Beta(½, ½) lies below ¼, want ⅓", p)
	}
	for i := range 1000 { // where gammas are too small for numbers
		if v := drawing(i).Beta(1e-4); !(v >= 0 && v <= 1) {
			t.Fatalf("Beta(0.0001) gave %v", v)
		}
	}
}
