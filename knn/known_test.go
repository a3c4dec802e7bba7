package knn

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// known is what numpy, scikit-learn and cleanlab made (testdata/known.py).
type known struct {
	Classes     int       `json:"classes"`
	K           int       `json:"k"`
	Temperature float64   `json:"temperature"`
	Labels      []int64   `json:"labels"`
	Truth       []int64   `json:"truth"`
	Similarity  []float32 `json:"similarity"`
	Place       []int64   `json:"place"`
	Logits      []float32 `json:"logits"`
	Votes       []float64 `json:"votes"`
	Softmax     []float64 `json:"softmax"`
	Mixture     struct {
		Mixture
		NLL float64 `json:"nll"`
	} `json:"mixture"`
	Means   []float64 `json:"means"`
	Inside  []float64 `json:"inside"`
	Outside []float64 `json:"outside"`
	AUROC   float64   `json:"auroc"`
	Given   []int64   `json:"given"`
	Margin  []float64 `json:"normalized_margin"`

	Confidence []float64 `json:"self_confidence"`
	Accuracy   float64   `json:"accuracy"`
}

func readKnown(t *testing.T) (k known) {
	t.Helper()
	raw, err := os.ReadFile("testdata/known.json")
	if err == nil {
		err = json.Unmarshal(raw, &k)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k known) neighbors() Neighbors { return Neighbors{k.K, k.Similarity, k.Place} }

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestVotesAreNumpys(t *testing.T) {
	k := readKnown(t)
	votes := Votes(k.neighbors(), k.Labels, k.Classes, k.Temperature)
	near(t, "votes", votes, k.Votes, 1e-6)
	near(t, "softmax", Softmax(k.Logits, k.Classes), k.Softmax, 1e-9)
	near(t, "accuracy", []float64{Accuracy(votes, k.Truth)}, []float64{k.Accuracy}, 0)
	var means []float64
	for _, m := range MeanSimilarity(k.neighbors(), 4) {
		means = append(means, float64(m))
	}
	near(t, "means", means, k.Means, 1e-6)
}

// Numpy tried all weights.
func TestFitFindsTheBestMixture(t *testing.T) {
	k := readKnown(t)
	m := Fit(k.Logits, k.neighbors(), k.Labels, k.Truth, k.Classes)
	if m.K != k.Mixture.K || m.Temperature != k.Mixture.Temperature || math.Abs(m.Weight-k.Mixture.Weight) > 1e-4 {
		t.Errorf("chose %+v, want %+v", m, k.Mixture)
	}
	nll := 0.0
	for i, p := range m.Mix(k.Logits, k.neighbors(), k.Labels, k.Classes) {
		if i%k.Classes == int(k.Truth[i/k.Classes]) {
			nll -= math.Log(p)
		}
	}
	near(t, "NLL", []float64{nll / float64(len(k.Truth))}, []float64{k.Mixture.NLL}, 1e-4) // shares have a floor there
}

func TestAUROCIsScikitLearns(t *testing.T) {
	k := readKnown(t)
	near(t, "AUROC", []float64{AUROC(k.Inside, k.Outside)}, []float64{k.AUROC}, 1e-12)
}

// cleanlab's self-confidence: the lower, the more suspicious. Its normalised margin
// is 1/2 + (own − best other)/2.
func TestAuditRanksAsCleanlab(t *testing.T) {
	k := readKnown(t)
	ranked := Audit(k.Votes, k.Given)
	for _, s := range ranked {
		near(t, "self-confidence", []float64{1 - s.Score}, []float64{k.Confidence[s.Image]}, 1e-9)
		near(t, "margin", []float64{(1 + s.GivenShare - s.SuggestedShare) / 2}, []float64{k.Margin[s.Image]}, 1e-9)
		if s.Given != int(k.Given[s.Image]) || s.Suggested == s.Given {
			t.Errorf("image %d: %+v", s.Image, s)
		}
	}
	if !slices.IsSortedFunc(ranked, func(a, b Suspicion) int { return cmp.Compare(b.Score, a.Score) }) {
		t.Error("not ranked by score")
	}
}
