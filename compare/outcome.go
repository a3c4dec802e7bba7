package compare

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"cone/report"
)

// Outcome is what a finished run tells.
type Outcome struct {
	Seed    uint64
	Result  report.Result // on the test images, with the neighbours' top-1
	Weights int           // of the evaluated network
	Rate    float64       // training images/s, the median epoch; NaN if none was timed whole
	Memory  float64       // peak resident memory in MB; NaN of runs that did not record it
	Curve   []report.Point
	Terms   Terms // of the last epoch
}

// Terms say what CoNe's neighbours and consistency targets are like, so whether
// they have something to say. Other methods lack them.
type Terms struct {
	// SameLabel is the share of the k neighbours with the image's label, and
	// Probability the mean p that they give it.
	SameLabel   *float64 `json:"same_label_neighbors"`
	Probability *float64 `json:"neighbor_probability"`
	// Distance of the consistency target from one-hot: 1 less its largest
	// probability. Entropy is the target's, in nats.
	Distance *float64 `json:"target_distance"`
	Entropy  *float64 `json:"target_entropy"`
	// Guarded is the share of the images that the guards leave out of the
	// cross-entropy and consistency terms.
	Guarded *float64 `json:"guarded_images"`
}

// Group is a recipe with the outcomes of its seeds.
type Group struct {
	Name     string
	Outcomes []Outcome
}

// values are a figure of every outcome by seed; what is not a number is left out.
func (g Group) values(figure func(Outcome) float64) map[uint64]float64 {
	out := map[uint64]float64{}
	for _, o := range g.Outcomes {
		if v := figure(o); !math.IsNaN(v) {
			out[o.Seed] = v
		}
	}
	return out
}

// interval describes a figure over the seeds.
func (g Group) interval(figure func(Outcome) float64) Interval {
	var all []float64
	for _, o := range g.Outcomes {
		if v := figure(o); !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	return NewInterval(all)
}

// epoch is what a comparison reads of a run's metrics.jsonl.
type epoch struct {
	Kind    string       `json:"kind"`
	Epoch   int          `json:"epoch"`
	Images  float64      `json:"images"` // trained on in Seconds
	Seconds float64      `json:"seconds"`
	Memory  float64      `json:"peak_memory_bytes"`
	Top1    *float64     `json:"top1"`
	EMA     *float64     `json:"ema_top1"`
	LR      report.Float `json:"lr"`
	Terms
}

// readOutcome reads a finished run's folder and its evaluation.
func readOutcome(folder, evaluation string, seed uint64) (Outcome, error) {
	o := Outcome{Seed: seed, Rate: math.NaN(), Memory: math.NaN()}
	text, err := os.ReadFile(evaluation)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(text, &o.Result); err != nil {
		return o, fmt.Errorf("%s is damaged (%w): remove it, and the run is evaluated again", evaluation, err)
	}
	epochs, err := report.ReadMetrics[epoch](filepath.Join(folder, "metrics.jsonl"))
	if err != nil {
		return o, err
	}
	var rates []float64
	for _, e := range epochs {
		if e.Kind != "epoch" {
			continue
		}
		point := report.Point{Epoch: e.Epoch, Top1: math.NaN(), AverageTop1: e.EMA}
		if e.Top1 != nil {
			point.Top1 = *e.Top1
		}
		o.Curve = append(o.Curve, point)
		o.Terms = e.Terms
		if e.Images > 0 && e.Seconds > 0 {
			rates = append(rates, e.Images/e.Seconds)
		}
		if e.Memory > 0 && !(o.Memory > e.Memory/1e6) {
			o.Memory = e.Memory / 1e6
		}
	}
	if len(rates) > 0 {
		slices.Sort(rates)
		o.Rate = (rates[(len(rates)-1)/2] + rates[len(rates)/2]) / 2
	}
	return o, nil
}
