package train

import (
	"context"
	"math"
	"testing"

	"cone/report"
)

// 53 images are no multiple of any of these batches, and each is counted once.
func TestEachTestImageIsCountedOnce(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Epochs = 2
	path, _ := start(t, r)
	var first report.Result
	for _, batch := range []int{1, 2, 20, 52, 53, 54, 1000} {
		c, err := FindCheckpoint(path, "last")
		if err != nil {
			t.Fatal(err)
		}
		c.Recipe.Evaluate.Batch = batch
		got, err := Evaluate(context.Background(), c, testEngine(t))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if got.N != testCount || len(got.PerClass) != classCount {
			t.Fatalf("in batches of %d: %d images of %d classes, not %d of %d", batch, got.N, len(got.PerClass), testCount, classCount)
		}
		for class, per := range got.PerClass {
			want, counted := int64((testCount+classCount-1-class)/classCount), int64(0)
			for _, n := range got.Confusion[class] {
				counted += n
			}
			if per.N != want || counted != want {
				t.Errorf("in batches of %d: class %d has %d images, %d of them in the confusion matrix, not %d", batch, class, per.N, counted, want)
			}
		}
		if first.N == 0 {
			first = got
		}
		if got.Top1 != first.Top1 || got.Top5 != first.Top5 || math.Abs(float64(got.NLL-first.NLL)) > 1e-5 {
			t.Errorf("in batches of %d: top-1 %v, NLL %v, but %v and %v in batches of 1", batch, got.Top1, got.NLL, first.Top1, first.NLL)
		}
	}
}

func TestEvaluateAgreesWithTraining(t *testing.T) {
	path, outcome := start(t, tiny(writeData(t, side, trainCount, testCount)))
	c, err := FindCheckpoint(path, "last")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := Evaluate(context.Background(), c, testEngine(t))
	if err != nil || mustJSON(t, got) != mustJSON(t, outcome.Last) {
		t.Errorf("eval says %+v, training said %+v: %v", got, outcome.Last, err)
	}
}

func TestEvaluateRefusesWhatDoesNotFit(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	path := startUntil(t, r, 1)
	evaluate := func(change func(*Checkpoint)) error {
		c, err := FindCheckpoint(path, "last")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		change(c)
		_, err = Evaluate(context.Background(), c, testEngine(t))
		return err
	}
	oneSentence(t, evaluate(func(c *Checkpoint) { c.Recipe.Model.Width = 8 }), "encoder_q.net.conv1.weight", "[4 1 3 3]", "[8 1 3 3]")
	oneSentence(t, evaluate(func(c *Checkpoint) { c.Recipe.Model.Depth = 2 }), "no tensor encoder_q.")
	oneSentence(t, evaluate(func(c *Checkpoint) { c.Classes = c.Classes[:3] }), "4 classes", "3")
	oneSentence(t, evaluate(func(c *Checkpoint) { c.Recipe.Data.Path += "x" }), r.Data.Path+"x")
}
