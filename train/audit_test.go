package train

import (
	"context"
	"slices"
	"testing"

	"cone/data"
	"cone/knn"
)

func TestCopies(t *testing.T) {
	got := copies([]int{0, 1, 0, 3, 0, 3})
	want := [][]int{{2, 4}, nil, {0, 4}, {5}, {0, 2}, {3}}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("the copies of %d are %v, want %v", i, got[i], want[i])
		}
	}
}

// Labels that were made wrong stand at the top, and no image is its own evidence.
func TestAuditFindsWrongLabels(t *testing.T) {
	folder := writeData(t, side, trainCount, testCount)
	path, _ := start(t, variant(t, folder, []string{"epochs=6", "data.label_noise.rate=0.1", "data.hold_out=0.1"}))
	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	collection, err := data.Open(c.Recipe.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer collection.Close()
	a, err := AuditLabels(context.Background(), c, testEngine(t), collection, AuditOptions{K: 15, Temperature: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	flipped := collection.Noise().Flipped()
	precision := knn.PrecisionAt(a.Ranked, len(flipped), func(row int) bool {
		return slices.Contains(flipped, int(a.Features.Indices[row]))
	})
	if len(a.Ranked) != collection.Train.Len() || precision < 0.9 {
		t.Errorf("of %d images ranked, %d at the top are wrong with precision %v", len(a.Ranked), len(flipped), precision)
	}
	for i := range a.Near.Len() {
		similarity, place := a.Near.Row(i)
		if slices.Contains(place, int64(i)) || len(place) != 15 || !slices.IsSortedFunc(similarity, func(a, b float32) int {
			return int(b*1e6) - int(a*1e6)
		}) {
			t.Fatalf("the neighbours of %d are %v with %v", i, place, similarity)
		}
	}
}

// The mixture is chosen on held-out images, or on training images where there
// are none, and the vote is that of the neighbours alone.
func TestMixedEvaluation(t *testing.T) {
	folder := writeData(t, side, trainCount, testCount)
	path, _ := start(t, variant(t, folder, []string{"epochs=2", "data.hold_out=0.1"}))
	for _, share := range []float64{0.1, 0} {
		evaluate := func(classifier string, report bool) (out [2]float64, n int, held bool) {
			c, err := FindCheckpoint(path, "last")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Recipe.Data.HoldOut = share
			c.Recipe.Evaluate.Classifier, c.Recipe.Evaluate.KNN.Report = classifier, report
			got, err := Evaluate(context.Background(), c, testEngine(t))
			if err != nil {
				t.Fatal(err)
			}
			if got.Mixed == nil {
				return [2]float64{float64(got.Top1)}, 0, false
			}
			return [2]float64{float64(*got.KNNTop1), float64(got.Mixed.NLL)}, got.Mixed.Calibration, got.Mixed.HeldOut
		}
		alone, _, _ := evaluate("knn", false)
		both, n, held := evaluate("linear", true)
		if alone[0] != both[0] {
			t.Errorf("hold_out %v: the vote's top-1 is %v beside the classifier, but %v alone", share, both[0], alone[0])
		}
		if want := map[float64]int{0.1: 24, 0: trainCount}[share]; n != want || held != (share > 0) || !(both[1] > 0) {
			t.Errorf("hold_out %v: chosen on %d images, held out: %v, NLL %v", share, n, held, both[1])
		}
	}
}
