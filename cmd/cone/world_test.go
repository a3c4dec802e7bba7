package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cone/tensor"
)

// place for several processes: a folder with tiny.yaml and its data.
func newWorkplace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeImages(filepath.Join(dir, "data"), ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tiny.yaml"), []byte(tinyRecipe), 0o666); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cone", "cone-other"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// started is a program at work.
type started struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
}

// begin starts a program of the workplace, or of the system, without what
// launchers may have left in the environment of the tests.
func begin(t *testing.T, dir string, environ []string, program string, args ...string) *started {
	t.Helper()
	path := program
	if !strings.Contains(program, "/") {
		path = filepath.Join(dir, program)
	}
	s := &started{Cmd: exec.Command(path, args...), ended: make(chan struct{})}
	s.Dir = dir
	s.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "OMP_NUM_THREADS=1", "LD_LIBRARY_PATH=" + os.Getenv("LD_LIBRARY_PATH")}, environ...)
	s.Stdout, s.Stderr = &s.stdout, &s.stderr
	s.WaitDelay = 5 * time.Second
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.Wait() // ProcessState tells
		close(s.ended)
	}()
	t.Cleanup(func() { _ = s.Process.Kill() })
	return s
}

// wait gives the exit code, and fails the test if it takes too long.
func (s *started) wait(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(within):
		_ = s.Process.Kill()
		<-s.ended
		t.Fatalf("%v did not end within %v:\n%s%s", s.Args, within, s.stdout.String(), s.stderr.String())
	}
	return s.ProcessState.ExitCode()
}

// patience is for what should take a second, on a busy machine.
const patience = 2 * time.Minute

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// asRank is what tells a process that it is a rank, at the port.
func asRank(rank, size, port int) []string {
	return []string{
		fmt.Sprintf("RANK=%d", rank), fmt.Sprintf("WORLD_SIZE=%d", size), fmt.Sprintf("LOCAL_RANK=%d", rank),
		"MASTER_ADDR=127.0.0.1", fmt.Sprintf("MASTER_PORT=%d", port),
	}
}

// Each mistake ends every rank with one sentence and exit code 1.
func TestWorldsThatCannotBe(t *testing.T) {
	dir := newWorkplace(t)
	if err := writeImages(filepath.Join(dir, "other"), "relabelled"); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenPort := taken.Addr().(*net.TCPAddr).Port
	type change struct {
		program string
		args    []string
		environ []string
	}
	for _, c := range []struct {
		name          string
		size, started int
		change        func(rank int) change
		want          func(rank int) string
	}{
		{"a size that does not divide the batch", 3, 3, nil, func(int) string { return `batch = 20 cannot be shared equally by 3 processes: choose a multiple of 3` }},
		{"accumulated parts that do not divide", 2, 2, func(int) change { return change{args: []string{"--set", "optim.accumulate=4"}} },
			func(int) string { return `optim.accumulate = 4: choose a multiple of 8` }},
		{"other recipes", 2, 2, func(rank int) change {
			return change{args: []string{"--set", fmt.Sprintf("optim.lr=0.%d", 1+rank)}}
		}, func(int) string {
			return `rank 1 \(host .*\) has another recipe than rank 0: optim.lr = 0.2 there, optim.lr = 0.1 on rank 0`
		}},
		{"other batches, one of which cannot be shared", 2, 2, func(rank int) change {
			return change{args: []string{"--set", fmt.Sprintf("batch=%d", 20+rank)}}
		}, func(int) string {
			return `rank 1 .* has another recipe than rank 0: batch = 21 there, batch = 20 on rank 0`
		}},
		{"other data", 2, 2, func(rank int) change {
			return change{args: []string{"--data", []string{"data", "other"}[rank]}}
		}, func(int) string {
			return `rank 1 .* has other data than rank 0: 250 training images \(digest .*\) there, 250 training images`
		}},
		{"other builds", 2, 2, func(rank int) change {
			return change{program: []string{"cone", "cone-other"}[rank]}
		}, func(int) string { return `rank 1 .* has another build of cone than rank 0: another build there` }},
		{"no data on one", 2, 2, func(rank int) change {
			return change{args: []string{"--data", []string{"data", "nowhere"}[rank]}}
		}, func(rank int) string {
			return []string{`rank 1 \(host .*\) stopped: .*nowhere`, `nowhere`}[rank]
		}},
		{"a port in use", 2, 2, func(rank int) change {
			return change{environ: []string{fmt.Sprintf("MASTER_PORT=%d", takenPort)}, args: []string{"--timeout", "3s"}}
		}, func(rank int) string {
			return []string{`port \d+, where rank 0 is to keep the store, cannot be used \(address already in use\)`, `what listens at .* is not rank 0's store|store at .* cannot be used|rank 0`}[rank]
		}},
		{"a master that is nowhere", 2, 2, func(int) change { return change{environ: []string{"MASTER_ADDR=no-such-host.invalid"}} },
			func(int) string { return `master's name "no-such-host.invalid" cannot be resolved` }},
		{"ranks that never come", 4, 2, func(int) change { return change{args: []string{"--timeout", "3s"}} },
			func(int) string {
				return `ranks 2 and 3 of 4 did not come within 3s|rank 0 \(host .*\) (vanished|stopped)`
			}},
		{"a rank 0 that never comes", 2, -1, func(int) change { return change{args: []string{"--timeout", "3s"}} },
			func(int) string { return `rank 0's store did not answer at 127.0.0.1:\d+ within 3s` }},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := freePort(t)
			var all []*started
			ranks := []int{}
			for rank := range max(c.started, 0) {
				ranks = append(ranks, rank)
			}
			if c.started < 0 {
				ranks = []int{1}
			}
			for _, rank := range ranks {
				var x change
				if c.change != nil {
					x = c.change(rank)
				}
				if x.program == "" {
					x.program = "cone"
				}
				args := append([]string{"train", "tiny.yaml", "--out", "run-" + strconv.Itoa(port)}, x.args...)
				all = append(all, begin(t, dir, append(asRank(rank, c.size, port), x.environ...), x.program, args...))
			}
			for i, rank := range ranks {
				s := all[i]
				if code := s.wait(t, patience); code != exitError {
					t.Errorf("rank %d: exit code %d", rank, code)
				}
				line, rest, _ := strings.Cut(s.stderr.String(), "\n")
				if !strings.HasPrefix(line, "cone: ") || rest != "" || machinery.MatchString(line) || s.stdout.Len() > 0 {
					t.Errorf("rank %d does not say one sentence:\n%s%s", rank, s.stdout.String(), s.stderr.String())
				}
				if want := c.want(rank); !regexp.MustCompile(want).MatchString(line) {
					t.Errorf("rank %d: %s\nwant %s", rank, line, want)
				}
			}
		})
	}
}

