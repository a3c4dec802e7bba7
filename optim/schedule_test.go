package optim_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"cone/optim"
	"cone/recipe"
)

// imageNet is the authors' recipe: 1,281,167 images in batches of 1024, the
// last incomplete one dropped.
var imageNet = recipe.Optim{LR: 0.1, ReferenceBatch: 256, Schedule: "cosine-epoch", WarmupEpochs: 5, MinLRRatio: 0.001}

const imageNetSteps = 1251

// TestAuthorsSchedule: linear per step from 0 for 5 epochs, then
// ½(1+cos(π(e−5)/(E−5)))·(lr−lr/1000)+lr/1000, constant within an epoch.
func TestAuthorsSchedule(t *testing.T) {
	s := optim.NewSchedule(imageNet, 1024, 100, imageNetSteps)
	for step, want := range map[int]float64{
		0:      0,
		1:      6.39488409272582e-05, // 0.4/6255
		1251:   0.08,
		6254:   0.3999360511590728,
		6255:   0.4,
		7505:   0.4,
		7506:   0.39989076081671704,
		65051:  0.21010683418370987, // epoch 51 of 100
		125099: 0.0005092391832829755,
	} {
		rateIs(t, s, step, want)
	}
	for epoch := 5; epoch < 100; epoch++ {
		first, last := s.Rate(epoch*imageNetSteps), s.Rate((epoch+1)*imageNetSteps-1)
		if first != last {
			t.Errorf("epoch %d begins at %v and ends at %v", epoch, first, last)
		}
	}
}

func TestSchedulePerStep(t *testing.T) {
	s := optim.NewSchedule(recipe.Optim{LR: 2, Schedule: "cosine-step", WarmupEpochs: 1, MinLRRatio: 0.1}, 64, 5, 10)
	for step, want := range map[int]float64{
		0: 0, 5: 1, 9: 1.8,
		10: 2,
		20: 1.7363961030678927, // a quarter: cos(π/4)
		30: 1.1,                // half-way
		49: 0.20277439964018484,
	} {
		rateIs(t, s, step, want)
	}
}

func TestConstantSchedule(t *testing.T) {
	s := optim.NewSchedule(recipe.Optim{LR: 0.5, ReferenceBatch: 128, Schedule: "constant", WarmupEpochs: 0.5, MinLRRatio: 0.1}, 64, 3, 8)
	for step, want := range map[int]float64{0: 0, 1: 0.0625, 3: 0.1875, 4: 0.25, 5: 0.25, 23: 0.25} {
		rateIs(t, s, step, want)
	}
	rateIs(t, optim.NewSchedule(recipe.Optim{LR: 0.5, Schedule: "constant"}, 64, 3, 8), 0, 0.5)
}

// TestWarmupLongerThanTheRun: the rate only rises, and never gets to the full one.
func TestWarmupLongerThanTheRun(t *testing.T) {
	for _, kind := range []string{"cosine-epoch", "cosine-step", "constant"} {
		for _, warmup := range []float64{3, 4.5} { // as long as the run, and longer
			s := optim.NewSchedule(recipe.Optim{LR: 1, Schedule: kind, WarmupEpochs: warmup, MinLRRatio: 0.001}, 1, 3, 7)
			for step := range 3 * 7 {
				rateIs(t, s, step, float64(step)/(warmup*7))
			}
		}
	}
}

// TestRateNeverRisesAfterWarmup, wherever in an epoch the warm-up ends: that
// epoch goes on at the full rate, then it falls towards the last one.
func TestRateNeverRisesAfterWarmup(t *testing.T) {
	for _, kind := range []string{"cosine-epoch", "cosine-step"} {
		for _, epochs := range []int{1, 2, 10} {
			for _, warmup := range []float64{0, 0.1, 0.5, 0.75, 0.99, 1.9, 2.25} {
				s := optim.NewSchedule(recipe.Optim{LR: 1, Schedule: kind, WarmupEpochs: warmup, MinLRRatio: 0.01}, 1, epochs, 20)
				before := 1.0
				for step := range epochs * 20 {
					rate := s.Rate(step)
					if float64(step) < warmup*20 {
						continue
					}
					if began := float64(step / 20); kind == "cosine-epoch" && began <= warmup && rate != 1 {
						t.Errorf("%s, warm-up %v of %d epochs: step %d has %v, want the full rate", kind, warmup, epochs, step, rate)
						break
					}
					if rate > before || rate < 0.01 {
						t.Errorf("%s, warm-up %v of %d epochs: step %d has %v after %v", kind, warmup, epochs, step, rate, before)
						break
					}
					before = rate
				}
			}
		}
	}
}

func rateIs(t *testing.T, s optim.Schedule, step int, want float64) {
	t.Helper()
	if got := s.Rate(step); !(math.Abs(got-want) <= 1e-14*(1+want)) {
		t.Errorf("step %d: rate %.17g, want %.17g", step, got, want)
	}
}

// TestSchedulesEqualOthers: every step's rate under torch's and timm's schedulers.
func TestSchedulesEqualOthers(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "schedules.json"))
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		StepsPerEpoch int `json:"steps_per_epoch"`
		Cases         []struct {
			From   string
			Epochs int
			Optim  json.RawMessage
			Rates  []float64
		}
	}
	if err := json.Unmarshal(raw, &known); err != nil {
		t.Fatal(err)
	}
	for _, c := range known.Cases {
		r := recipe.Default()
		r.Optim.LR, r.Optim.ReferenceBatch = 2, 512
		if err := recipe.Set(&r, "optim="+string(c.Optim)); err != nil {
			t.Fatal(err)
		}
		s := optim.NewSchedule(r.Optim, 256, c.Epochs, known.StepsPerEpoch) // full rate 1
		if len(c.Rates) != c.Epochs*known.StepsPerEpoch {
			t.Errorf("%s: %d rates", c.From, len(c.Rates))
		}
		for step, want := range c.Rates {
			if got := s.Rate(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: step %d has %.17g, want %.17g", c.From, step, got, want)
				break
			}
		}
	}
}

// TestShortOneCycle: runs without room for a rise, a fall or either.
func TestShortOneCycle(t *testing.T) {
	for _, c := range []struct {
		warmup float64
		epochs int
		want   []float64
	}{
		{0, 1, []float64{1, 0.55, 0.1}},
		{1, 1, []float64{0, 0.5, 1}},
		{5, 1, []float64{0, 0.5 * (1 - math.Cos(math.Pi/14)), 0.5 * (1 - math.Cos(math.Pi/7))}}, // of 15 steps
		{0.2, 1, []float64{1, 0.55, 0.1}},
	} {
		s := optim.NewSchedule(recipe.Optim{LR: 1, Schedule: "one-cycle", WarmupEpochs: c.warmup, MinLRRatio: 0.1}, 1, c.epochs, 3)
		for step, want := range c.want {
			if got := s.Rate(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("warm-up %v: step %d has %v, want %v", c.warmup, step, got, want)
			}
		}
	}
	one := optim.NewSchedule(recipe.Optim{LR: 1, Schedule: "one-cycle"}, 1, 1, 1)
	rateIs(t, one, 0, 1)
}
