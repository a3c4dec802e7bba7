package knn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSortAndKeep(t *testing.T) {
	n := Neighbors{K: 4, Similarity: []float32{1, 3, 3, 2, 5, 6, 0, 0}, Place: []int64{9, 7, 4, 1, 0, 2, -1, -1}}
	n.Sort()
	if want := []int64{4, 7, 1, 9, 2, 0, -1, -1}; !slices.Equal(n.Place, want) {
		t.Fatalf("sorted places are %v, want %v", n.Place, want)
	}
	kept := n.Keep(3, func(picture int, place int64) bool { return place != 7 && !(picture == 1 && place == 2) })
	if want := []int64{4, 1, 9, 0, -1, -1}; !slices.Equal(kept.Place, want) {
		t.Errorf("kept places are %v, want %v", kept.Place, want)
	}
	if similarity, place := kept.Row(1); len(place) != 1 || similarity[0] != 5 {
		t.Errorf("row 1 is %v, %v", similarity, place)
	}
}

func TestVoteWithoutNeighbors(t *testing.T) {
	shares := []float64{7, 7}
	Vote(shares, nil, nil, nil, 0.1)
	if !slices.Equal(shares, []float64{0.5, 0.5}) {
		t.Errorf("shares are %v", shares)
	}
}

// The chosen mixture is at least as likely as either part alone.
func TestMixWeight(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		a, b := make([]float64, 20), make([]float64, 20)
		for i := range a {
			a[i], b[i] = 0.01+0.99*random.Float64(), 0.01+0.99*random.Float64()
		}
		weight := mixWeight(a, b)
		least := mixNLL(a, b, weight)
		for _, other := range []float64{0, 1, weight - 0.01, weight + 0.01} {
			if other >= 0 && other <= 1 && mixNLL(a, b, other) < least-1e-12 {
				t.Fatalf("weight %v has NLL %v, but %v has %v", weight, least, other, mixNLL(a, b, other))
			}
		}
	}
	if got := mixWeight([]float64{0.9, 0.8}, []float64{0.1, 0.2}); got != 0 {
		t.Errorf("a vote that is always worse has weight %v", got)
	}
	if got := mixWeight([]float64{0.1, 0.2}, []float64{0.9, 0.8}); got != 1 {
		t.Errorf("a vote that is always better has weight %v", got)
	}
}

// Of pictures like the calibration's, a share p is less familiar than p.
func TestFamiliarityIsUniform(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	draw := func(n int) Neighbors {
		out := Neighbors{K: 2}
		for range n {
			s := float32(random.NormFloat64())
			out.Similarity, out.Place = append(out.Similarity, s+0.1, s-0.1), append(out.Place, 0, 1)
		}
		return out
	}
	for _, n := range []int{500, 7000} {
		f, err := CalibrateFamiliarity(draw(n), 2, true)
		if err != nil {
			t.Fatal(err)
		}
		if f.N != n || len(f.Quantiles) != min(n, maxQuantiles) || !slices.IsSorted(f.Quantiles) {
			t.Fatalf("%d quantiles of %d", len(f.Quantiles), f.N)
		}
		const fresh = 20000
		means := MeanSimilarity(draw(fresh), 2)
		for _, p := range []float64{0.01, 0.1, 0.5, 0.9} {
			below := 0
			for _, m := range means {
				if f.Of(m) <= p {
					below++
				}
			}
			deviation := math.Sqrt(p * (1 - p) * (1/float64(n) + 1/float64(fresh)))
			if got := float64(below) / fresh; math.Abs(got-p) > 4*deviation+0.002 {
				t.Errorf("calibrated on %d: a share of %v is below %v", n, got, p)
			}
		}
		if f.Of(100) != 1 || f.Of(-100) > 0.003 || f.Of(-100) <= 0 {
			t.Errorf("the extremes are %v and %v", f.Of(-100), f.Of(100))
		}
	}
	if _, err := CalibrateFamiliarity(Neighbors{K: 2}, 2, true); err == nil {
		t.Error("no pictures calibrate")
	}
}

func TestAUROC(t *testing.T) {
	for _, c := range []struct {
		inside, outside []float64
		want            float64
	}{
		{[]float64{3, 4}, []float64{1, 2}, 1},
		{[]float64{1, 2}, []float64{3, 4}, 0},
		{[]float64{1, 1}, []float64{1, 1, 1}, 0.5},
		{[]float64{2, 0}, []float64{1}, 0.5},
	} {
		if got := AUROC(c.inside, c.outside); got != c.want {
			t.Errorf("%v against %v is %v, want %v", c.inside, c.outside, got, c.want)
		}
	}
	if !math.IsNaN(AUROC(nil, []float64{1})) {
		t.Error("nothing has an AUROC")
	}
}

func TestAuditAndPrecision(t *testing.T) {
	ranked := Audit([]float64{0.9, 0.1, 0, 0.2, 0.3, 0.5, 0, 1, 0, 0.4, 0.6, 0, 0.6, 0.4, 0}, []int64{0, 0, 2, 1, 2})
	want := []Suspicion{
		{Image: 2, Given: 2, Suggested: 1, Score: 1, SuggestedShare: 1},
		{Image: 4, Given: 2, Suggested: 0, Score: 1, SuggestedShare: 0.6},
		{Image: 1, Given: 0, Suggested: 2, Score: 0.8, GivenShare: 0.2, SuggestedShare: 0.5},
		{Image: 3, Given: 1, Suggested: 0, Score: 0.4, GivenShare: 0.6, SuggestedShare: 0.4},
		{Image: 0, Given: 0, Suggested: 1, Score: 0.1, GivenShare: 0.9, SuggestedShare: 0.1},
	}
	for i, outvoted := range []bool{true, true, true, false, false} {
		if ranked[i].Outvoted() != outvoted {
			t.Errorf("rank %d: outvoted %v", i+1, !outvoted)
		}
	}
	for i, w := range want {
		got := ranked[i]
		if got.Image != w.Image || got.Given != w.Given || got.Suggested != w.Suggested || math.Abs(got.Score-w.Score) > 1e-12 ||
			got.GivenShare != w.GivenShare || got.SuggestedShare != w.SuggestedShare {
			t.Errorf("rank %d is %+v, want %+v", i+1, got, w)
		}
	}
	if got := PrecisionAt(ranked, 2, func(image int) bool { return image == 2 }); got != 0.5 {
		t.Errorf("the precision is %v", got)
	}
	if Audit(nil, nil) != nil {
		t.Error("nothing has suspects")
	}
	for want, sizes := range map[int][]int{10: {5, 6, 7}, 40: {3, 200, 1000}, 200: {5000, 6000, 7000}} {
		var labels []int64
		for class, n := range sizes {
			labels = append(labels, slices.Repeat([]int64{int64(class)}, n)...)
		}
		if got := AuditVoters(labels); got != want {
			t.Errorf("%d vote in classes of %v, not %d", got, sizes, want)
		}
	}
	if got := AuditVoters(nil); got != 10 {
		t.Errorf("%d vote on nothing", got)
	}
}
