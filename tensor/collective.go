package tensor

import (
	"errors"
	"time"

	"cone/tensor/internal/door"
)

// Store is libtorch's key-value store over TCP (c10d's TCPStore, which torchrun
// keeps too): where processes find each other before they can send tensors.
type Store struct{ s door.Store }

// OpenStore reaches the store at host and port; with serve this process keeps
// it there, on a free port if port is 0. The prefix sets apart jobs that share
// a store. Bound is the store's port.
func OpenStore(host string, port int, serve bool, prefix string, timeout time.Duration) (s *Store, bound int, err error) {
	opened, bound, text := door.OpenStore(host, port, serve, prefix, timeout)
	return &Store{opened}, bound, asError(text)
}

// Set writes a key.
func (s *Store) Set(key string, value []byte) error { return asError(s.s.Set(key, value)) }

// Has says whether all the keys are there.
func (s *Store) Has(keys ...string) (bool, error) {
	all, text := s.s.Has(keys...)
	return all, asError(text)
}

// Get reads a key, waiting for it as long as the store's time-out.
func (s *Store) Get(key string) ([]byte, error) {
	value, text := s.s.Get(key)
	return value, asError(text)
}

// Close ends this process's part in the store.
func (s *Store) Close() { s.s.Close() }

func asError(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// Collectives is a group of processes that work on tensors together, by gloo on
// CPUs or NCCL on GPUs. Each of them must make the same calls in the same order.
// A failure is an *OpError with Collective set.
type Collectives struct{ g door.Group }

// Purpose says what a collective is for; each purpose is counted by itself.
type Purpose int

// The purposes.
const (
	ForGradients Purpose = door.Gradients
	ForBatchNorm Purpose = door.BatchNorm
	ForBank      Purpose = door.Bank
	ForOther     Purpose = door.Other
)

// Traffic is what collectives of one purpose cost this process.
type Traffic struct {
	// Calls of collectives, and the bytes that this process handed to them.
	Calls, Bytes int64
	// Busy is the time in which a collective was under way, Waited the part of
	// it in which the step stood still for it. Both include waiting for slower
	// processes.
	Busy, Waited time.Duration
}

// OpenCollectives connects the processes that share a store; the name sets
// groups apart. Address is this host's own, for gloo; on says which GPU NCCL
// works for. The time-out bounds a collective, from its start.
func OpenCollectives(s *Store, backend, name string, rank, size int, address string, on Device, timeout time.Duration) (*Collectives, error) {
	g, text := door.OpenGroup(s.s, backend, name, rank, size, address, int(on.Index), timeout)
	return &Collectives{g}, asError(text)
}

// HasNCCL says whether the program was built with NCCL.
func HasNCCL() bool { return door.HasNCCL() }

// Abort makes collectives that wait for another process fail, those to come
// too. Any goroutine may call it.
func (c *Collectives) Abort() { c.g.Abort() }

// Close ends the group.
func (c *Collectives) Close() { c.g.Close() }

// Traffic is what was sent so far, by purpose.
func (c *Collectives) Traffic() map[Purpose]Traffic {
	out := map[Purpose]Traffic{}
	for i, n := range c.g.Counts() {
		out[Purpose(i)] = Traffic(n)
	}
	return out
}

// AllReduce replaces each tensor by its sum over all processes.
func (c *Collectives) AllReduce(p Purpose, ts ...Tensor) {
	var r door.Result
	c.g.AllReduce(int(p), handlesOf(ts), &r)
	if r.Error != "" {
		fail("all_reduce", r.Error)
	}
}

// AllGather stacks the tensors of all processes, alike in shape and type, along
// a new first dimension.
func (c *Collectives) AllGather(p Purpose, t Tensor) Tensor {
	var r door.Result
	c.g.AllGather(int(p), t.h, &r)
	if r.Error != "" {
		fail("all_gather", r.Error)
	}
	return Tensor{door.Handle(r.Value[0])}
}

// Broadcast copies the root's tensors into those of all other processes.
func (c *Collectives) Broadcast(p Purpose, root int, ts ...Tensor) {
	var r door.Result
	c.g.Broadcast(int(p), root, handlesOf(ts), &r)
	if r.Error != "" {
		fail("broadcast", r.Error)
	}
}

func handlesOf(ts []Tensor) []door.Handle {
	out := make([]door.Handle, len(ts))
	for i, t := range ts {
		out[i] = t.h
	}
	return out
}

// GatherRows joins the rows of all processes along dimension 0; rows says how
// many each has. The gradient that a process gets for its own rows is the sum
// over what all of them made of these.
func (c *Collectives) GatherRows(t Tensor, rows []int) Tensor {
	list := make([]int64, len(rows))
	for i, n := range rows {
		list[i] = int64(n)
	}
	var r door.Result
	c.g.GatherRows(t.h, list, &r)
	if r.Error != "" {
		fail("gather_rows", r.Error)
	}
	return Tensor{door.Handle(r.Value[0])}
}

// SyncBatchNorm is Tensor.BatchNorm in training by the statistics of all
// processes together, however many images each has, as torch.nn.SyncBatchNorm.
// The gradients of weight and bias are this process's own part.
func (c *Collectives) SyncBatchNorm(x, weight, bias, runningMean, runningVar Tensor, momentum, eps float64) Tensor {
	var r door.Result
	c.g.SyncBatchNorm(x.h, weight.h, bias.h, runningMean.h, runningVar.h, momentum, eps, &r)
	if r.Error != "" {
		fail("sync_batch_norm", r.Error)
	}
	return Tensor{door.Handle(r.Value[0])}
}

// Buckets are the gradients of some parameters, summed over all processes a
// bucket at a time.
type Buckets struct{ b door.Buckets }

// NewBuckets makes a bucket of the parameters up to each of the ends, which
// must be of one type. With overlap a bucket sets out while the armed backward
// pass still runs; otherwise all of them do in Finish.
func (c *Collectives) NewBuckets(parameters []Tensor, ends []int, overlap bool) *Buckets {
	list := make([]int64, len(ends))
	for i, n := range ends {
		list[i] = int64(n)
	}
	var r door.Result
	b := door.OpenBuckets(c.g, handlesOf(parameters), list, overlap, &r)
	if r.Error != "" {
		fail("gradient buckets", r.Error)
	}
	return &Buckets{b}
}

// Arm says that the next backward pass makes the gradients that are to be sent.
func (b *Buckets) Arm() { b.b.Arm() }

// Finish waits until all gradients are summed and leaves the sums in their
// place. A parameter without a gradient counts as zero.
func (b *Buckets) Finish() {
	var r door.Result
	b.b.Finish(&r)
	if r.Error != "" {
		fail("gradient sum", r.Error)
	}
}

// Close ends the buckets.
func (b *Buckets) Close() { b.b.Close() }
