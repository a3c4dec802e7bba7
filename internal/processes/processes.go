// Package processes lets a test be several processes: it starts the test's own
// binary as the ranks of a group.
package processes

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cone/dist"
	"cone/tensor"
)

// What a started process is told besides its rank.
const (
	partVariable    = "CONE_TEST_PART"
	timeoutVariable = "CONE_TEST_TIMEOUT"
)

// Part is what each rank does.
type Part func(g *dist.Group) error

// Main is TestMain for a package whose tests start processes: a process that
// was started as a rank does its part and ends.
func Main(m *testing.M, parts map[string]Part) {
	name := os.Getenv(partVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := asRank(parts[name]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func asRank(part Part) error {
	number := func(name string) int {
		n, _ := strconv.Atoi(os.Getenv(name))
		return n
	}
	timeout, err := time.ParseDuration(os.Getenv(timeoutVariable))
	if err != nil {
		timeout = time.Minute
	}
	g, err := dist.Join(context.Background(), dist.Config{
		Rank: number("RANK"), Size: number("WORLD_SIZE"), Address: "127.0.0.1", Port: number("MASTER_PORT"),
		AgentStore: true, Timeout: timeout,
	})
	if err != nil {
		return err
	}
	err = g.Run(func() error {
		tensor.SetThreads(1)
		return part(g)
	})
	g.Leave(err)
	return err
}

// Rank is a process that was started.
type Rank struct {
	Cmd      *exec.Cmd
	Out, Err Output
	Failed   error // as Cmd.Wait has it
}

// Output is what a process wrote so far.
type Output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(p)
}

func (o *Output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// Start starts ranks that do the part. The timeout is dist.Config's; 0 means a
// minute.
func Start(t testing.TB, size int, part string, timeout time.Duration) []*Rank {
	t.Helper()
	r, err := dist.Serve("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	list := make([]*Rank, size)
	for i := range list {
		p := &Rank{Cmd: exec.Command(os.Args[0])}
		p.Cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", partVariable+"="+part, fmt.Sprintf("RANK=%d", i),
			fmt.Sprintf("WORLD_SIZE=%d", size), fmt.Sprintf("MASTER_PORT=%d", r.Port))
		if timeout > 0 {
			p.Cmd.Env = append(p.Cmd.Env, timeoutVariable+"="+timeout.String())
		}
		p.Cmd.Stdout, p.Cmd.Stderr = &p.Out, &p.Err
		if err := p.Cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Cmd.Process.Kill() })
		list[i] = p
	}
	return list
}

// Wait waits for ranks to end.
func Wait(list ...*Rank) {
	var all sync.WaitGroup
	for _, p := range list {
		all.Go(func() { p.Failed = p.Cmd.Wait() })
	}
	all.Wait()
}

// Together runs a part on ranks that must all succeed, and returns what each of
// them printed.
func Together(t testing.TB, size int, part string) []string {
	t.Helper()
	list := Start(t, size, part, 0)
	Wait(list...)
	out := make([]string, size)
	for i, p := range list {
		if p.Failed != nil {
			t.Errorf("rank %d of %d: %v\n%s", i, size, p.Failed, p.Err.String())
		}
		out[i] = strings.TrimSpace(p.Out.String())
	}
	return out
}
