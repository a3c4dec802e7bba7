package door

/*
#include <stdlib.h>
#include "c10d.h"
*/
import "C"

import (
	"time"
	"unsafe"
)

// Kinds of collectives, as in c10d.h.
const (
	Gradients = C.CONE_GRADIENTS
	BatchNorm = C.CONE_BATCH_NORM
	Bank      = C.CONE_BANK
	Other     = C.CONE_OTHER
	Kinds     = C.CONE_KINDS
)

// Store is a key-value store over TCP.
type Store struct{ p unsafe.Pointer }

// OpenStore reaches the store at host and port, or keeps it. The text is empty
// when that went well.
func OpenStore(host string, port int, server bool, prefix string, timeout time.Duration) (s Store, bound int, text string) {
	h, p := C.CString(host), C.CString(prefix)
	defer C.free(unsafe.Pointer(h))
	defer C.free(unsafe.Pointer(p))
	var b C.int
	text = takeText(C.cone_store_open(h, C.int(port), boolInt(server), p, C.int64_t(timeout.Milliseconds()), &s.p, &b))
	return s, int(b), text
}

// Set writes a key.
func (s Store) Set(key string, value []byte) string {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	return takeText(C.cone_store_set(s.p, k, unsafe.Pointer(unsafe.SliceData(value)), C.int64_t(len(value))))
}

// Has says whether all the keys are there.
func (s Store) Has(keys ...string) (all bool, text string) {
	list := make([]*C.char, len(keys))
	for i, k := range keys {
		list[i] = C.CString(k)
		defer C.free(unsafe.Pointer(list[i]))
	}
	pointers := (**C.char)(C.malloc(C.size_t(len(keys)+1) * C.size_t(unsafe.Sizeof(list[0]))))
	defer C.free(unsafe.Pointer(pointers))
	copy(unsafe.Slice(pointers, len(keys)), list)
	var yes C.int
	text = takeText(C.cone_store_has(s.p, pointers, C.int(len(keys)), &yes))
	return yes != 0, text
}

// Get reads a key, waiting for it as long as the store's time-out.
func (s Store) Get(key string) (value []byte, text string) {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	var p unsafe.Pointer
	var n C.int64_t
	if text = takeText(C.cone_store_get(s.p, k, &p, &n)); text != "" {
		return nil, text
	}
	defer C.free(p)
	return C.GoBytes(p, C.int(n)), ""
}

// Close ends this process's part in the store.
func (s Store) Close() { C.cone_store_close(s.p) }

// Group is a group of processes.
type Group struct{ p unsafe.Pointer }

// OpenGroup connects the ranks with each other.
func OpenGroup(s Store, backend, name string, rank, size int, address string, gpu int, timeout time.Duration) (g Group, text string) {
	b, n, a := C.CString(backend), C.CString(name), C.CString(address)
	defer C.free(unsafe.Pointer(b))
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(a))
	text = takeText(C.cone_group_open(s.p, b, n, C.int(rank), C.int(size), a, C.int(gpu), C.int64_t(timeout.Milliseconds()), &g.p))
	return g, text
}

// Abort ends waits with an error; any thread may call it.
func (g Group) Abort() { C.cone_group_abort(g.p) }

// Close ends the group; an aborted one is left to the end of the process.
func (g Group) Close() { C.cone_group_close(g.p) }

// Count is what one kind of collectives cost so far.
type Count struct {
	Calls, Bytes int64
	Busy, Waited time.Duration
}

// Counts are the counters of all kinds.
func (g Group) Counts() (out [Kinds]Count) {
	var c [Kinds]C.cone_count
	C.cone_group_counts(g.p, &c[0])
	for i := range out {
		out[i] = Count{int64(c[i].calls), int64(c[i].bytes), time.Duration(c[i].busy), time.Duration(c[i].waited)}
	}
	return out
}

// HasNCCL says whether the program was built with NCCL.
func HasNCCL() bool { return C.cone_has_nccl() != 0 }

// AllReduce sums each tensor over the ranks, in place.
func (g Group) AllReduce(kind int, tensors []Handle, r *Result) {
	var c C.cone_result
	C.cone_all_reduce(g.p, C.int(kind), handles(tensors), C.int(len(tensors)), &c)
	r.take(&c)
}

// AllGather stacks the ranks' tensors, which must be alike.
func (g Group) AllGather(kind int, t Handle, r *Result) {
	var c C.cone_result
	C.cone_all_gather(g.p, C.int(kind), C.int64_t(t), &c)
	r.take(&c)
}

// Broadcast copies the root's tensors to all ranks.
func (g Group) Broadcast(kind, root int, tensors []Handle, r *Result) {
	var c C.cone_result
	C.cone_broadcast(g.p, C.int(kind), C.int(root), handles(tensors), C.int(len(tensors)), &c)
	r.take(&c)
}

func handles(h []Handle) *C.int64_t { return (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(h))) }

// Buckets are gradients that are summed over the ranks.
type Buckets struct{ p unsafe.Pointer }

// OpenBuckets puts the parameters up to each of the ends into one bucket.
func OpenBuckets(g Group, parameters []Handle, ends []int64, overlap bool, r *Result) (b Buckets) {
	var c C.cone_result
	C.cone_buckets_open(g.p, handles(parameters), C.int(len(parameters)),
		(*C.int64_t)(unsafe.Pointer(unsafe.SliceData(ends))), C.int(len(ends)), boolInt(overlap), &b.p, &c)
	r.take(&c)
	return b
}

// Arm says that the next backward pass makes what is to be sent.
func (b Buckets) Arm() { C.cone_buckets_arm(b.p) }

// Finish leaves the sums as the parameters' gradients.
func (b Buckets) Finish(r *Result) {
	var c C.cone_result
	C.cone_buckets_finish(b.p, &c)
	r.take(&c)
}

// Close ends the buckets and their hooks.
func (b Buckets) Close() { C.cone_buckets_close(b.p) }

// SyncBatchNorm normalises by the statistics of all ranks.
func (g Group) SyncBatchNorm(x, weight, bias, runningMean, runningVar Handle, momentum, eps float64, r *Result) {
	var c C.cone_result
	C.cone_sync_batch_norm(g.p, C.int64_t(x), C.int64_t(weight), C.int64_t(bias), C.int64_t(runningMean),
		C.int64_t(runningVar), C.double(momentum), C.double(eps), &c)
	r.take(&c)
}

// GatherRows joins the ranks' rows; the gradient flows back to each.
func (g Group) GatherRows(x Handle, rows []int64, r *Result) {
	var c C.cone_result
	C.cone_gather_rows(g.p, C.int64_t(x), (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(rows))), &c)
	r.take(&c)
}
