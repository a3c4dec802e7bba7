package report

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func newEvaluation(t *testing.T, classes int) *Evaluation {
	t.Helper()
	names := make([]string, classes)
	for i := range names {
		names[i] = string(rune('a' + i%26))
	}
	e, err := NewEvaluation(names)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func add(t *testing.T, e *Evaluation, logits []float32, labels ...int64) {
	t.Helper()
	if err := e.Add(logits, labels); err != nil {
		t.Fatal(err)
	}
}

func near(got Float, want float64) bool { return math.Abs(float64(got)-want) <= 1e-12 }

// The answers were computed with numpy; see testdata/evaluation.py.
func TestEvaluationAgainstNumpy(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "evaluation.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Logits               [][]float32
		Labels               []int64
		Top1, Top5, NLL, ECE float64
		Accuracy             []float64
		Confusion            [][]int64
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	e := newEvaluation(t, len(want.Accuracy))
	for i := 0; i < len(want.Labels); i += 10 { // the last batch is smaller
		end := min(i+10, len(want.Labels))
		add(t, e, slices.Concat(want.Logits[i:end]...), want.Labels[i:end]...)
	}
	r := e.Result()
	if r.N != int64(len(want.Labels)) || r.NonFinite != 0 {
		t.Errorf("n = %d, non-finite %d", r.N, r.NonFinite)
	}
	if !near(r.Top1, want.Top1) || !near(r.Top5, want.Top5) || !near(r.NLL, want.NLL) || !near(r.ECE, want.ECE) {
		t.Errorf("top1 %v, top5 %v, nll %v, ece %v; want %v, %v, %v, %v", r.Top1, r.Top5, r.NLL, r.ECE, want.Top1, want.Top5, want.NLL, want.ECE)
	}
	for i, c := range r.PerClass {
		if !near(c.Accuracy, want.Accuracy[i]) {
			t.Errorf("class %d: accuracy %v, want %v", i, c.Accuracy, want.Accuracy[i])
		}
	}
	if !reflect.DeepEqual(r.Confusion, want.Confusion) {
		t.Errorf("confusion %v, want %v", r.Confusion, want.Confusion)
	}
}

func TestEvaluationByHand(t *testing.T) {
	e := newEvaluation(t, 2)
	ln3 := float32(math.Log(3))
	// Probabilities ¾ and ¼, right once and wrong once; then ½ and ½, where
	// class 0 is predicted.
	add(t, e, []float32{ln3, 0, ln3, 0, 7, 7, 7, 7}, 0, 1, 0, 1)
	r := e.Result()
	nll := (math.Log(4.0/3) + math.Log(4) + 2*math.Log(2)) / 4
	// Both bins hold two images of accuracy ½: gaps ¼ and 0.
	if r.Top1 != 0.5 || r.Top5 != 1 || math.Abs(float64(r.NLL)-nll) > 1e-7 || math.Abs(float64(r.ECE)-0.125) > 1e-7 {
		t.Errorf("got %+v, want nll %v", r, nll)
	}
	if want := [][]int64{{2, 0}, {2, 0}}; !reflect.DeepEqual(r.Confusion, want) {
		t.Errorf("confusion %v, want %v", r.Confusion, want)
	}
}

func TestTopKTies(t *testing.T) {
	// All equal: the first five of seven classes are the top five.
	for label := range int64(7) {
		e := newEvaluation(t, 7)
		add(t, e, make([]float32, 7), label)
		r := e.Result()
		if want := label == 0; (r.Top1 == 1) != want {
			t.Errorf("label %d: top-1 %v", label, r.Top1)
		}
		if want := label < 5; (r.Top5 == 1) != want {
			t.Errorf("label %d: top-5 %v", label, r.Top5)
		}
	}
}

func TestNLLIsStable(t *testing.T) {
	for _, offset := range []float32{0, 1e4, -1e4} {
		e := newEvaluation(t, 3)
		add(t, e, []float32{offset, offset + 100, offset - 500}, 0)
		if r := e.Result(); !near(r.NLL, 100) || !near(r.ECE, 1) {
			t.Errorf("offset %v: nll %v, ece %v, want 100 and 1", offset, r.NLL, r.ECE)
		}
	}
	e := newEvaluation(t, 2)
	add(t, e, []float32{math.MaxFloat32, -math.MaxFloat32}, 0)
	if r := e.Result(); r.NLL != 0 || r.Top1 != 1 || r.NonFinite != 0 {
		t.Errorf("largest float32: %+v", r)
	}
}

func TestNonFiniteLogitsAreWrong(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, row := range map[string][]float32{
		"NaN elsewhere": {5, nan, 0}, "NaN at label": {nan, 0, 0}, "all NaN": {nan, nan, nan},
		"+Inf": {inf, 0, 0}, "all −Inf": {-inf, -inf, -inf},
	} {
		e := newEvaluation(t, 3)
		add(t, e, row, 0)
		add(t, e, []float32{0, 2, 0}, 1)
		r := e.Result()
		nll := math.Log(2*math.Exp(-2) + 1)
		if r.N != 2 || r.NonFinite != 1 || r.Top1 != 0.5 || r.Top5 != 0.5 || !near(r.NLL, nll) || !near(r.ECE, 1-math.Exp(-nll)) {
			t.Errorf("%s: %+v", name, r)
		}
		if r.PerClass[0].N != 1 || r.PerClass[0].Correct != 0 {
			t.Errorf("%s: class 0 %+v", name, r.PerClass[0])
		}
		if want := [][]int64{{0, 0, 0}, {0, 1, 0}, {0, 0, 0}}; !reflect.DeepEqual(r.Confusion, want) {
			t.Errorf("%s: confusion %v", name, r.Confusion)
		}
	}
	// A single −Inf is a probability of 0, not a fault.
	e := newEvaluation(t, 2)
	add(t, e, []float32{3, -inf}, 0)
	if r := e.Result(); r.NonFinite != 0 || r.Top1 != 1 || r.NLL != 0 {
		t.Errorf("−Inf: %+v", r)
	}
}

func TestPaddingIsSkipped(t *testing.T) {
	e := newEvaluation(t, 2)
	add(t, e, []float32{1, 0, 0, 1, 9, 9}, 0, 0, Padding)
	if r := e.Result(); r.N != 2 || r.Top1 != 0.5 {
		t.Errorf("%+v", r)
	}
}

func TestBadBatchCountsNothing(t *testing.T) {
	e := newEvaluation(t, 2)
	for _, c := range []struct {
		logits []float32
		labels []int64
	}{
		{[]float32{1, 0, 1}, []int64{0, 1}},
		{[]float32{1, 0, 1, 0}, []int64{0, 2}},
		{[]float32{1, 0, 1, 0}, []int64{0, -2}},
	} {
		if err := e.Add(c.logits, c.labels); err == nil {
			t.Errorf("%v, %v accepted", c.logits, c.labels)
		}
	}
	if n := e.Result().N; n != 0 {
		t.Errorf("%d images counted", n)
	}
	if _, err := NewEvaluation(nil); err == nil {
		t.Error("no classes accepted")
	}
}

func TestCalibrationBinEdges(t *testing.T) {
	for m := range CalibrationBins {
		upper := float64(m+1) / CalibrationBins
		if got := calibrationBin(upper); got != m {
			t.Errorf("the upper edge of bin %d is in bin %d", m, got)
		}
		if got, want := calibrationBin(math.Nextafter(upper, 2)), min(m+1, CalibrationBins-1); got != want {
			t.Errorf("just above bin %d is in bin %d", m, got)
		}
	}
}

// Two processes' sums added are one process's.
func TestSumsAddUp(t *testing.T) {
	const classes, batches = 6, 4
	random := rand.New(rand.NewPCG(5, 6))
	parts := []*Evaluation{newEvaluation(t, classes), newEvaluation(t, classes)}
	whole := newEvaluation(t, classes)
	for b := range batches {
		logits := make([]float32, 8*classes)
		for i := range logits {
			logits[i] = float32(random.NormFloat64())
		}
		labels := make([]int64, 8)
		for i := range labels {
			labels[i] = random.Int64N(classes)
		}
		add(t, whole, logits, labels...)
		add(t, parts[b%2], logits, labels...)
	}
	sums := parts[0].Sums()
	for i, v := range parts[1].Sums() {
		sums[i] += v
	}
	merged := newEvaluation(t, classes)
	if err := merged.SetSums(sums); err != nil {
		t.Fatal(err)
	}
	got, want := merged.Result(), whole.Result()
	if !near(got.NLL, float64(want.NLL)) || !near(got.ECE, float64(want.ECE)) {
		t.Errorf("nll %v, ece %v; want %v, %v", got.NLL, got.ECE, want.NLL, want.ECE)
	}
	got.NLL, got.ECE = want.NLL, want.ECE // equal but for rounding
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := merged.SetSums(sums[1:]); err == nil {
		t.Error("sums of another length accepted")
	}
}

func TestManyClassesKeepNoConfusion(t *testing.T) {
	const classes = MaxConfusionClasses + 1
	e := newEvaluation(t, classes)
	logits := make([]float32, classes)
	logits[classes-1] = 1
	add(t, e, logits, classes-1)
	r := e.Result()
	if r.Confusion != nil || r.Top1 != 1 || r.PerClass[classes-1].Correct != 1 {
		t.Errorf("confusion %v, top-1 %v", r.Confusion != nil, r.Top1)
	}
	dir := t.TempDir()
	if err := r.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "confusion.csv")); err == nil {
		t.Error("confusion.csv was written")
	}
}

