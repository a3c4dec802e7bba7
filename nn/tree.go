// Package nn holds layers over package tensor and the trees of named
// parameters that they live in. Names are torch's, so that weights travel.
package nn

import (
	"fmt"
	"strings"

	"cone/tensor"
)

// Entry is one named tensor of a tree. Its Value lives as long as the tree.
type Entry struct {
	// Name with dots, as "layer1.0.conv1.weight".
	Name string
	// Value is the tensor; parameters are autograd leaves.
	Value tensor.Tensor
	// Buffer is true for what moves without a gradient (running statistics).
	Buffer bool
	// Frozen is true for what keeps its value: see Tree.Freeze.
	Frozen bool
}

// value is the tensor, undefined where a layer lacks the entry.
func (e *Entry) value() tensor.Tensor {
	if e == nil {
		return tensor.Tensor{}
	}
	return e.Value
}

// Tree is an ordered set of named parameters and buffers of one element type
// on one device.
type Tree struct {
	DType  tensor.DType
	Device tensor.Device

	entries []*Entry
	byName  map[string]*Entry
	cost    *Cost // of a sketch

	synchronizer Synchronizer // nil where each process has its own statistics
}

// Synchronize makes the tree's batch norms use the statistics of all processes
// in training.
func (t *Tree) Synchronize(s Synchronizer) { t.synchronizer = s }

// NewTree makes an empty tree.
func NewTree(d tensor.DType, on tensor.Device) *Tree {
	return &Tree{DType: d, Device: on, byName: map[string]*Entry{}}
}

// Entries lists everything in the order of creation, which is torch's order.
func (t *Tree) Entries() []*Entry { return t.entries }

// Parameters lists what learns.
func (t *Tree) Parameters() []*Entry {
	var out []*Entry
	for _, e := range t.entries {
		if !e.Buffer && !e.Frozen {
			out = append(out, e)
		}
	}
	return out
}

// Get finds an entry by name, or nil.
func (t *Tree) Get(name string) *Entry { return t.byName[name] }

// Count is the number of values of all parameters, frozen ones included.
func (t *Tree) Count() int {
	n := 0
	for _, e := range t.entries {
		if !e.Buffer {
			n += e.Value.Len()
		}
	}
	return n
}

// SetTrainable says whether the parameters get gradients.
func (t *Tree) SetTrainable(on bool) {
	for _, e := range t.Parameters() {
		e.Value.SetRequiresGrad(on)
	}
}

// Freeze keeps everything at or below a dotted prefix, such as "net.layer1",
// as it is: its parameters get no gradient and are no longer listed, its batch
// norms use and keep their running statistics. It returns how many entries
// there are.
func (t *Tree) Freeze(prefix string) (found int) {
	for _, e := range t.entries {
		if e.Name == prefix || strings.HasPrefix(e.Name, prefix+".") {
			if !e.Buffer {
				e.Value.SetRequiresGrad(false)
			}
			e.Frozen = true
			found++
		}
	}
	return found
}

// CopyFrom overwrites every entry with that of the same name in src. Both
// trees must come from the same constructor.
func (t *Tree) CopyFrom(src *Tree) {
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			for _, e := range t.entries {
				e.Value.CopyFrom(src.byName[e.Name].Value)
			}
		})
	})
}

// Free ends the life of all entries.
func (t *Tree) Free() {
	for _, e := range t.entries {
		e.Value.Free()
	}
	t.entries, t.byName = nil, map[string]*Entry{}
}

// Root is the path that names the tree's top.
func (t *Tree) Root() Path { return Path{tree: t} }

// Path is a place in a tree where layers put their parameters.
type Path struct {
	tree   *Tree
	prefix string
}

// Sub goes one name down.
func (p Path) Sub(name string) Path { return Path{p.tree, p.prefix + name + "."} }

// Index goes down to the n-th member of a sequence.
func (p Path) Index(n int) Path { return p.Sub(fmt.Sprint(n)) }

func (p Path) put(name string, buffer bool, make func() tensor.Tensor) *Entry {
	name = p.prefix + name
	if p.tree.byName[name] != nil {
		panic(fmt.Sprintf("nn: two entries are named %q", name))
	}
	e := &Entry{Name: name, Buffer: buffer}
	tensor.Scope(func() {
		tensor.NoGrad(func() {
			value := make()
			if p.tree.cost != nil {
				value = unwritten(value)
			}
			e.Value = value.Keep()
		})
	})
	if !buffer {
		e.Value.SetRequiresGrad(true)
	}
	p.tree.entries = append(p.tree.entries, e)
	p.tree.byName[name] = e
	return e
}

// Parameter adds what make returns as a learnt tensor.
func (p Path) Parameter(name string, make func() tensor.Tensor) *Entry {
	return p.put(name, false, make)
}

// Buffer adds what make returns as a tensor without a gradient.
func (p Path) Buffer(name string, make func() tensor.Tensor) *Entry {
	return p.put(name, true, make)
}

// Empty makes an undefined tensor of the tree's element type on its device.
func (p Path) Empty(shape ...int) tensor.Tensor {
	on := p.tree.Device
	if p.tree.cost != nil {
		on = tensor.Meta
	}
	return tensor.Empty(p.tree.DType, on, shape...)
}

// Device is where the tree's tensors lie.
func (p Path) Device() tensor.Device { return p.tree.Device }