// stepsOf is how many steps a run has written down.
func stepsOf(path string) int {
	raw, _ := os.ReadFile(filepath.Join(path, "metrics.jsonl"))
	return bytes.Count(raw, []byte(`"kind":"step"`))
}

// until waits for a condition while the program runs.
func until(t *testing.T, s *started, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-s.ended:
			t.Fatalf("%v ended too soon:\n%s%s", s.Args, s.stdout.String(), s.stderr.String())
		case <-deadline:
			t.Fatalf("%v does not get on:\n%s", s.Args, s.stderr.String())
		case <-time.After(time.Millisecond):
		}
	}
}

// A rank that is killed or stopped ends the others, with its name, and soon.
func TestLostRanksEndTheOthers(t *testing.T) {
	dir := newWorkplace(t)
	for _, c := range []struct {
		name   string
		victim int
		signal syscall.Signal
		want   string
	}{
		{"killed", 1, syscall.SIGKILL, `cone: rank 1 \(host .*\) vanished`},
		{"rank 0 killed", 0, syscall.SIGKILL, `cone: rank 0 \(host .*\) vanished`},
		{"stopped", 2, syscall.SIGSTOP, `cone: rank 2 \(host .*\) gave no sign of life for 4s`},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := freePort(t)
			out := "run-" + strconv.Itoa(port)
			var all []*started
			for rank := range 3 {
				all = append(all, begin(t, dir, asRank(rank, 3, port), "cone", "train", "tiny.yaml", "--set", "batch=21",
					"--set", "epochs=500", "--timeout", "4s", "--out", out))
			}
			until(t, all[0], func() bool { return stepsOf(filepath.Join(dir, out)) >= 3 })
			if err := all[c.victim].Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			for rank, s := range all {
				if rank == c.victim {
					continue
				}
				// 10 s where the machine is not busy with other things.
				if code := s.wait(t, time.Minute); code != exitError {
					t.Errorf("rank %d: exit code %d", rank, code)
				}
				if !regexp.MustCompile(c.want).MatchString(s.stderr.String()) {
					t.Errorf("rank %d says\n%s", rank, s.stderr.String())
				}
			}
		})
	}
}

