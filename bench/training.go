package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"cone/report"
)

// epochRepeats is how often the pictures are repeated in the epochs of part
// training.
const epochRepeats = 4

// training trains from tar shards with bench/training.yaml, and sets the speed
// beside that of the same step on a batch that is always at hand.
func (s *settings) training() ([]row, error) {
	cone := filepath.Join(s.bin, "cone")
	dir, err := photographs()
	if err != nil {
		return nil, err
	}
	shards, folder := filepath.Join(out, "shards"), filepath.Join(out, "training")
	if err := errors.Join(os.RemoveAll(shards), os.RemoveAll(folder)); err != nil {
		return nil, err
	}
	if err := run(cone, "data", "pack", dir, shards, "--shard-mb", "32"); err != nil {
		return nil, err
	}
	step, err := start("step", filepath.Join(s.bin, "step"), "--case", "c", "--serve", "--steps-per-repetition", "2", "--warmup", "2")
	if err != nil {
		return nil, err
	}
	defer step.stop()
	turns := func() error {
		for range s.turns {
			if err := step.turn(); err != nil {
				return err
			}
		}
		return nil
	}
	// Before and after, for the machine may change its mind.
	if err := turns(); err != nil {
		return nil, err
	}
	if err := run(cone, "train", "bench/training.yaml", "--data", shards, "--out", folder); err != nil {
		return nil, err
	}
	if err := turns(); err != nil {
		return nil, err
	}
	epochs, err := epochsOf(folder)
	if err != nil {
		return nil, err
	}
	var seconds, waited float64
	var rates []float64
	for i, e := range epochs {
		seconds += e.Seconds
		waited += e.Waited
		// The first epoch warms up.
		if i > 0 || len(epochs) == 1 {
			rates = append(rates, float64(e.steps*step.last.Batch)/e.Seconds)
		}
	}
	note("  n = %d epochs, the first one for the data wait only, and %d steps alone; libtorch %s, %d threads",
		len(epochs), len(step.seconds), step.last.Torch, step.last.Threads)
	return []row{
		{Name: "training/data-wait", Unit: "% of the time", Ours: 100 * waited / seconds},
		compared("training/against-step-alone", "images/s", median(rates), step.rate()),
	}, nil
}

// epoch is an epoch's record in metrics.jsonl.
type epoch struct {
	Kind    string  `json:"kind"`
	Step    int     `json:"step"`
	Seconds float64 `json:"seconds"`
	Waited  float64 `json:"data_wait_seconds"`

	steps int // of this epoch
}

func epochsOf(folder string) ([]epoch, error) {
	records, err := report.ReadMetrics[epoch](filepath.Join(folder, "metrics.jsonl"))
	if err != nil {
		return nil, err
	}
	var epochs []epoch
	before := 0
	for _, r := range records {
		if r.Kind == "epoch" {
			r.steps, before = r.Step-before, r.Step
			epochs = append(epochs, r)
		}
	}
	if len(epochs) == 0 {
		return nil, fmt.Errorf("%s has no epochs", folder)
	}
	return epochs, nil
}

// run runs a program whose output is for people.
func run(command ...string) error {
	c := exec.Command(command[0], command[1:]...)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", command[0], command[1], err)
	}
	return nil
}
