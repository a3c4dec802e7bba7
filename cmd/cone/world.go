package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"cone/dist"
	"cone/launch"
	"cone/train"
)

// worldFlags say who trains together.
type worldFlags struct {
	procs    int
	timeout  time.Duration
	nic      string
	again    bool
	launched launch.World
}

func (f *worldFlags) flags(c *cobra.Command) {
	c.Flags().IntVar(&f.procs, "procs", 0, "train in so many processes of this machine (torchrun, srun, mpirun start them by themselves)")
	c.Flags().DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long processes wait for one that does not come, or gives no sign of life")
	c.Flags().StringVar(&f.nic, "interface", "", "network interface to the other machines, as eth0 (default: the one that leads to rank 0)")
	c.Flags().BoolVar(&f.again, "continue", false, "continue the run in the folder of --out if one was begun there; a launcher's restart does so by itself")
}

// exitCode ends the program without another word: the processes that were
// started have said it.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// detect finds out who trains together.
func (f *worldFlags) detect() error {
	w, err := launch.Detect(os.Environ())
	if err != nil {
		return err
	}
	f.launched = w
	switch {
	case f.procs < 0 || f.procs > 1024:
		return usageError{fmt.Errorf("--procs is %d: choose a number from 1 to 1024", f.procs)}
	case f.timeout < time.Second:
		return usageError{fmt.Errorf("--timeout is %v: choose at least 1s", f.timeout)}
	case f.procs > 0 && w.Distributed() && !launch.IsLocal(w) && (!w.FansOut() || w.PerNode > 0):
		return fmt.Errorf("%s already started %d processes, and --procs asks for %d more: leave one of them out", w.Launcher, w.Size, f.procs)
	}
	return nil
}

// fansOut says whether this process only starts others.
func (f *worldFlags) fansOut() bool {
	return !launch.IsLocal(f.launched) && (f.procs > 1 || f.launched.FansOut())
}

// start runs this very command as the processes of this machine.
func (f *worldFlags) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	w, count := f.launched, max(1, f.procs)
	if w.PerNode > 0 {
		count = w.PerNode
	}
	l := launch.Local{
		Count: count, Size: count, Restarts: w.Restarts, Threads: max(1, runtime.NumCPU()/count),
		Program: self, Args: os.Args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr,
	}
	if w.FansOut() {
		l.Size, l.First = count*w.Nodes, count*w.Node
		l.Address, l.Port = w.Address, w.Port
	}
	err = l.Run()
	var failed *launch.Failed
	if errors.As(err, &failed) && failed.Signal == 0 {
		return exitCode(failed.Code)
	}
	return err
}

// engine is where and with whom this process computes. The group must be left.
func (f *worldFlags) engine(ctx context.Context, e engineFlags) (train.Engine, error) {
	w := f.launched
	if !w.Distributed() {
		return train.NewEngine(e.device, e.threads)
	}
	cores := coresOf(w)
	if e.threads == 0 && os.Getenv("OMP_NUM_THREADS") == "" {
		e.threads = cores
	}
	if e.device == "cuda" {
		e.device = "cuda:" + strconv.Itoa(w.LocalRank)
	}
	engine, err := train.NewEngine(e.device, e.threads)
	if err != nil {
		return engine, err
	}
	engine.Workers, engine.Build, engine.Redirect = cores, buildOf(), redirect
	engine.Group, err = dist.Join(ctx, dist.Config{
		Rank: w.Rank, Size: w.Size, LocalRank: w.LocalRank, Address: w.Address, Port: w.Port, AgentStore: w.AgentStore,
		Timeout: f.timeout, Prefix: w.Job, Device: engine.Device, Interface: f.nic,
	})
	return engine, err
}

// coresOf is how many cores this process may take: what the launcher says, what
// it is bound to, or an equal share of the machine's.
func coresOf(w launch.World) int {
	bound := runtime.NumCPU()
	online := machineCores()
	switch {
	case w.CPUs > 0:
		return w.CPUs
	case bound < online || w.LocalSize == 0:
		return bound
	}
	return max(1, bound/w.LocalSize)
}

// machineCores is how many cores the machine has, whether or not this process
// is bound to some of them; 0 if nobody knows.
func machineCores() (n int) {
	text, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return 0
	}
	for _, part := range strings.Split(strings.TrimSpace(string(text)), ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err1 := strconv.Atoi(first)
		b, err2 := a, error(nil)
		if isRange {
			b, err2 = strconv.Atoi(last)
		}
		if err1 != nil || err2 != nil {
			return 0
		}
		n += b - a + 1
	}
	return n
}

// buildName is set in tests that need two builds.
var buildName = ""

// buildOf tells builds apart by the program's revision.
func buildOf() string {
	if buildName != "" {
		return buildName
	}
	return revision() + " by " + runtime.Version()
}

// terminal is where the last sentence goes too, once stderr is a log file.
var terminal *os.File

// redirect sends what this process has to say to a file. What libtorch or a
// crash say goes there as well, so it works below Go.
func redirect(path string) error {
	if terminal != nil {
		return nil // the second stage of a run: the first's file will do
	}
	log, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("cannot open the rank's log: %w", err)
	}
	defer log.Close()
	copied, err := syscall.Dup(2)
	if err != nil {
		return err
	}
	syscall.CloseOnExec(copied)
	terminal = os.NewFile(uintptr(copied), "stderr")
	for _, fd := range []int{1, 2} {
		if err := syscall.Dup3(int(log.Fd()), fd, 0); err != nil {
			return err
		}
	}
	return nil
}

// leave ends this process's part in the group, tells the others why where they
// do not know, and the launcher as well.
func (f *worldFlags) leave(g *dist.Group, err error) {
	if err != nil && !errors.Is(err, train.ErrInterrupted) {
		var peer *dist.PeerError
		_ = f.launched.WriteError(explain(err), errors.As(err, &peer)) // the error itself counts more
	}
	if g == nil {
		return
	}
	if train.KnownToAll(err) {
		err = nil
	}
	_ = g.Leave(err)
}

// place is the run's folder, and whether it is to be resumed.
type place struct {
	Path   string
	Resume bool
}

// folder decides, on rank 0, where a run goes that was asked for by its recipe.
func (f *worldFlags) folder(g *dist.Group, out, name string) (place, error) {
	again := f.again || f.launched.Restarts > 0
	p := place{Path: out}
	if p.Path == "" && again {
		p.Path = train.LastFolder("runs", name)
	} else if p.Path == "" {
		p.Path = train.NextFolder("runs", name)
	}
	p.Resume = again && train.Begun(p.Path)
	if g == nil {
		return p, nil
	}
	return train.FromFirst(g, "folder", p)
}
