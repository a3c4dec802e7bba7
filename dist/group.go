// Package dist lets processes train together: they find each other through a
// store, watch over each other, and sum, gather and broadcast tensors by
// libtorch's c10d (gloo on CPUs, NCCL on GPUs).
//
// Every process (rank) makes the same calls in the same order; a call returns
// when the others have done their part. A collective whose partner is gone
// panics like every operator; Group.Run, or tensor.Run and Group.Explain, turn
// that into a *PeerError which names the rank.
//
// Collectives are called from inside tensor.Run like every operator. They hold
// the calling thread while they wait; the sending is done by c10d's own two
// threads per group, which never enter an operator.
package dist

import (
	"sync"
	"time"

	"cone/tensor"
)

// collectiveLimit bounds one collective among ranks that are all alive: one of
// them may evaluate or save while the others wait.
const collectiveLimit = 30 * time.Minute

// Group is the processes that train together, as one of them sees it.
type Group struct {
	rank, size int
	hosts      []string // of each rank

	store   *tensor.Store
	cpu     *tensor.Collectives // gloo; nil in a group of one
	fast    *tensor.Collectives // for gradients: gloo once more, or NCCL on a GPU
	gpu     bool                // fast is NCCL
	monitor *monitor

	mutex    sync.Mutex
	exchange map[string]int // how often each key was exchanged
	waiting  time.Duration  // how long the store is asked for a key
	closed   bool
}

// Alone is a group of one process: every operation is the identity, so that
// training has one path.
func Alone() *Group { return &Group{size: 1, hosts: []string{"this host"}} }

// Rank of this process, from 0.
func (g *Group) Rank() int { return g.rank }

// Size is the number of processes.
func (g *Group) Size() int { return g.size }

// Alone says whether there is no other process.
func (g *Group) Alone() bool { return g.size == 1 }

// First says whether this is rank 0, which writes files and talks to people.
func (g *Group) First() bool { return g.rank == 0 }

// Host is the name of a rank's host.
func (g *Group) Host(rank int) string { return g.hosts[rank] }

// on picks the collectives for a tensor's device.
func (g *Group) on(t tensor.Tensor) *tensor.Collectives {
	if g.gpu && !t.OnCPU() {
		return g.fast
	}
	return g.cpu
}

// AllReduce replaces each tensor by its sum over all ranks. All must lie on one
// device, each in one dense block.
func (g *Group) AllReduce(ts ...tensor.Tensor) { g.allReduce(tensor.ForOther, ts...) }

func (g *Group) allReduce(p tensor.Purpose, ts ...tensor.Tensor) {
	if g.Alone() || len(ts) == 0 {
		return
	}
	g.on(ts[0]).AllReduce(p, ts...)
}

// Broadcast copies the root's tensors into those of all other ranks, which
// must be alike in shape, type and layout.
func (g *Group) Broadcast(root int, ts ...tensor.Tensor) {
	if g.Alone() || len(ts) == 0 {
		return
	}
	g.on(ts[0]).Broadcast(tensor.ForOther, root, ts...)
}

// Barrier returns when every rank has called it.
func (g *Group) Barrier() {
	if g.Alone() {
		return
	}
	tensor.Scope(func() {
		g.cpu.AllReduce(tensor.ForOther, tensor.Zeros(tensor.Float32, tensor.CPU, 1))
	})
}

// Close says goodbye to the others and ends the group.
func (g *Group) Close() error { return g.Leave(nil) }

// Leave ends the group like Close; with an error the others stop too, and their
// *PeerError gives it as the reason.
func (g *Group) Leave(reason error) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.Alone() || g.closed {
		return nil
	}
	g.closed = true
	g.monitor.leave(reason)
	if reason != nil || g.monitor.verdict() != nil {
		g.abort()
	}
	g.fast.Close()
	g.cpu.Close()
	g.store.Close()
	return nil
}

// abort ends collectives that wait for a rank.
func (g *Group) abort() {
	g.cpu.Abort()
	g.fast.Abort()
}
