package launch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	localMark     = "CONE_PROCS_JOB"      // set in processes of Local: the job
	localRestarts = "CONE_PROCS_RESTARTS" // how often the launcher around Local began anew
)

// Local is a set of processes to start on this machine.
type Local struct {
	// Count processes get the ranks from First on, of Size in all.
	Count, First, Size int
	// Address and Port are where rank 0 will listen; an empty Address means this
	// machine, at a free port.
	Address  string
	Port     int
	Restarts int
	// Threads is what OMP_NUM_THREADS says to each process, unless it is set.
	Threads int
	// Program is what each process runs, Args its arguments, from its name on.
	Program string
	Args    []string
	// Environ is the environment to extend.
	Environ []string
	// Stdout and Stderr take what the processes say: rank 0's as it is, every
	// other's line by line, after its rank.
	Stdout, Stderr *os.File
	// Patience is how long the others have for their last words once one
	// process has failed; 0 means DefaultPatience.
	Patience time.Duration
}

// DefaultPatience is enough for a process to tell that another one is gone.
const DefaultPatience = 10 * time.Second

// Failed is how the first process failed that did.
type Failed struct {
	Rank, Code int
	Signal     syscall.Signal // that killed it, or 0
}

func (f *Failed) Error() string {
	if f.Signal != 0 {
		return fmt.Sprintf("rank %d was killed (%v), so the others were ended too: see its log, and whether the machine ran out of memory", f.Rank, f.Signal)
	}
	return fmt.Sprintf("rank %d ended with exit code %d", f.Rank, f.Code)
}

// Run starts the processes and waits for all of them. Interrupts and
// terminations of this process go on to them. The first failure is the error,
// a *Failed, and ends the others; should this process die, so do they (Linux).
func (l Local) Run() error {
	if l.Address == "" {
		port, err := freePort()
		if err != nil {
			return fmt.Errorf("cannot find a free port for the processes to meet: %w", err)
		}
		l.Address, l.Port = "127.0.0.1", port
	}
	if l.Patience == 0 {
		l.Patience = DefaultPatience
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	// A child ends with the thread that started it, so the thread must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ended := make(chan exit, l.Count)
	var all []*process
	for i := range l.Count {
		p, err := l.start(i, ended)
		if err != nil {
			for _, other := range all {
				other.kill(syscall.SIGKILL)
				<-ended
			}
			return err
		}
		all = append(all, p)
	}
	return l.wait(all, ended, signals)
}

// exit is how a process ended.
type exit struct {
	rank int
	err  error
}

// wait sees the processes to their ends.
func (l Local) wait(all []*process, ended chan exit, signals chan os.Signal) error {
	var first error
	var late <-chan time.Time
	toAll := func(s syscall.Signal) {
		for _, p := range all {
			p.kill(s)
		}
	}
	for left := len(all); left > 0; {
		select {
		case s := <-signals:
			toAll(s.(syscall.Signal))
		case <-late:
			toAll(syscall.SIGKILL)
			late = nil
		case e := <-ended:
			left--
			if failure := failed(e); failure != nil && first == nil {
				first = failure
				late = time.After(l.Patience)
			}
		}
	}
	return first
}

func failed(e exit) error {
	var code *exec.ExitError
	switch {
	case e.err == nil:
		return nil
	case !errors.As(e.err, &code):
		return e.err
	}
	if status, ok := code.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &Failed{Rank: e.rank, Code: 1, Signal: status.Signal()}
	}
	return &Failed{Rank: e.rank, Code: code.ExitCode()}
}

// process is one that was started, the leader of a process group of its own: a
// terminal's Ctrl-C comes to it through us alone.
type process struct{ cmd *exec.Cmd }

func (p *process) kill(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) } // it may be gone

func (l Local) start(i int, ended chan exit) (*process, error) {
	rank := l.First + i
	c := exec.Command(l.Program)
	c.Args = l.Args
	c.Env = l.environ(i)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(c.SysProcAttr)
	var tags []*tagged
	if i == 0 && rank == 0 {
		c.Stdout, c.Stderr = l.Stdout, l.Stderr // a bar needs the terminal itself
	} else {
		tags = []*tagged{{to: l.Stdout, tag: fmt.Sprintf("[rank %d] ", rank)}, {to: l.Stderr, tag: fmt.Sprintf("[rank %d] ", rank)}}
		c.Stdout, c.Stderr = tags[0], tags[1]
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("cannot start rank %d: %w", rank, err)
	}
	go func() {
		err := c.Wait()
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what it started and left
		for _, t := range tags {
			t.flush()
		}
		ended <- exit{rank, err}
	}()
	return &process{c}, nil
}

// environ is what the i-th process is told, in torchrun's words.
func (l Local) environ(i int) []string {
	var out []string
	own := parse(nil)
	for name, value := range map[string]int{
		"RANK": l.First + i, "WORLD_SIZE": l.Size, "LOCAL_RANK": i, "LOCAL_WORLD_SIZE": l.Count,
		"MASTER_PORT": l.Port, localRestarts: l.Restarts,
	} {
		own[name] = strconv.Itoa(value)
	}
	own["MASTER_ADDR"] = l.Address
	own[localMark] = fmt.Sprintf("procs-%s-%d", l.Address, l.Port)
	if given := parse(l.Environ); given["OMP_NUM_THREADS"] == "" && l.Threads > 0 {
		own["OMP_NUM_THREADS"] = strconv.Itoa(l.Threads)
	}
	for _, entry := range l.Environ {
		name, _, _ := strings.Cut(entry, "=")
		if _, ours := own[name]; !ours {
			out = append(out, entry)
		}
	}
	for name, value := range own {
		out = append(out, name+"="+value)
	}
	return out
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// tagged writes whole lines after a tag.
type tagged struct {
	to   io.Writer
	tag  string
	mu   sync.Mutex
	line []byte
}

func (t *tagged) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range b {
		if t.line = append(t.line, c); c == '\n' {
			t.put()
		}
	}
	return len(b), nil
}

func (t *tagged) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.line) > 0 {
		t.line = append(t.line, '\n')
		t.put()
	}
}

// put writes the line at once, so that lines of several processes do not mix.
func (t *tagged) put() {
	_, _ = t.to.Write(append([]byte(t.tag), t.line...)) // a closed terminal ends nothing
	t.line = t.line[:0]
}
