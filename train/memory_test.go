package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cone/tensor"
)

// gauge is a context that looks at the memory whenever it is asked, which a
// run does once after each step.
type gauge struct {
	context.Context
	look func()
}

func (g gauge) Err() error {
	g.look()
	return nil
}

func TestMemoryIsFlatOverAThousandSteps(t *testing.T) {
	const steps, batch = 1000, 8
	if residentBytes() == 0 {
		t.Skip("needs Linux's /proc")
	}
	for _, precision := range []string{"float32", "bfloat16"} {
		t.Run(precision, func(t *testing.T) {
			r := tiny(writeData(t, side, steps*batch/2, 8))
			r.Precision, r.Epochs, r.Batch = precision, 2, batch
			r.Checkpoint.EverySteps = 100
			var live []int64
			var resident []float64 // MiB
			look := func() {
				live = append(live, tensor.Live())
				resident = append(resident, float64(residentBytes())/(1<<20))
			}
			if _, err := Start(gauge{context.Background(), look}, r, filepath.Join(t.TempDir(), "run"), testEngine(t)); err != nil {
				t.Fatal(err)
			}
			if len(live) < steps {
				t.Fatalf("only %d looks at the memory", len(live))
			}
			for i, n := range live[:steps] {
				if n != live[0] {
					t.Fatalf("%d tensors live after step %d, %d after the first", n, i+1, live[0])
				}
			}
			mean := func(values []float64) (m float64) {
				for _, v := range values {
					m += v / float64(len(values))
				}
				return m
			}
			early, late := mean(resident[200:300]), mean(resident[steps-100:steps])
			t.Logf("%.1f MiB after 200 to 300 steps, %.1f MiB after %d to %d; %d tensors", early, late, steps-100, steps, live[0])
			if late-early > 8 {
				t.Errorf("resident memory grew from %.1f to %.1f MiB", early, late)
			}
		})
	}
}

// A finished run leaves no tensors behind.
func TestARunFreesItsTensors(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	before := tensor.Live()
	path := startUntil(t, r, 2)
	resume(t, path)
	if after := tensor.Live(); after != before {
		t.Errorf("%d tensors live, %d did before", after, before)
	}
}

// residentBytes is the process's resident memory, or 0 where it cannot be
// known.
func residentBytes() int {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		panic(fmt.Sprintf("/proc/self/statm is %q", raw))
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		panic(err)
	}
	return pages * os.Getpagesize()
}
