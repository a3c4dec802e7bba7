package train

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"cone/data"
	"cone/recipe"
	"cone/tensor"
)

// withRun calls f with a run that is ready for its first step.
func withRun(t *testing.T, r recipe.Recipe, f func(*run)) {
	t.Helper()
	collection, err := data.Open(r.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer collection.Close()
	e := testEngine(t)
	err = tensor.Run(func() error {
		e.Prepare()
		r := &run{recipe: r, whole: r, engine: e, data: collection}
		defer r.free()
		if err := r.build(); err != nil {
			return err
		}
		folder, err := createFolder(filepath.Join(t.TempDir(), "run"))
		if err != nil {
			return err
		}
		defer folder.close()
		if err := r.openFolder(folder, nil); err != nil {
			return err
		}
		defer r.metrics.Close()
		f(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// parameters are the encoder's, one after the other.
func (r *run) parameters() (all []float64) {
	tensor.Scope(func() {
		for _, p := range r.encoder().Tree.Parameters() {
			all = append(all, tensor.To[float64](p.Value.Detach().ToDType(tensor.Float64))...)
		}
	})
	return all
}

// halves is a batch whose second half repeats the first.
func halves(n int) *data.Batch {
	random := rand.New(rand.NewPCG(3, 4))
	b := &data.Batch{V: 1, N: n, H: side, W: side, C: 1}
	for i := range n / 2 {
		for range side * side {
			b.Images = append(b.Images, byte(random.IntN(256)))
		}
		b.Labels = append(b.Labels, int64(i%classCount))
		b.Indices = append(b.Indices, int64(i))
	}
	b.Images = append(b.Images, b.Images...)
	b.Labels = append(b.Labels, b.Labels...)
	b.Indices = append(b.Indices, b.Indices...)
	return b
}

// A batch of two equal halves has each half's batch statistics, so that two
// accumulated parts must move the weights as the whole batch does.
func TestAccumulationAddsUpToTheWholeBatch(t *testing.T) {
	folder := writeData(t, side, trainCount, testCount)
	for _, method := range []string{"cone", "cross-entropy"} {
		t.Run(method, func(t *testing.T) {
			var moved [2][]float64
			for i, parts := range []int{1, 2} {
				r := tiny(folder)
				r.Precision, r.Method.Name, r.Optim.Accumulate = "float64", method, parts
				r.Optim.WarmupEpochs = 0
				withRun(t, r, func(r *run) {
					before := r.parameters()
					// CoNe's warm-up fills the bank; then all its losses count.
					for _, epoch := range []int{0, 0, 0, 1} {
						r.at.Epoch = epoch
						if err := r.step(halves(batchSize)); err != nil {
							t.Fatal(err)
						}
					}
					for j, after := range r.parameters() {
						moved[i] = append(moved[i], after-before[j])
					}
				})
			}
			largest := 0.0
			for j := range moved[0] {
				largest = max(largest, math.Abs(moved[0][j]))
			}
			if largest == 0 {
				t.Fatal("nothing moved")
			}
			for j := range moved[0] {
				if d := math.Abs(moved[0][j] - moved[1][j]); d > 1e-10*largest {
					t.Fatalf("weight %d moves by %v in one part and by %v in two", j, moved[0][j], moved[1][j])
				}
			}
		})
	}
}

// The first step of momentum moves the weights by rate × gradient, so its
// length shows the gradient's norm after clipping.
func TestClippingBoundsTheStep(t *testing.T) {
	folder := writeData(t, side, trainCount, testCount)
	for _, bound := range []float64{1e-3, 0.5, 1e6} {
		r := tiny(folder)
		r.Precision = "float64"
		r.Optim.WarmupEpochs, r.Optim.WeightDecay, r.Optim.ClipNorm = 0, 0, bound
		withRun(t, r, func(r *run) {
			before := r.parameters()
			if err := r.step(halves(batchSize)); err != nil {
				t.Fatal(err)
			}
			squares := 0.0
			for j, after := range r.parameters() {
				squares += (after - before[j]) * (after - before[j])
			}
			norm := records(t, r.folder.path)[0]["gradient_norm"].(float64)
			if norm <= 0.5 || norm >= 1e6 {
				t.Fatalf("the gradient's norm is %v: the bounds do not test anything", norm)
			}
			got, want := math.Sqrt(squares)/r.schedule.Rate(0), min(norm, bound)
			if math.Abs(got-want) > 1e-5*want {
				t.Errorf("with the bound %v the gradient has the norm %v after clipping and %v before", bound, got, norm)
			}
		})
	}
}
