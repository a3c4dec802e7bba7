package dist_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"cone/dist"
	"cone/internal/processes"
	"cone/tensor"
)

func init() {
	// Ranks that work together until one of them is lost.
	parts["forever"] = func(g *dist.Group) error {
		fmt.Println("ready")
		for {
			tensor.Scope(func() { g.AllReduce(tensor.Zeros(tensor.Float32, tensor.CPU, 1000)) })
		}
	}
	// A rank that is busy elsewhere while the others wait.
	parts["slow"] = func(g *dist.Group) error {
		if g.Rank() == 1 {
			time.Sleep(5 * time.Second) // longer than the time-out
		}
		g.Barrier()
		return nil
	}
	parts["leave"] = func(g *dist.Group) error {
		if g.Rank() == 1 {
			return errors.New("the dog\nate it")
		}
		g.Barrier()
		return nil
	}
	parts["leave early"] = func(g *dist.Group) error {
		if g.Rank() == 1 {
			return nil
		}
		time.Sleep(500 * time.Millisecond)
		return g.Err()
	}
	parts["busy"] = func(g *dist.Group) error {
		fmt.Println("ready")
		<-g.Lost()
		return g.Err()
	}
}

// ready waits until every rank has printed something.
func ready(t *testing.T, list []*processes.Rank) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		all := true
		for _, p := range list {
			all = all && p.Out.String() != ""
		}
		if all {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the ranks did not begin")
		}
	}
}

// TestKilledRankIsNamed: the others stop soon and say which it was, in the
// midst of a collective or of other things.
func TestKilledRankIsNamed(t *testing.T) {
	for _, part := range []string{"forever", "busy"} {
		for _, victim := range []int{0, 2} {
			list := processes.Start(t, 3, part, 0)
			ready(t, list)
			list[victim].Cmd.Process.Kill()
			killed := time.Now()
			processes.Wait(list...)
			if took := time.Since(killed); took > 30*time.Second { // the time-out is a minute
				t.Errorf("%s: the others took %v", part, took)
			}
			host, _ := os.Hostname()
			want := fmt.Sprintf("rank %d (host %s) vanished", victim, host)
			for i, p := range list {
				if got := strings.TrimSpace(p.Err.String()); i != victim && got != want {
					t.Errorf("%s: rank %d said %q, want %q", part, i, got, want)
				}
			}
		}
	}
}

// TestStoppedRankIsNamed within the time-out, which gloo alone would not do.
func TestStoppedRankIsNamed(t *testing.T) {
	for _, victim := range []int{0, 1} {
		list := processes.Start(t, 3, "forever", 3*time.Second)
		ready(t, list)
		list[victim].Cmd.Process.Signal(syscall.SIGSTOP)
		others := append(append([]*processes.Rank{}, list[:victim]...), list[victim+1:]...)
		stopped := time.Now()
		processes.Wait(others...)
		if took := time.Since(stopped); took > time.Minute { // gloo by itself: half an hour
			t.Errorf("the others took %v", took)
		}
		for _, p := range others {
			want := fmt.Sprintf("rank %d (host ", victim)
			if got := p.Err.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "gave no sign of life for 3s\n") {
				t.Errorf("with rank %d stopped, one said %q", victim, got)
			}
		}
	}
}

// TestSlowRankIsNoLostRank: one that lives is waited for.
func TestSlowRankIsNoLostRank(t *testing.T) {
	list := processes.Start(t, 2, "slow", 3*time.Second)
	processes.Wait(list...)
	for i, p := range list {
		if p.Failed != nil {
			t.Errorf("rank %d: %s", i, p.Err.String())
		}
	}
}

// TestReasonReachesTheOthers, in one line.
func TestReasonReachesTheOthers(t *testing.T) {
	list := processes.Start(t, 3, "leave", 0)
	processes.Wait(list...)
	host, _ := os.Hostname()
	for _, i := range []int{0, 2} {
		if got, want := list[i].Err.String(), fmt.Sprintf("rank 1 (host %s) stopped: the dog ate it\n", host); got != want {
			t.Errorf("rank %d said %q, want %q", i, got, want)
		}
	}
}

