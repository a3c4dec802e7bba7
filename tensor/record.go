package tensor

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cone/tensor/internal/door"
)

// Value numbers what a recorded operator takes or returns: 0 is the input,
// then come results and constants as they appear.
type Value int

// NoValue is an undefined tensor.
const NoValue Value = -1

// Operand is one argument of a recorded operator. Which field counts follows
// from the operator's schema.
type Operand struct {
	Values []Value // of a tensor or a list of tensors
	Ints   []int   // of integers, flags and lists of integers
	Number float64
}

// Recorded is one operator that ran on what came from the input.
type Recorded struct {
	Operator string // its schema name, as "aten::conv2d"
	Operands []Operand
	Result   Value
}

// Constant is a tensor that does not depend on the input.
type Constant struct {
	Value Value
	// Name is what the caller called it; without one, Data are its elements.
	Name string
	Data []byte
}

// Recording is what a function did with its input: operators in their order,
// and the constants that they took.
type Recording struct {
	Calls     []Recorded
	Constants []Constant
	Outputs   []Value
	// Shapes and DTypes of each value.
	Shapes [][]int
	DTypes []DType
}

// recorder listens to the operators. What does not come from the input is not
// written down: its elements are read when an operator of the others takes it.
type recorder struct {
	sync.Mutex
	Recording
	names map[Tensor]string
	live  map[door.Handle]Value // tensors that come from the input
	fixed map[door.Handle]Value // constants
}

var listening atomic.Pointer[recorder]

// recordings run one at a time.
var recordings sync.Mutex

// Record runs f and writes down what its operators do with the input. The names
// are those of tensors that live longer, such as weights. It is for inference:
// of operators that work in place, only the input is known to change.
func Record(input Tensor, names map[Tensor]string, f func() []Tensor) *Recording {
	recordings.Lock()
	defer recordings.Unlock()
	r := &recorder{names: names, live: map[door.Handle]Value{}, fixed: map[door.Handle]Value{}}
	r.live[input.h] = r.add(input)
	listening.Store(r)
	outputs := func() []Tensor {
		defer listening.Store(nil)
		return f()
	}()
	for _, t := range outputs {
		r.Outputs = append(r.Outputs, r.value(t))
	}
	return &r.Recording
}

// Listening says whether operators are being recorded: then those are wanted
// that say what is computed, not those that are quickest here.
func Listening() bool { return listening.Load() != nil }

func (r *recorder) add(t Tensor) Value {
	d, _, shape := t.info()
	r.Shapes, r.DTypes = append(r.Shapes, shape), append(r.DTypes, d)
	return Value(len(r.Shapes) - 1)
}

// value finds or makes the number of an operand.
func (r *recorder) value(t Tensor) Value {
	if !t.Defined() {
		return NoValue
	}
	if v, ok := r.live[t.h]; ok {
		return v
	}
	if v, ok := r.fixed[t.h]; ok {
		return v
	}
	v := r.add(t)
	c := Constant{Value: v, Name: r.names[t]}
	if c.Name == "" {
		t.Bytes(func(b []byte) { c.Data = slices.Clone(b) })
	}
	r.Constants = append(r.Constants, c)
	r.fixed[t.h] = v
	return v
}

// takes says whether an operator works on what comes from the input.
func (r *recorder) takes(args []argument) bool {
	r.Lock()
	defer r.Unlock()
	return slices.ContainsFunc(args, func(a argument) bool {
		return slices.ContainsFunc(a.operands(), func(t Tensor) bool {
			_, ok := r.live[t.h]
			return ok
		})
	})
}

// forget: libtorch gives a freed tensor's handle to the next one.
func (r *recorder) forget(h door.Handle) {
	r.Lock()
	defer r.Unlock()
	delete(r.live, h)
	delete(r.fixed, h)
}

func (a argument) operands() []Tensor {
	switch a.tag {
	case door.Tensor:
		return []Tensor{{door.Handle(a.value)}}
	case door.Tensors:
		return a.tensors
	case door.None:
		return []Tensor{{}}
	}
	return nil
}

// before reads the operands, which an operator in place would change.
func (r *recorder) before(args []argument) (out []Operand) {
	for _, a := range args {
		var o Operand
		for _, t := range a.operands() {
			o.Values = append(o.Values, r.value(t))
		}
		switch a.tag {
		case door.Int, door.Bool:
			o.Ints = []int{int(a.value)}
		case door.Ints:
			o.Ints = slices.Clone(a.ints)
		case door.Double:
			o.Number = a.number()
		}
		out = append(out, o)
	}
	return out
}

// after notes the result.
func (r *recorder) after(o *operator, args []argument, operands []Operand, result door.Result) {
	if result.N != 1 || result.Kind[0] != door.Tensor {
		fail(o.String(), "cannot be recorded: it does not return one tensor")
	}
	h := door.Handle(result.Value[0])
	v := r.add(Tensor{h})
	r.Lock()
	defer r.Unlock()
	delete(r.fixed, h)
	r.live[h] = v
	name, _, _ := strings.Cut(o.String(), ".")
	if strings.HasSuffix(name, "_") { // in place
		r.live[door.Handle(args[0].value)] = v
	}
	r.Calls = append(r.Calls, Recorded{o.String(), operands, v})
}
