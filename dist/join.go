package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"cone/tensor"
)

// Config says who this process is and where it meets the others.
type Config struct {
	// Rank of this process, Size of the group, LocalRank among the processes of
	// this host.
	Rank, Size, LocalRank int
	// Address and Port of the store. Rank 0 keeps it unless AgentStore is set:
	// then somebody else does (torchrun, or a Rendezvous), and every rank is a
	// client.
	Address    string
	Port       int
	AgentStore bool
	// Timeout bounds Join, and is how long a rank may give no sign of life
	// before the others stop; 0 means a minute.
	Timeout time.Duration
	// Prefix sets apart jobs that share a store: a launcher's count of restarts.
	Prefix string
	// Backend is gloo or nccl; empty means by Device.
	Backend string
	// Device is where this process computes.
	Device tensor.Device
	// Interface is the network interface to use, as "eth0"; empty means the one
	// through which the store is reached.
	Interface string
}

// Join meets the other ranks and connects to them. Its errors are sentences for
// people: a store that cannot be reached, a port in use, ranks that never came.
func Join(ctx context.Context, c Config) (*Group, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Size == 1 {
		return Alone(), nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, errWaited)
	defer cancel()
	own, err := c.meet(ctx)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = own
	}
	store, err := c.openStore(ctx)
	if err != nil {
		return nil, err
	}
	g := &Group{rank: c.Rank, size: c.Size, store: store, waiting: max(c.Timeout, time.Minute), exchange: map[string]int{}}
	if err := g.connect(ctx, c, host, own); err != nil {
		if g.monitor != nil {
			g.monitor.leave(err)
		}
		// Connections may be half made: c10d's objects are left to the process's end.
		return nil, err
	}
	return g, nil
}

// openStore talks to the store. Something else may listen at its port and never
// answer, which c10d does not notice; its attempt is then left to the process's
// end.
func (c *Config) openStore(ctx context.Context) (*tensor.Store, error) {
	type result struct {
		store *tensor.Store
		err   error
	}
	opened := make(chan result, 1)
	go func() {
		// This time-out is for a store that breaks off.
		s, _, err := tensor.OpenStore(c.Address, c.Port, c.keepsStore(), "cone/"+c.Prefix, max(c.Timeout, 10*time.Second))
		if err == nil {
			_, err = s.Has("anything") // only a store answers
		}
		opened <- result{s, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, fmt.Errorf("the store at %s cannot be used: %s", c.store(), sentence(r.err))
		}
		return r.store, nil
	case <-ctx.Done():
		if context.Cause(ctx) != errWaited {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("what listens at %s is not rank 0's store, or did not answer within %v: choose another MASTER_PORT", c.store(), c.Timeout)
	}
}

// check fills in what was left open.
func (c *Config) check() error {
	switch {
	case c.Size < 1:
		return fmt.Errorf("a group of %d processes is none", c.Size)
	case c.Rank < 0 || c.Rank >= c.Size:
		return fmt.Errorf("rank %d does not fit a group of %d: ranks go from 0 to %d", c.Rank, c.Size, c.Size-1)
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	if c.Backend == "" {
		c.Backend = "gloo"
		if !c.Device.IsCPU() {
			c.Backend = "nccl"
		}
	}
	switch {
	case c.Backend != "gloo" && c.Backend != "nccl":
		return fmt.Errorf("the backend %q is unknown: choose gloo or nccl", c.Backend)
	case c.Backend == "nccl" && !tensor.HasNCCL():
		return errors.New("this program was built without NCCL: choose the backend gloo, or build it against a PyTorch with CUDA")
	case c.Backend == "nccl" && c.Device.IsCPU():
		return errors.New("NCCL sends tensors of GPUs: on CPUs choose the backend gloo")
	}
	return nil
}

func (c *Config) keepsStore() bool { return c.Rank == 0 && !c.AgentStore }

func (c *Config) store() string { return net.JoinHostPort(c.Address, strconv.Itoa(c.Port)) }

// meet makes sure that the store is there, or can be kept here, and returns the
// address by which this host is known on the way to it.
func (c *Config) meet(ctx context.Context) (own string, err error) {
	found, err := net.DefaultResolver.LookupIPAddr(ctx, c.Address)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("the master's name %q cannot be resolved: check MASTER_ADDR", c.Address)
	}
	if c.keepsStore() {
		if err := free(c.Port); err != nil {
			return "", err
		}
		own = found[0].String()
	} else if own, err = c.reach(ctx); err != nil {
		return "", err
	}
	if c.Interface != "" {
		return interfaceAddress(c.Interface)
	}
	return own, nil
}

// free checks a port that is to be listened on.
func free(port int) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return fmt.Errorf("port %d, where rank 0 is to keep the store, cannot be used (%s): choose another MASTER_PORT", port, cause(err))
	}
	return l.Close()
}

// reach waits until somebody answers at the store's port, and tells which of
// this host's addresses leads there.
func (c *Config) reach(ctx context.Context) (own string, err error) {
	var dialer net.Dialer
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		conn, err := dialer.DialContext(ctx, "tcp", c.store())
		if err == nil {
			own, _, _ = net.SplitHostPort(conn.LocalAddr().String())
			return own, conn.Close()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if context.Cause(ctx) != errWaited {
				return "", ctx.Err()
			}
			return "", fmt.Errorf("rank 0's store did not answer at %s within %v (%s)", c.store(), c.Timeout, cause(err))
		}
	}
}

