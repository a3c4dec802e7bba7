package train

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"cone/dist"
	"cone/knn"
	"cone/recipe"
	"cone/tensor"
)

// TestShares of votes that are easily counted by hand.
func TestShares(t *testing.T) {
	j := judge{classes: []string{"a", "b", "c"}, settings: recipe.KNN{Temperature: 0.5}}
	got := j.shares([]float32{0.5, 0, 0.5, 1, 1, 1}, []int64{0, 1, 2, 3, 3, 1}, []int64{0, 1, 0, 2}, 3)
	far := math.Exp(-1)
	want := []float64{2 / (2 + far), far / (2 + far), knn.LeastShare, knn.LeastShare, 1. / 3, 2. / 3}
	for i, w := range want {
		if math.Abs(math.Exp(float64(got[i]))-w) > 1e-6 {
			t.Errorf("share %d is %v, want %v", i, math.Exp(float64(got[i])), w)
		}
	}
}

// The vote of a run is that of plain loops over all pairs of images.
func TestVotesAreThoseOfPlainLoops(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	r := variant(t, data, []string{"method.name=supcon", "epochs=1", "precision=float64", "evaluate.batch=7", "evaluate.knn.k=9"})
	path, outcome := start(t, r)
	var train, test [][]float64
	var trainLabels, testLabels []int64
	withJudge(t, path, func(j judge) {
		gather := func() (all [][]float64, labels []int64) {
			embeddings, labels, err := j.embed(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			flat, d := tensor.To[float32](embeddings), embeddings.Dim(1)
			for i := range labels {
				var row []float64
				for _, v := range flat[i*d : (i+1)*d] {
					row = append(row, float64(v))
				}
				all = append(all, row)
			}
			return all, labels
		}
		train, trainLabels = gather()
		j.index = j.test
		test, testLabels = gather()
	})
	if len(train) != trainCount || len(test) != testCount {
		t.Fatalf("%d and %d embeddings", len(train), len(test))
	}
	correct, nll := 0, 0.0
	for i, z := range test {
		similarity := make([]float64, len(train))
		for j, other := range train {
			for d := range z {
				similarity[j] += z[d] * other[d]
			}
		}
		votes := make([]float64, classCount)
		total := 0.0
		for range r.Evaluate.KNN.K {
			best := 0
			for j := range similarity {
				if similarity[j] > similarity[best] {
					best = j
				}
			}
			v := math.Exp(similarity[best] / r.Evaluate.KNN.Temperature)
			votes[trainLabels[best]] += v
			total += v
			similarity[best] = math.Inf(-1)
		}
		first := 0
		for c := range votes {
			if votes[c] > votes[first] {
				first = c
			}
		}
		if int64(first) == testLabels[i] {
			correct++
		}
		sum := 0.0
		for _, v := range votes {
			sum += max(v/total, knn.LeastShare)
		}
		nll -= math.Log(max(votes[testLabels[i]]/total, knn.LeastShare) / sum)
	}
	if got, want := float64(outcome.Last.Top1), float64(correct)/testCount; math.Abs(got-want) > 1e-9 {
		t.Errorf("top-1 is %v, want %v", got, want)
	}
	if got, want := float64(outcome.Last.NLL), nll/testCount; math.Abs(got-want) > 1e-4 {
		t.Errorf("NLL is %v, want %v", got, want)
	}
}

// withJudge calls f with what evaluates the run.
func withJudge(t *testing.T, path string, f func(judge)) {
	t.Helper()
	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	withRun(t, c.Recipe, func(r *run) {
		if err := c.load(r.state()); err != nil {
			t.Fatal(err)
		}
		f(judge{group: dist.Alone(), model: r.model(r.encoder()), classes: r.data.Test.Classes(),
			test: r.testLoader, index: r.index, settings: r.recipe.Evaluate.KNN})
	})
}

// Beside the classifier, the vote's top-1 is told at the end only.
func TestNeighborsBesideTheClassifier(t *testing.T) {
	data := writeData(t, side, trainCount, testCount)
	path, outcome := start(t, variant(t, data, []string{"method.name=cross-entropy", "evaluate.knn.report=true"}))
	if outcome.Last.KNNTop1 == nil || *outcome.Last.KNNTop1 < 0.5 {
		t.Fatalf("the vote's top-1 is %v", outcome.Last.KNNTop1)
	}
	for _, record := range records(t, path) {
		_, ok := record["knn_top1"]
		if want := record["kind"] == "epoch" && record["epoch"] == 3.0; ok != want {
			t.Errorf("%v %v has knn_top1 %v", record["kind"], record["epoch"], record["knn_top1"])
		}
	}
	// A run may also be judged by its neighbours alone.
	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Recipe.Evaluate.Classifier, c.Recipe.Evaluate.KNN.Report = "knn", false
	got, err := Evaluate(context.Background(), c, testEngine(t))
	if err != nil || got.Top1 != *outcome.Last.KNNTop1 || got.N != testCount || got.KNNTop1 != nil {
		t.Errorf("by neighbours alone top-1 is %v, want %v: %v", got.Top1, *outcome.Last.KNNTop1, err)
	}
	if raw := string(mustRead(t, filepath.Join(path, "evaluation.json"))); !strings.Contains(raw, `"knn_top1"`) {
		t.Errorf("evaluation.json has no knn_top1: %s", raw)
	}
}
