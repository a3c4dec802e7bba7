package train

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever state a crash or a bad disk leaves the checkpoints in, the run goes
// on from the newest sound one and ends with the same bits.
func TestResumeFromWhatIsLeft(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Checkpoint.EverySteps, r.Checkpoint.EveryEpochs = 5, 1
	whole, _ := start(t, r)
	stopped := startUntil(t, r, 2*perEpoch+4) // last at 28, previous at 25
	change := func(name string, change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			file := checkpointFile(path, name)
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, file, change(raw))
		}
	}
	rename := func(t *testing.T, path, from, to string) {
		if err := os.Rename(checkpointFile(path, from), checkpointFile(path, to)); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(raw []byte) []byte {
		raw[rand.IntN(len(raw))] ^= 1 << rand.IntN(8)
		return raw
	}
	for _, c := range []struct {
		name  string
		do    func(*testing.T, string)
		warns int
		step  int // to resume at
	}{
		{"flipped bit", change("last", flip), 1, 25},
		{"cut short", change("last", func(raw []byte) []byte { return raw[:rand.IntN(len(raw))] }), 1, 25},
		{"empty", change("last", func([]byte) []byte { return nil }), 1, 25},
		{"no checkpoint at all", change("last", func([]byte) []byte { return []byte("hello, world") }), 1, 25},
		{"last and previous damaged", func(t *testing.T, path string) {
			change("last", flip)(t, path)
			change("previous", flip)(t, path)
		}, 2, 24},
		{"killed before the old one moved", func(t *testing.T, path string) {
			rename(t, path, "last", "next")
			rename(t, path, "previous", "last")
		}, 0, 28},
		{"killed before the new one moved", func(t *testing.T, path string) {
			rename(t, path, "last", "next")
		}, 0, 28},
		{"only a numbered one left", func(t *testing.T, path string) {
			for _, name := range []string{"last", "previous", "best", "epoch-0002"} {
				os.Remove(checkpointFile(path, name))
			}
		}, 0, 12},
		{"copied, so that the times say nothing", func(t *testing.T, path string) {
			now := time.Now()
			for i, name := range []string{"last", "previous", "epoch-0002", "best", "epoch-0001"} {
				at := now.Add(time.Duration(i) * time.Hour)
				if err := os.Chtimes(checkpointFile(path, name), at, at); err != nil {
					t.Fatal(err)
				}
			}
		}, 0, 28},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a [run]") // no pattern
			if err := os.CopyFS(path, os.DirFS(stopped)); err != nil {
				t.Fatal(err)
			}
			// A killed process leaves temporary files, too.
			left := []string{filepath.Join(path, ".metrics.jsonl.X.cone-tmp"), filepath.Join(path, checkpointFolder, ".next.safetensors.X.cone-tmp")}
			for _, l := range left {
				write(t, l, []byte("half"))
			}
			c.do(t, path)
			resume(t, path)
			sameEnd(t, path, whole)
			for _, l := range left {
				if _, err := os.Stat(l); err == nil {
					t.Errorf("%s was left", l)
				}
			}
			log, err := os.ReadFile(filepath.Join(path, "log.txt"))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(log), "warning: "); n != c.warns {
				t.Errorf("there were %d warnings, not %d:\n%s", n, c.warns, log)
			}
			if !strings.Contains(string(log), fmt.Sprintf("step %d, from %s", c.step, path)) {
				t.Errorf("it did not resume at step %d:\n%s", c.step, log)
			}
			for _, name := range []string{"last", "previous", "best", "epoch-0002", "epoch-0003"} {
				savedAt(t, path, name)
			}
		})
	}
}

// The damaged file must not take the place of the sound one before it.
func TestADamagedLastDoesNotReplaceASoundPrevious(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Checkpoint.EverySteps = 5
	path := startUntil(t, r, 9)
	write(t, checkpointFile(path, "last"), []byte("damaged"))
	resumeUntil(t, path, 7)
	if last, previous := savedAt(t, path, "last"), savedAt(t, path, "previous"); last.Step != 7 || previous.Step != 5 {
		t.Errorf("last stands at %d and previous at %d, not 7 and 5", last.Step, previous.Step)
	}
}

func TestAllCheckpointsDamaged(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	path := startUntil(t, r, perEpoch+1)
	for _, name := range (folder{path: path}).checkpoints() {
		write(t, checkpointFile(path, name), []byte("damaged"))
	}
	_, err := Resume(context.Background(), path, nil, testEngine(t))
	oneSentence(t, err, path+" has no usable checkpoint", "cone train "+filepath.Join(path, "recipe.yaml"))
}

// A run that was killed before its first checkpoint begins again.
func TestResumeWithoutACheckpoint(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	whole, _ := start(t, r)
	path := startUntil(t, r, 3)
	if err := os.RemoveAll(filepath.Join(path, checkpointFolder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(path, checkpointFolder), 0o777); err != nil {
		t.Fatal(err)
	}
	resume(t, path)
	sameEnd(t, path, whole)
}

// A run killed between writing the last checkpoint and naming the best one
// makes up for it.
func TestResumeNamesTheBest(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Epochs, r.Checkpoint.EveryEpochs = 1, 1
	path, _ := start(t, r)
	want, err := os.ReadFile(checkpointFile(path, "best"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"best", "epoch-0001"} {
		if err := os.Remove(checkpointFile(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	resume(t, path)
	for _, name := range []string{"best", "epoch-0001"} {
		if got, err := os.ReadFile(checkpointFile(path, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not the last checkpoint: %v", name, err)
		}
	}
}

func TestFindCheckpoint(t *testing.T) {
	r := tiny(writeData(t, side, trainCount, testCount))
	r.Checkpoint.EveryEpochs = 1
	r.Epochs = 1
	path, _ := start(t, r)
	for _, c := range [][2]string{
		{path, "last"}, {path, "best"}, {path, "epoch-0001"},
		{checkpointFile(path, "last"), ""}, {path, checkpointFile(path, "best")},
	} {
		found, err := FindCheckpoint(c[0], c[1])
		if err != nil {
			t.Errorf("%v: %v", c, err)
			continue
		}
		if found.at.Step != perEpoch || found.Recipe.Name != "tiny" || len(found.Classes) != classCount || found.Channels != 1 {
			t.Errorf("%v: found %+v", c, found)
		}
		found.Close()
	}
	_, err := FindCheckpoint(path, "epoch-0009")
	oneSentence(t, err, path, `"epoch-0009"`, "best, epoch-0001, last")
	_, err = FindCheckpoint(path+"x", "last")
	oneSentence(t, err, "there is no run in "+path+"x")
	_, err = FindCheckpoint(t.TempDir(), "last")
	oneSentence(t, err, "holds no checkpoint")
	_, err = FindCheckpoint(filepath.Join(path, "metrics.jsonl"), "last")
	oneSentence(t, err, "metrics.jsonl")
}