// TestLeavingIsNoLoss: who says goodbye is not missed.
func TestLeavingIsNoLoss(t *testing.T) { processes.Together(t, 3, "leave early") }

// TestJoinRefuses what cannot work, in one sentence and in time.
func TestJoinRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := unused.Addr().(*net.TCPAddr).Port
	unused.Close()
	store, err := dist.Serve("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, c := range []struct {
		name, want string
		change     func(*dist.Config)
	}{
		{"unresolvable", `the master's name "no-such-host.invalid" cannot be resolved: check MASTER_ADDR`,
			func(c *dist.Config) { c.Address = "no-such-host.invalid" }},
		{"port in use", fmt.Sprintf("port %d, where rank 0 is to keep the store, cannot be used (address already in use): choose another MASTER_PORT", port),
			func(c *dist.Config) { c.Port = port }},
		{"nobody there", fmt.Sprintf("rank 0's store did not answer at 127.0.0.1:%d within 700ms (connection refused)", closed),
			func(c *dist.Config) { c.Rank, c.Port = 1, closed }},
		{"ranks that never come", "ranks 0, 2 and 3 of 4 did not come within 700ms",
			func(c *dist.Config) { c.Rank, c.Size, c.AgentStore, c.Port = 1, 4, true, store.Port }},
		{"a rank that never comes", "rank 0 of 2 did not come within 700ms",
			func(c *dist.Config) { c.Rank, c.AgentStore, c.Port, c.Prefix = 1, true, store.Port, "1" }},
		{"a rank too high", "rank 2 does not fit a group of 2: ranks go from 0 to 1", func(c *dist.Config) { c.Rank = 2 }},
		{"no ranks", "a group of 0 processes is none", func(c *dist.Config) { c.Size = 0 }},
		{"backend", `the backend "mpi" is unknown: choose gloo or nccl`, func(c *dist.Config) { c.Backend = "mpi" }},
		{"interface", `there is no network interface "eth77" here`,
			func(c *dist.Config) { c.Rank, c.AgentStore, c.Port, c.Interface = 1, true, store.Port, "eth77" }},
	} {
		config := dist.Config{Size: 2, Address: "127.0.0.1", Timeout: 700 * time.Millisecond}
		c.change(&config)
		began := time.Now()
		g, err := dist.Join(context.Background(), config)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, %v; want %q", c.name, g, err, c.want)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", c.name, took)
		}
	}
}

// TestJoinEndsWithItsContext.
func TestJoinEndsWithItsContext(t *testing.T) {
	store, err := dist.Serve("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err = dist.Join(ctx, dist.Config{Rank: 1, Size: 2, Address: "127.0.0.1", Port: store.Port, AgentStore: true})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestAlone: one process is its own group.
func TestAlone(t *testing.T) {
	g, err := dist.Join(context.Background(), dist.Config{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = g.Run(func() error {
		x := tensor.Full(3, tensor.Float64, tensor.CPU, 2)
		g.AllReduce(x)
		g.Broadcast(0, x)
		g.Barrier()
		s := g.Gradients([]tensor.Tensor{x}, true)
		s.Arm()
		s.Sum()
		s.Close()
		if got := values(g.AllGather(x)); got != "[3 3]" || values(g.GatherRows(x, nil)) != got || g.Share(g.Rows(2)) != 1 {
			t.Errorf("alone, x is %s", got)
		}
		if err := first(g.Align([]dist.Named{{"x", x}}), g.Compare([]dist.Named{{"x", x}}), g.Err()); err != nil {
			t.Error(err)
		}
		return nil
	})
	if out, _ := g.Exchange("k", []byte("v")); err != nil || g.Size() != 1 || len(out) != 1 || string(out[0]) != "v" || g.Close() != nil {
		t.Errorf("alone: %v, %q", err, out)
	}
}
