package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cone/recipe"
)

// What TestMain tells the process that is to be killed.
const (
	childFolder = "CONE_TRAIN_TEST_FOLDER"
	childRecipe = "CONE_TRAIN_TEST_RECIPE"
)

// child begins the run in the folder or, where it has begun, continues it.
func child(path, recipeFile string) int {
	err := func() error {
		r, err := recipe.Load(recipeFile)
		if err != nil {
			return err
		}
		e, err := NewEngine("cpu", 0)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(path, "recipe.yaml")); err == nil {
			_, err = Resume(context.Background(), path, nil, e)
			return err
		}
		if err := os.RemoveAll(path); err != nil { // killed before the run began
			return err
		}
		_, err = Start(context.Background(), r, path, e)
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// process is a child at work.
type process struct {
	*exec.Cmd
	stderr bytes.Buffer
	ended  chan error
}

func startChild(t *testing.T, path, recipeFile string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), ended: make(chan error, 1)}
	p.Env = append(os.Environ(), childFolder+"="+path, childRecipe+"="+recipeFile)
	p.Stderr = &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	return p
}

// killWhen kills the child as soon as the condition holds, and says whether
// that was before it ended by itself.
func (p *process) killWhen(t *testing.T, holds func() bool) bool {
	t.Helper()
	patience := time.After(time.Minute)
	for !holds() {
		select {
		case err := <-p.ended:
			if err != nil {
				t.Fatalf("the run failed: %v\n%s", err, p.stderr.String())
			}
			return false
		case <-patience:
			p.Process.Kill()
			t.Fatalf("the run does not get on\n%s", p.stderr.String())
		default:
			time.Sleep(200 * time.Microsecond)
		}
	}
	p.Process.Kill()
	var exit *exec.ExitError
	return errors.As(<-p.ended, &exit)
}

func TestKilledRunsEndTheSame(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Checkpoint.EverySteps, r.Checkpoint.EveryEpochs = 3, 1
	recipeFile := filepath.Join(t.TempDir(), "tiny.yaml")
	if err := r.Save(recipeFile); err != nil {
		t.Fatal(err)
	}
	whole, _ := start(t, r)
	path := filepath.Join(t.TempDir(), "run")

	after := func(d time.Duration) func() bool {
		begin := time.Now()
		return func() bool { return time.Since(begin) >= d }
	}
	// inStep holds a random moment after a step was written down.
	inStep := func(step int) func() bool {
		stepped, pause := until(path, step), func() bool { return false }
		seen := false
		return func() bool {
			if !seen && stepped.Err() != nil {
				seen, pause = true, after(time.Duration(rand.IntN(20_000))*time.Microsecond)
			}
			return pause()
		}
	}
	// inSave holds while a checkpoint is being written or named, from a step on.
	inSave := func(step int) func() bool {
		stepped := until(path, step)
		return func() bool {
			if stepped.Err() == nil {
				return false
			}
			entries, _ := os.ReadDir(filepath.Join(path, checkpointFolder))
			for _, e := range entries {
				if strings.HasPrefix(strings.TrimPrefix(e.Name(), "."), "next") {
					return true
				}
			}
			return false
		}
	}
	anyTime := func() func() bool { return after(time.Duration(rand.IntN(300)) * time.Millisecond) }
	step := func(part int) int { return 1 + part*4 + rand.IntN(4) }

	killed := 0
	for _, moment := range []func() func() bool{
		anyTime,
		func() func() bool { return inStep(step(0)) },
		func() func() bool { return inSave(step(1)) },
		func() func() bool { return inStep(step(2)) },
		anyTime,
		func() func() bool { return inStep(step(4)) },
		func() func() bool { return inSave(step(5)) },
		func() func() bool { return inStep(step(7)) },
		anyTime,
	} {
		if startChild(t, path, recipeFile).killWhen(t, moment()) {
			killed++
		}
	}
	if killed < 4 {
		t.Errorf("only %d processes were killed in time", killed)
	}
	if startChild(t, path, recipeFile).killWhen(t, func() bool { return false }) {
		t.Error("the last process was killed")
	}
	t.Logf("%d processes were killed", killed)
	sameEnd(t, path, whole)
	for _, name := range []string{"previous", "best", "epoch-0001", "epoch-0002", "epoch-0003"} {
		savedAt(t, path, name)
	}
	for _, dir := range []string{path, filepath.Join(path, checkpointFolder)} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".cone-tmp") {
				t.Errorf("%s was left in %s", e.Name(), dir)
			}
		}
	}
}
