package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"cone/recipe"
	"cone/weights"
)

// diverging is a recipe whose first step is harmless (its learning rate is 0)
// and whose others are not.
func diverging(t *testing.T) recipe.Recipe {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Optim.LR, r.Optim.WarmupEpochs = 1e32, 1
	return r
}

func TestALossBeyondTheNumbersStopsTheRun(t *testing.T) {
	path := startUntil(t, diverging(t), 1)
	before := mustRead(t, checkpointFile(path, "last"))
	for range 2 { // nothing is lost: the second time ends as the first
		_, err := Resume(context.Background(), path, nil, testEngine(t))
		oneSentence(t, err, "step 3 (epoch 1): cross_entropy is ", "the last good checkpoint is kept in "+path, "optim.lr")
		if after := mustRead(t, checkpointFile(path, "last")); string(after) != string(before) {
			t.Error("the last good checkpoint changed")
		}
	}
	if err := weights.Verify(checkpointFile(path, "last")); err != nil {
		t.Error(err)
	}
}

// The weights may leave the numbers before a loss does.
func TestWeightsBeyondTheNumbersAreNotSaved(t *testing.T) {
	r := diverging(t)
	r.Checkpoint.EverySteps, r.Optim.LR = 1, 1e300
	path := filepath.Join(t.TempDir(), "run")
	_, err := Start(context.Background(), r, path, testEngine(t))
	oneSentence(t, err, "after step 2 (epoch 1) ", "no longer finite", "kept in "+path, "optim.lr")
	if at := savedAt(t, path, "last"); at.Step != 1 {
		t.Errorf("the last checkpoint is of step %d", at.Step)
	}
}

func TestADivergedRunWithoutACheckpointSaysSo(t *testing.T) {
	_, err := Start(context.Background(), diverging(t), filepath.Join(t.TempDir(), "run"), testEngine(t))
	oneSentence(t, err, "step 3 (epoch 1)", "nothing was saved yet")
}

// fillDisk leaves the given number of bytes free.
func fillDisk(t *testing.T, dir string, free int) (file string) {
	t.Helper()
	file = filepath.Join(dir, "filler")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for size := int64(0); ; size += int64(len(block)) {
		if _, err := f.Write(block); err == nil {
			continue
		}
		if err := f.Truncate(max(0, size-int64(free))); err != nil {
			t.Fatal(err)
		}
		return file
	}
}

func TestAFullDiskStopsTheRunAndLosesNothing(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Checkpoint.EverySteps = 3
	whole, _ := start(t, r)
	disk := smallDisk(t, 4<<20)
	path := filepath.Join(disk, "run")
	_, err := Start(until(path, 10), r, path, testEngine(t))
	interrupted(t, path, 10, err)
	size := len(mustRead(t, checkpointFile(path, "last")))
	for _, free := range []int{size / 2, 3 * size / 2, 0} {
		filler := fillDisk(t, disk, free)
		_, err := Resume(context.Background(), path, nil, testEngine(t))
		oneSentence(t, err, "no space left", "the disk of "+path+" is full", "free some space", "cone train --resume "+path)
		if errors.Is(err, ErrInterrupted) {
			t.Error("it passes for an interruption")
		}
		for _, name := range []string{"last", "previous"} {
			if err := weights.Verify(checkpointFile(path, name)); err != nil {
				t.Errorf("with %d bytes free: %v", free, err)
			}
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	resume(t, path)
	sameEnd(t, path, whole)
}

// A stop that cannot save must not look like one that did.
func TestAnInterruptedRunThatCannotSaveSaysSo(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	disk := smallDisk(t, 4<<20)
	path := filepath.Join(disk, "run")
	_, err := Start(until(path, 2), r, path, testEngine(t))
	interrupted(t, path, 2, err)
	filler := fillDisk(t, disk, 16<<10)
	_, err = Resume(until(path, 4), path, nil, testEngine(t))
	oneSentence(t, err, "no space left")
	if errors.Is(err, ErrInterrupted) {
		t.Error("it passes for an interruption that saved")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	resume(t, path)
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