// cause is the system's own word for a network error.
func cause(err error) string {
	var e *os.SyscallError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

func interfaceAddress(name string) (string, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return "", fmt.Errorf("there is no network interface %q here", name)
	}
	addresses, _ := i.Addrs()
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String(), nil
		}
	}
	return "", fmt.Errorf("the network interface %q has no address", name)
}

// connect finds all ranks in the store and opens the connections.
func (g *Group) connect(ctx context.Context, c Config, host, own string) error {
	addresses, err := g.everybody(ctx, c, host, own)
	if err != nil {
		return err
	}
	own = reachable(g.rank, addresses)
	g.monitor = newMonitor(g.rank, g.hosts, c.Timeout)
	if err := g.watchOver(ctx, c, own); err != nil {
		return err
	}
	opened := make(chan error, 1)
	go func() { opened <- g.open(c, own) }()
	select {
	case err := <-opened:
		if lost := g.Err(); lost != nil {
			return lost
		}
		if err != nil {
			return fmt.Errorf("the ranks could not be connected: %s", sentence(err))
		}
	case <-g.monitor.lost:
		return g.Err()
	case <-ctx.Done():
		if context.Cause(ctx) != errWaited {
			return ctx.Err()
		}
		return fmt.Errorf("the ranks could not be connected within %v", c.Timeout)
	}
	g.monitor.mutex.Lock()
	g.monitor.onLoss = g.abort
	g.monitor.mutex.Unlock()
	if lost := g.Err(); lost != nil {
		g.abort()
		return lost
	}
	return nil
}

// everybody waits for all ranks, and learns their hosts' names and addresses.
func (g *Group) everybody(ctx context.Context, c Config, host, own string) (addresses []string, err error) {
	if err := g.store.Set(fmt.Sprintf("rank/%d", g.rank), []byte(host+"\n"+own)); err != nil {
		return nil, fmt.Errorf("the store at %s cannot be used: %s", c.store(), sentence(err))
	}
	keys := make([]string, g.size)
	for i := range keys {
		keys[i] = fmt.Sprintf("rank/%d", i)
	}
	missing, err := await(ctx, g.store, nil, keys...)
	switch {
	case len(missing) > 0:
		return nil, fmt.Errorf("%s of %d did not come within %v", ranks(missing), g.size, c.Timeout)
	case errors.Is(err, errWaited): // the store went while it was asked who is missing
		if c.AgentStore {
			return nil, fmt.Errorf("not all of %d ranks came within %v, and the store at %s went away", g.size, c.Timeout, c.store())
		}
		return nil, fmt.Errorf("rank 0 (host %s) stopped waiting: not all of %d ranks came within %v", c.Address, g.size, c.Timeout)
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("the store at %s broke off: %s", c.store(), sentence(err))
	}
	for _, k := range keys {
		v, err := g.store.Get(k)
		if err != nil {
			return nil, fmt.Errorf("the store at %s broke off: %s", c.store(), sentence(err))
		}
		name, address, _ := strings.Cut(string(v), "\n")
		g.hosts = append(g.hosts, name)
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// ranks names the ranks of the keys: "rank 3" or "ranks 1, 2 and 5".
func ranks(keys []string) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = strings.TrimPrefix(k, "rank/")
	}
	if len(names) == 1 {
		return "rank " + names[0]
	}
	const shown = 8
	if len(names) > shown {
		return fmt.Sprintf("ranks %s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return "ranks " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// reachable is the address by which the other ranks reach this one: not the
// loopback where some of them are on other hosts, as happens where a host's own
// name means 127.0.1.1.
func reachable(rank int, addresses []string) string {
	own := addresses[rank]
	if ip := net.ParseIP(own); ip == nil || !ip.IsLoopback() {
		return own
	}
	for _, a := range addresses {
		if ip := net.ParseIP(a); ip != nil && !ip.IsLoopback() {
			// Nothing is sent: this only asks which way it would go.
			if conn, err := net.Dial("udp", net.JoinHostPort(a, "9")); err == nil {
				defer conn.Close()
				host, _, _ := net.SplitHostPort(conn.LocalAddr().String())
				return host
			}
		}
	}
	return own
}

// watchOver starts the monitor's connections.
func (g *Group) watchOver(ctx context.Context, c Config, own string) error {
	const key = "monitor"
	if g.rank == 0 {
		where, err := g.monitor.listen(own)
		if err != nil {
			return fmt.Errorf("rank 0 cannot listen on %s: %s", own, cause(err))
		}
		return g.store.Set(key, []byte(where))
	}
	if _, err := await(ctx, g.store, nil, key); err != nil {
		return fmt.Errorf("rank 0 (host %s) vanished while the ranks met", g.hosts[0])
	}
	where, err := g.store.Get(key)
	if err != nil {
		return fmt.Errorf("rank 0 (host %s) vanished while the ranks met", g.hosts[0])
	}
	if err := g.monitor.dial(string(where)); err != nil {
		return fmt.Errorf("rank 0 (host %s) cannot be reached: %s", g.hosts[0], cause(err))
	}
	return nil
}

// open connects every rank with every other, once for gradients and once for
// the rest, so that neither waits in the other's queue.
func (g *Group) open(c Config, own string) (err error) {
	if g.cpu, err = tensor.OpenCollectives(g.store, "gloo", "all", g.rank, g.size, own, tensor.CPU, collectiveLimit); err != nil {
		return err
	}
	g.gpu = c.Backend == "nccl"
	g.fast, err = tensor.OpenCollectives(g.store, c.Backend, "gradients", g.rank, g.size, own, c.Device, collectiveLimit)
	return err
}
