package tensor

import (
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"cone/tensor/internal/door"
)

// OpError is a failure inside libtorch. It is an internal fault unless the
// caller knows better: Stack keeps the place.
type OpError struct {
	// Operator is the schema name, as "aten::conv2d".
	Operator string
	// Message is libtorch's first paragraph.
	Message string
	// Shapes lists element type and shape of every tensor that was given.
	Shapes string
	// Stack is the Go stack at the call.
	Stack []byte
	// Collective is true where processes failed to work together: another one
	// is gone or does not answer. That is no internal fault.
	Collective bool
}

func (e *OpError) Error() string {
	s := e.Operator + ": " + e.Message
	if e.Shapes != "" {
		s += " (given " + e.Shapes + ")"
	}
	return s
}

// OutOfMemory says whether the device had no memory left.
func (e *OpError) OutOfMemory() bool {
	m := strings.ToLower(e.Message)
	return strings.Contains(m, "out of memory") || strings.Contains(m, "can't allocate memory")
}

func fail(operator, text string) {
	message, shapes, _ := strings.Cut(text, "\ngiven ")
	message, _, _ = strings.Cut(message, "\n\n")
	message = strings.Join(strings.Fields(message), " ")
	_, reason, collective := strings.Cut(message, "a collective failed: ")
	if collective {
		message = reason
	}
	panic(&OpError{Operator: operator, Message: message, Shapes: shapes, Stack: debug.Stack(), Collective: collective})
}

// operator is a schema of the dispatcher, resolved at its first use.
type operator struct {
	name, overload string
	resolved       atomic.Pointer[door.Operator]
}

// schema declares an operator by its full name, as "aten::add.Tensor".
func schema(full string) *operator {
	name, overload, _ := strings.Cut(full, ".")
	return &operator{name: name, overload: overload}
}

func (o *operator) String() string {
	if o.overload == "" {
		return o.name
	}
	return o.name + "." + o.overload
}

// exists says whether this libtorch has the operator at all.
func (o *operator) exists() bool { return door.HasKernel(o.name, o.overload, "") }

func (o *operator) handle() door.Operator {
	if p := o.resolved.Load(); p != nil {
		return *p
	}
	found, text := door.Find(o.name, o.overload)
	if text != "" {
		fail(o.String(), text)
	}
	o.resolved.Store(&found)
	return found
}

// argument is one value for the wire.
type argument struct {
	tag     int64
	value   int64
	ints    []int
	tensors []Tensor
	floats  []float64
	text    string
}

func in(t Tensor) argument {
	if t.h == 0 {
		return argument{tag: door.None}
	}
	return argument{tag: door.Tensor, value: int64(t.h)}
}
func num(v float64) argument       { return argument{tag: door.Double, value: int64(math.Float64bits(v))} }
func (a argument) number() float64 { return math.Float64frombits(uint64(a.value)) }
func integer(v int) argument       { return argument{tag: door.Int, value: int64(v)} }
func ints(v ...int) argument       { return argument{tag: door.Ints, ints: v} }
func list(v []Tensor) argument     { return argument{tag: door.Tensors, tensors: v} }
func dtype(d DType) argument       { return integer(int(d)) }
func device(d Device) argument {
	return argument{tag: door.Device, value: int64(d.Kind), ints: []int{int(d.Index)}}
}
func layout(m MemoryFormat) argument { return integer(int(m)) }

var (
	none = argument{tag: door.None}
	yes  = argument{tag: door.Bool, value: 1}
	no   = argument{tag: door.Bool, value: 0}
)

func flag(b bool) argument {
	if b {
		return yes
	}
	return no
}

func (a *argument) put(w []int64) []int64 {
	w = append(w, a.tag)
	switch a.tag {
	case door.Tensor, door.Int, door.Double, door.Bool:
		w = append(w, a.value)
	case door.Ints:
		w = append(w, int64(len(a.ints)))
		for _, v := range a.ints {
			w = append(w, int64(v))
		}
	case door.Tensors, door.OptTensors:
		w = append(w, int64(len(a.tensors)))
		for _, t := range a.tensors {
			w = append(w, int64(t.h))
		}
	case door.Doubles:
		w = append(w, int64(len(a.floats)))
		for _, v := range a.floats {
			w = append(w, int64(math.Float64bits(v)))
		}
	case door.String:
		w = append(w, int64(len(a.text)))
		for i := 0; i < len(a.text); i += 8 {
			var word int64
			for j := 0; j < 8 && i+j < len(a.text); j++ {
				word |= int64(a.text[i+j]) << (8 * j)
			}
			w = append(w, word)
		}
	case door.Device:
		w = append(w, a.value, int64(a.ints[0]))
	}
	return w
}

func (o *operator) call(r *door.Result, args []argument) {
	if l := listening.Load(); l != nil {
		o.callRecorded(l, r, args)
		return
	}
	o.run(r, args)
}

// callRecorded is call while Record listens.
func (o *operator) callRecorded(l *recorder, r *door.Result, args []argument) {
	if !l.takes(args) {
		o.run(r, args)
		for i := range r.N {
			if r.Kind[i] == door.Tensor {
				l.forget(door.Handle(r.Value[i]))
			}
		}
		return
	}
	operands := l.before(args)
	o.run(r, args)
	l.after(o, args, operands, *r)
}

func (o *operator) run(r *door.Result, args []argument) {
	var space [64]int64
	wire := space[:0]
	for i := range args {
		wire = args[i].put(wire)
	}
	door.Call(o.handle(), wire, r)
	if r.Error != "" {
		fail(o.String(), r.Error)
	}
}

// do calls an operator whose outputs are not wanted.
func (o *operator) do(args ...argument) {
	var r door.Result
	o.call(&r, args)
}

// one calls an operator that returns one tensor.
func (o *operator) one(args ...argument) Tensor {
	var r door.Result
	o.call(&r, args)
	return o.output(&r, 0)
}

// two calls an operator that returns two tensors.
func (o *operator) two(args ...argument) (Tensor, Tensor) {
	var r door.Result
	o.call(&r, args)
	return o.output(&r, 0), o.output(&r, 1)
}

func (o *operator) output(r *door.Result, i int) Tensor {
	if i >= r.N {
		fail(o.String(), fmt.Sprintf("returned %d values, not %d", r.N, i+1))
	}
	if r.Kind[i] != door.Tensor {
		return Tensor{}
	}
	return Tensor{door.Handle(r.Value[i])}
}

// number calls an operator that returns a scalar.
func (o *operator) number(args ...argument) float64 {
	var r door.Result
	o.call(&r, args)
	if r.N == 1 {
		switch r.Kind[0] {
		case door.Double:
			return math.Float64frombits(uint64(r.Value[0]))
		case door.Int, door.Bool:
			return float64(r.Value[0])
		}
	}
	fail(o.String(), "did not return a number")
	return 0
}