// checkpointOf is the bytes of a run's last checkpoint.
func checkpointOf(t *testing.T, dir, run string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, run, "checkpoints", "last.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Ctrl-C reaches all processes: they finish the step, rank 0 saves, and the end
// is that of an uninterrupted run, byte by byte.
func TestProcsAreInterruptedAndResumed(t *testing.T) {
	dir := newWorkplace(t)
	const drop = "model.head.layers=1" // a recipe's own value: nothing changes
	train := func(args ...string) *started {
		return begin(t, dir, nil, "cone", append([]string{"train", "--procs", "2"}, args...)...)
	}
	whole := train("tiny.yaml", "--set", "epochs=6", "--set", drop, "--out", "whole")
	if code := whole.wait(t, patience); code != 0 {
		t.Fatalf("exit code %d\n%s", code, whole.stderr.String())
	}
	for _, file := range []string{"rank-0.log", "rank-1.log"} {
		if info, err := os.Stat(filepath.Join(dir, "whole", "logs", file)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", file, err)
		}
	}
	if n := strings.Count(whole.stderr.String(), "epoch 6/6: top-1"); n != 1 {
		t.Errorf("the last epoch is told %d times:\n%s", n, whole.stderr.String())
	}
	part := train("tiny.yaml", "--set", "epochs=6", "--set", drop, "--out", "run")
	until(t, part, func() bool { return stepsOf(filepath.Join(dir, "run")) >= 5 })
	if err := part.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := part.wait(t, patience); code != exitInterrupted || !strings.Contains(part.stderr.String(), "saved; continue with: cone train --resume run") {
		t.Fatalf("exit code %d\n%s", code, part.stderr.String())
	}
	again := train("--resume", "run")
	if code := again.wait(t, patience); code != 0 {
		t.Fatalf("exit code %d\n%s", code, again.stderr.String())
	}
	if !bytes.Equal(checkpointOf(t, dir, "run"), checkpointOf(t, dir, "whole")) {
		t.Error("the interrupted run ends elsewhere")
	}
}

// kills is how many ranks TestTorchrunBringsKilledRunsBack kills.
func kills(t *testing.T) int {
	if text := os.Getenv("CONE_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 3
}

// needTorchrun skips a test where there is none that goes with this libtorch: the
// stores of PyTorch 1.x and 2.x do not understand each other. The Makefile sets
// CONE_TORCHRUN to that of TORCH_DIR.
func needTorchrun(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CONE_TORCHRUN"); path != "" {
		return path
	}
	const path = "/usr/bin/torchrun"
	if _, err := os.Stat(path); err != nil {
		t.Skip("Debian's python3-torch, which has torchrun, is not installed")
	}
	if version := tensor.TorchVersion(); !strings.HasPrefix(version, "1.") {
		t.Skipf("Debian's torchrun is of PyTorch 1.13, and libtorch is %s: CONE_TORCHRUN names another", version)
	}
	return path
}

// torchrunArgs are options of torchrun. Debian's fails on Python 3.11 without
// the two mappings, which name no process.
func torchrunArgs(port, restarts int, program ...string) []string {
	return append([]string{"--no_python", "--nproc_per_node", "2", "--redirects", "9:1", "--tee", "9:1",
		"--max_restarts", strconv.Itoa(restarts), "--master_port", strconv.Itoa(port)}, program...)
}

// ranksOf lists the processes that a launcher started.
func ranksOf(launcher int) (pids []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", launcher, launcher))
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// rankOf reads a process's RANK, or −1.
func rankOf(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	for _, entry := range strings.Split(string(text), "\x00") {
		if value, ok := strings.CutPrefix(entry, "RANK="); ok {
			if n, err := strconv.Atoi(value); err == nil {
				return n
			}
		}
	}
	return -1
}

// Whatever rank dies, and whenever, torchrun brings the run back, and it ends as
// if nothing had happened. One of the kills hits rank 0 while it saves.
func TestTorchrunBringsKilledRunsBack(t *testing.T) {
	torchrun := needTorchrun(t)
	dir := newWorkplace(t)
	recipe := []string{"tiny.yaml", "--set", "epochs=8", "--set", "checkpoint.every_steps=3", "--set", "checkpoint.every_epochs=1"}
	train := append([]string{filepath.Join(dir, "cone"), "train"}, recipe...)
	whole := begin(t, dir, nil, "cone", append([]string{"train", "--procs", "2", "--out", "whole"}, recipe...)...)
	if code := whole.wait(t, patience); code != 0 {
		t.Fatalf("exit code %d\n%s", code, whole.stderr.String())
	}
	total := kills(t)
	run := filepath.Join(dir, "run")
	job := begin(t, dir, nil, torchrun, torchrunArgs(freePort(t), total+2, append(train, "--out", "run")...)...)
	saving := func() bool {
		found, _ := filepath.Glob(filepath.Join(run, "checkpoints", ".*next*"))
		return len(found) > 0
	}
	for kill := range total {
		// A new set of processes that has got further than the last one.
		first := 2 + kill*90/total
		until(t, job, func() bool { return stepsOf(run) >= first && len(ranksOf(job.Process.Pid)) == 2 })
		victim := kill % 2
		if kill == 0 {
			until(t, job, saving)
		} else {
			time.Sleep(time.Duration(kill*7919%40) * time.Millisecond)
		}
		for _, pid := range ranksOf(job.Process.Pid) {
			if rankOf(pid) == victim {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				until(t, job, func() bool { return !slices.Contains(ranksOf(job.Process.Pid), pid) })
			}
		}
	}
	if code := job.wait(t, time.Duration(total+2)*time.Minute); code != 0 {
		t.Fatalf("exit code %d\n%s", code, job.stderr.String())
	}
	if n := strings.Count(job.stderr.String(), "failed (exitcode: -9)"); n != total {
		t.Errorf("torchrun saw %d kills, not %d", n, total)
	}
	if !bytes.Equal(checkpointOf(t, dir, "run"), checkpointOf(t, dir, "whole")) {
		t.Error("the run ends elsewhere than an undisturbed one")
	}
}

// torchrun tells the sentence of the rank that failed.
func TestTorchrunTellsTheCause(t *testing.T) {
	torchrun := needTorchrun(t)
	dir := newWorkplace(t)
	job := begin(t, dir, nil, torchrun, torchrunArgs(freePort(t), 0, filepath.Join(dir, "cone"), "train", "tiny.yaml", "--set", "batch=21", "--out", "run")...)
	if code := job.wait(t, patience); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if _, causes, found := strings.Cut(job.stderr.String(), "Root Cause"); !found || !strings.Contains(causes, "batch = 21 cannot be shared equally by 2 processes") {
		t.Errorf("torchrun says\n%s", job.stderr.String())
	}
}

// OpenMPI's mpirun starts a run, too.
func TestMpirun(t *testing.T) {
	mpirun, err := exec.LookPath("mpirun")
	if err != nil {
		t.Skip("OpenMPI's mpirun is not installed")
	}
	dir := newWorkplace(t)
	job := begin(t, dir, []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"}, mpirun,
		"--oversubscribe", "-n", "2", filepath.Join(dir, "cone"), "train", "tiny.yaml", "--out", "run")
	if code := job.wait(t, patience); code != 0 || !strings.Contains(job.stderr.String(), "2 processes on ") {
		t.Errorf("exit code %d\n%s", code, job.stderr.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "run", "logs", "rank-1.log")); err != nil {
		t.Error(err)
	}
}

// A pod of a TrainJob starts its own processes.
func TestTrainJobsPod(t *testing.T) {
	dir := newWorkplace(t)
	pod := []string{"PET_NNODES=1", "PET_NPROC_PER_NODE=2", "PET_NODE_RANK=0", "PET_MASTER_ADDR=127.0.0.1", fmt.Sprintf("PET_MASTER_PORT=%d", freePort(t))}
	job := begin(t, dir, pod, "cone", "train", "tiny.yaml", "--out", "run")
	if code := job.wait(t, patience); code != 0 || !strings.Contains(job.stderr.String(), "2 processes on ") {
		t.Errorf("exit code %d\n%s", code, job.stderr.String())
	}
}

// procs is refused where a launcher started processes already.
func TestProcsUnderALauncher(t *testing.T) {
	dir := newWorkplace(t)
	job := begin(t, dir, asRank(0, 2, freePort(t)), "cone", "train", "tiny.yaml", "--procs", "2")
	if code := job.wait(t, patience); code != exitError || !strings.Contains(job.stderr.String(), "already started 2 processes, and --procs asks for 2 more") {
		t.Errorf("exit code %d\n%s", code, job.stderr.String())
	}
}

// command runs one of the system's programs.
func command(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("%s %s: %s", name, strings.Join(args, " "), out), err)
	}
	return nil
}
