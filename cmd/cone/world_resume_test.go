package main

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"cone/report"
)

// stepRecord is what the test needs of metrics.jsonl.
type stepRecord struct {
	Kind string  `json:"kind"`
	Step int     `json:"step"`
	Loss float64 `json:"loss"`
	N    int     `json:"n"`
	Top1 float64 `json:"top1"`
}

// A run that two processes begin, one goes on with and four end is the run of
// one process: the same images in every step, so the same losses up to rounding,
// and every test image counted once.
func TestOneRunOnAnyNumberOfProcesses(t *testing.T) {
	for _, c := range []struct {
		name string
		set  []string
	}{
		{"CoNe", nil},
		{"mixed pictures, accumulated", []string{"--method", "cross-entropy", "--set", "optim.accumulate=2",
			"--set", "augment=[{random_crop: {padding: 1}}, {mix: {mode: pair, mixup_alpha: 0.8, cutmix_alpha: 1, probability: 0.9}}]"}},
		{"neighbours' vote", []string{"--method", "supcon", "--set", "evaluate.knn.k=5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := newWorkplace(t)
			train := func(procs int, args ...string) *started {
				return begin(t, dir, nil, "cone", append([]string{"train", "--procs", strconv.Itoa(procs)}, args...)...)
			}
			recipe := append([]string{"tiny.yaml", "--set", "precision=float64", "--set", "batch=24", "--set", "epochs=4"}, c.set...)
			finish := func(s *started, want int) {
				t.Helper()
				if code := s.wait(t, patience); code != want {
					t.Fatalf("exit code %d, not %d\n%s", code, want, s.stderr.String())
				}
			}
			finish(train(1, append(recipe, "--out", "whole")...), 0)
			run := filepath.Join(dir, "run")
			interrupt := func(s *started, steps int) {
				t.Helper()
				until(t, s, func() bool { return stepsOf(run) >= steps })
				if err := s.Process.Signal(syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
				finish(s, exitInterrupted)
			}
			interrupt(train(2, append(recipe, "--out", "run")...), 3)
			interrupt(train(1, "--resume", "run"), 13)
			finish(train(4, "--resume", "run"), 0)

			read := func(name string) []stepRecord {
				records, err := report.ReadMetrics[stepRecord](filepath.Join(dir, name, "metrics.jsonl"))
				if err != nil {
					t.Fatal(err)
				}
				return records
			}
			whole, parts := read("whole"), read("run")
			if len(whole) != len(parts) || len(whole) != 4*10+4 {
				t.Fatalf("%d and %d records", len(whole), len(parts))
			}
			for i, w := range whole {
				p := parts[i]
				if p.Kind != w.Kind || p.Step != w.Step || math.Abs(p.Loss-w.Loss) > 1e-7 {
					t.Fatalf("record %d is %+v, not %+v", i, p, w)
				}
				if w.Kind == "epoch" && (p.N != 53 || p.Top1 != w.Top1) {
					t.Errorf("evaluated %+v, not %+v", p, w)
				}
			}
			for _, file := range []string{"confusion.csv", "per_class.csv"} {
				a, err := os.ReadFile(filepath.Join(dir, "whole", file))
				if err != nil {
					t.Fatal(err)
				}
				if b, err := os.ReadFile(filepath.Join(run, file)); err != nil || string(a) != string(b) {
					t.Errorf("%s differs: %v", file, err)
				}
			}
		})
	}
}
