package kernel

// #include <stdlib.h>
// #include "graph.h"
import "C"

import (
	"errors"
	"unsafe"
)

// Graph is hnswlib's hierarchical navigable small world (Y. A. Malkov and D. A.
// Yashunin, arXiv 1603.09320) over vectors of length 1 that lie elsewhere.
type Graph struct {
	c *C.cone_graph
}

// fault is what a C function says went wrong.
type fault [256]C.char

func (f *fault) Error() error { return errors.New(C.GoString(&f[0])) }

// NewGraph makes a graph without entries over the vectors of a block, memory
// that is not Go's and outlives it. An entry has up to links neighbours, on the
// lowest level twice as many, chosen among effort.
func NewGraph(t Type, b Block, links, effort int) (*Graph, error) {
	var f fault
	c := C.cone_graph_new(unsafe.Pointer(unsafe.SliceData(b.Rows)), (*C.float)(unsafe.Pointer(unsafe.SliceData(b.Scales))),
		C.size_t(b.Stride), C.int(t), C.size_t(b.Count), C.int(links), C.int(effort), &f[0])
	if c == nil {
		return nil, f.Error()
	}
	return &Graph{c}, nil
}

// Add links one entry. Entry 0 comes first, the others at the same time even.
func (g *Graph) Add(entry int) error {
	var f fault
	if C.cone_graph_add(g.c, C.size_t(entry), &f[0]) == 0 {
		return f.Error()
	}
	return nil
}

// Load takes the links that Save gave, of as many entries; it checks them.
func (g *Graph) Load(saved []byte) error {
	var f fault
	if C.cone_graph_load(g.c, unsafe.Pointer(unsafe.SliceData(saved)), C.size_t(len(saved)), &f[0]) == 0 {
		return f.Error()
	}
	return nil
}

// Save gives the links of all entries.
func (g *Graph) Save() []byte {
	saved := make([]byte, C.cone_graph_length(g.c))
	C.cone_graph_save(g.c, unsafe.Pointer(unsafe.SliceData(saved)))
	return saved
}

// Search finds up to k entries near a query of Stride/t floats, in no order.
func (g *Graph) Search(query []float32, k int) ([]int, error) {
	var f fault
	found := make([]int, k) // of size_t's width
	n := C.cone_graph_search(g.c, (*C.float)(unsafe.SliceData(query)), C.int(k), (*C.size_t)(unsafe.Pointer(unsafe.SliceData(found))), &f[0])
	if n < 0 {
		return nil, f.Error()
	}
	return found[:n], nil
}

// Free gives the graph's memory back.
func (g *Graph) Free() { C.cone_graph_free(g.c) }