func TestResultFiles(t *testing.T) {
	e, err := NewEvaluation([]string{"cat", `big, "red" dog`, "<none>"})
	if err != nil {
		t.Fatal(err)
	}
	add(t, e, []float32{0, 1, 0, 0, 1, 0, 1, 0, 0}, 0, 1, 0)
	dir := t.TempDir()
	r := e.Result()
	if err := r.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"confusion.csv": `true/predicted,cat,"big, ""red"" dog",<none>
cat,1,1,0
"big, ""red"" dog",0,1,0
<none>,0,0,0
`,
		"per_class.csv": `class,name,n,correct,accuracy
0,cat,2,1,0.500000
1,"big, ""red"" dog",1,1,1.000000
2,<none>,0,0,
`,
	} {
		if got := readFile(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	text := readFile(t, filepath.Join(dir, "evaluation.json"))
	var got Result
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(float64(got.PerClass[2].Accuracy)) || !strings.Contains(text, `"accuracy": null`) {
		t.Errorf("accuracy of no images: %v", got.PerClass[2].Accuracy)
	}
	got.PerClass[2].Accuracy, r.PerClass[2].Accuracy, r.Confusion = 0, 0, nil
	if !reflect.DeepEqual(got, r) {
		t.Errorf("read back %+v, want %+v", got, r)
	}
}

func TestEmptyEvaluationWrites(t *testing.T) {
	r := newEvaluation(t, 2).Result()
	if err := r.WriteFiles(t.TempDir()); err != nil {
		t.Error(err)
	}
	if !math.IsNaN(float64(r.Top1)) {
		t.Errorf("top-1 of no images is %v", r.Top1)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
