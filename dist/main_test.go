package dist_test

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

// parts are what the test binary does when it is started as a rank.
var parts = map[string]func(g *dist.Group) error{}

// TestMain becomes a rank where a test started this binary as one.
func TestMain(m *testing.M) {
	name := os.Getenv("DIST_TEST_PART")
	if name == "" {
		os.Exit(m.Run())
	}
	if err := asRank(parts[name]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func number(name string) int {
	n, _ := strconv.Atoi(os.Getenv(name))
	return n
}

func asRank(part func(*dist.Group) error) error {
	timeout := 30 * time.Second
	if ms := number("DIST_TEST_TIMEOUT"); ms > 0 {
		timeout = time.Duration(ms) * time.Millisecond
	}
	g, err := dist.Join(context.Background(), dist.Config{
		Rank: number("RANK"), Size: number("WORLD_SIZE"), Address: "127.0.0.1", Port: number("MASTER_PORT"),
		AgentStore: true, Timeout: timeout,
	})
	if err != nil {
		return err
	}
	err = g.Run(func() error { return part(g) })
	g.Leave(err)
	return err
}

// rank is one started process.
type rank struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	failed   error
}

// start starts ranks of this binary that do the part.
func start(t *testing.T, size int, part string, env ...string) []*rank {
	t.Helper()
	r, err := dist.Serve("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	ranks := make([]*rank, size)
	for i := range ranks {
		p := &rank{cmd: exec.Command(os.Args[0])}
		p.cmd.Env = append(os.Environ(), "DIST_TEST_PART="+part, fmt.Sprintf("RANK=%d", i), fmt.Sprintf("WORLD_SIZE=%d", size),
			fmt.Sprintf("MASTER_PORT=%d", r.Port), "OMP_NUM_THREADS=1")
		p.cmd.Env = append(p.cmd.Env, env...)
		p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ranks[i] = p
	}
	t.Cleanup(func() {
		for _, p := range ranks {
			p.cmd.Process.Kill()
		}
	})
	return ranks
}

// wait waits for all ranks.
func wait(ranks []*rank) {
	var all sync.WaitGroup
	for _, p := range ranks {
		all.Go(func() { p.failed = p.cmd.Wait() })
	}
	all.Wait()
}

// together runs a part on ranks that must all succeed, and returns what each
// printed.
func together(t *testing.T, size int, part string, env ...string) []string {
	t.Helper()
	ranks := start(t, size, part, env...)
	wait(ranks)
	out := make([]string, size)
	for i, p := range ranks {
		if p.failed != nil {
			t.Errorf("rank %d of %d: %v\n%s", i, size, p.failed, p.err.String())
		}
		out[i] = strings.TrimSpace(p.out.String())
	}
	return out
}

func values(t tensor.Tensor) string { return fmt.Sprint(tensor.To[float64](t.ToDType(tensor.Float64))) }
