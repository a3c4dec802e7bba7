package launch

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell runs a script as each of n processes and returns what they said.
func shell(t *testing.T, n int, script string, change func(*Local)) (stdout, stderr string, err error) {
	t.Helper()
	dir := t.TempDir()
	open := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	l := Local{
		Count: n, Size: n, Threads: 3, Program: "/bin/sh", Args: []string{"sh", "-c", script}, Patience: 300 * time.Millisecond,
		Environ: []string{"PATH=" + os.Getenv("PATH"), "RANK=77", "DIR=" + dir}, Stdout: open("stdout"), Stderr: open("stderr"),
	}
	if change != nil {
		change(&l)
	}
	err = l.Run()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return read("stdout"), read("stderr"), err
}

func TestLocalTellsEachProcess(t *testing.T) {
	stdout, _, err := shell(t, 2, `echo $RANK/$WORLD_SIZE $LOCAL_RANK/$LOCAL_WORLD_SIZE $MASTER_ADDR $OMP_NUM_THREADS; env >$DIR/env-$RANK`, func(l *Local) {
		l.First, l.Size, l.Address, l.Port = 4, 8, "10.0.0.1", 4000
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[rank 4] 4/8 0/2 10.0.0.1 3\n", "[rank 5] 5/8 1/2 10.0.0.1 3\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in %q", want, stdout)
		}
	}
}

func TestLocalIsUnderstood(t *testing.T) {
	l := Local{Count: 2, Size: 2, Address: "127.0.0.1", Port: 4000, Restarts: 2, Environ: []string{"OMP_NUM_THREADS=7", "PET_NNODES=1", "WORLD_SIZE=9"}, Threads: 1}
	environ := l.environ(1)
	w, err := Detect(environ)
	if err != nil || w.Launcher != nameLocal || w.Rank != 1 || w.Size != 2 || w.LocalRank != 1 || w.Restarts != 2 || w.Port != 4000 {
		t.Errorf("%+v, %v", w, err)
	}
	if parse(environ)["OMP_NUM_THREADS"] != "7" {
		t.Error("the user's number of threads was changed")
	}
}

func TestLocalEndsAllWhenOneFails(t *testing.T) {
	started := time.Now()
	_, _, err := shell(t, 3, `if [ $RANK = 1 ]; then exit 7; fi; sleep 60 & wait`, nil)
	var failed *Failed
	if !errors.As(err, &failed) || failed.Rank != 1 || failed.Code != 7 || failed.Signal != 0 {
		t.Errorf("the failure is %v", err)
	}
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestLocalNamesTheKilled(t *testing.T) {
	_, _, err := shell(t, 2, `if [ $RANK = 1 ]; then kill -9 $$; fi; sleep 60 & wait`, nil)
	var failed *Failed
	if !errors.As(err, &failed) || failed.Rank != 1 || failed.Signal != syscall.SIGKILL || !strings.Contains(err.Error(), "rank 1 was killed") {
		t.Errorf("the failure is %v", err)
	}
}

func TestLocalPassesSignalsOn(t *testing.T) {
	go func() {
		time.Sleep(400 * time.Millisecond)
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}()
	stdout, _, err := shell(t, 2, `trap 'echo stopping; exit 9' TERM; while :; do sleep 0.05; done`, nil)
	var failed *Failed
	if !errors.As(err, &failed) || failed.Code != 9 || strings.Count(stdout, "stopping") != 2 {
		t.Errorf("%v, %q", err, stdout)
	}
}

func TestLocalLeavesNoGrandchildren(t *testing.T) {
	dir := t.TempDir()
	_, _, err := shell(t, 1, `sleep 60 & echo $! >`+dir+`/pid; kill -9 $$`, nil)
	if err == nil {
		t.Fatal("a killed process is no failure")
	}
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	defer func() { _ = syscall.Kill(pid, syscall.SIGKILL) }()
	for range 100 {
		if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("a process that the killed one started is still there")
}

func TestWriteError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "error.json")
	w := World{ErrorFile: path}
	read := func() (message string, at int64) {
		var file struct {
			Message struct {
				Message   string `json:"message"`
				ExtraInfo struct {
					Timestamp string `json:"timestamp"`
				} `json:"extraInfo"`
			} `json:"message"`
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, &file); err != nil {
			t.Fatal(err)
		}
		if at, err = strconv.ParseInt(file.Message.ExtraInfo.Timestamp, 10, 64); err != nil {
			t.Fatal(err)
		}
		return file.Message.Message, at
	}
	if err := w.WriteError("the disk is full", false); err != nil {
		t.Fatal(err)
	}
	message, own := read()
	if message != "the disk is full" {
		t.Error(message)
	}
	if err := w.WriteError("rank 1 vanished", true); err != nil {
		t.Fatal(err)
	}
	if _, caused := read(); caused < own+5 {
		t.Errorf("what another process caused is dated %d, the cause %d", caused, own)
	}
	if err := (World{}).WriteError("x", false); err != nil {
		t.Error(err)
	}
}
