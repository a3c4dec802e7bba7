// Package onnx writes networks as ONNX files, which ONNX Runtime and others
// compute (https://onnx.ai; schema: onnx.proto3, Apache-2.0).
//
// A file is one protobuf message. The few messages that a network needs are
// put together from their fields here, with the numbers of onnx.proto3:
// generated types would be forty times this code and hold every weight twice.
package onnx

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The versions of what is written.
const (
	Opset     = 17
	IRVersion = 8
)

// Type is an element type, by onnx.proto3's numbers.
type Type int

// The element types that networks of this program have.
const (
	Float Type = 1
	Int64 Type = 7
)

// MaxBytes is what one protobuf message, and so one file, may hold.
const MaxBytes = math.MaxInt32

// ErrTooLarge is the refusal of a network beyond MaxBytes.
var ErrTooLarge = errors.New("an ONNX file holds at most 2 GB, and the network is larger")

// Graph is a network under construction. Nodes are added in the order in which
// they are computed.
type Graph struct {
	body  []byte // fields of a GraphProto
	names int
	meta  []byte // metadata_props of the ModelProto
}

// A builder of one message.
type message []byte

func (m *message) number(field protowire.Number, v int64) {
	*m = protowire.AppendTag(*m, field, protowire.VarintType)
	*m = protowire.AppendVarint(*m, uint64(v))
}

func (m *message) bytes(field protowire.Number, v []byte) {
	*m = protowire.AppendTag(*m, field, protowire.BytesType)
	*m = protowire.AppendBytes(*m, v)
}

func (m *message) text(field protowire.Number, v string) { m.bytes(field, []byte(v)) }

// Name makes a name that nothing else has.
func (g *Graph) Name(stem string) string {
	g.names++
	return fmt.Sprintf("%s_%d", stem, g.names)
}

// Attribute is a setting of a node: an int, an int64, a float64 or a list of ints.
type Attribute struct {
	Name  string
	Value any
}

// Node adds an operator of the standard set.
func (g *Graph) Node(operator string, inputs, outputs []string, attributes ...Attribute) {
	var n message
	for _, in := range inputs {
		n.text(1, in)
	}
	for _, out := range outputs {
		n.text(2, out)
	}
	n.text(3, outputs[0])
	n.text(4, operator)
	for _, a := range attributes {
		n.bytes(5, a.encode())
	}
	(*message)(&g.body).bytes(1, n)
}

func (a Attribute) encode() []byte {
	const float, integer, integers = 1, 2, 7 // AttributeProto.AttributeType
	var m message
	m.text(1, a.Name)
	switch v := a.Value.(type) {
	case float64:
		m = protowire.AppendTag(m, 2, protowire.Fixed32Type)
		m = protowire.AppendFixed32(m, math.Float32bits(float32(v)))
		m.number(20, float)
	case int:
		m.number(3, int64(v))
		m.number(20, integer)
	case []int:
		for _, i := range v {
			m.number(8, int64(i))
		}
		m.number(20, integers)
	default:
		panic(fmt.Sprintf("onnx: the attribute %s is a %T", a.Name, a.Value))
	}
	return m
}

// Tensor adds a constant; data are little-endian, row-major elements.
func (g *Graph) Tensor(name string, t Type, shape []int, data []byte) {
	var m message
	for _, s := range shape {
		m.number(1, int64(s))
	}
	m.number(2, int64(t))
	m.text(8, name)
	m.bytes(9, data)
	(*message)(&g.body).bytes(5, m)
}

// Batch is the dimension that a caller chooses.
const Batch = -1

// Input names what the network takes; Batch among the shape's sizes is free.
func (g *Graph) Input(name string, shape ...int) { g.value(11, name, shape) }

// Output names what the network gives.
func (g *Graph) Output(name string, shape ...int) { g.value(12, name, shape) }

func (g *Graph) value(field protowire.Number, name string, shape []int) {
	var dims, tensor, kind, value message
	for _, s := range shape {
		var d message
		if s == Batch {
			d.text(2, "batch")
		} else {
			d.number(1, int64(s))
		}
		dims.bytes(1, d)
	}
	tensor.number(1, int64(Float))
	tensor.bytes(2, dims)
	kind.bytes(1, tensor)
	value.text(1, name)
	value.bytes(2, kind)
	(*message)(&g.body).bytes(field, value)
}

// Metadata adds facts about the network.
func (g *Graph) Metadata(facts map[string]string) {
	keys := make([]string, 0, len(facts))
	for k := range facts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		var m message
		m.text(1, k)
		m.text(2, facts[k])
		(*message)(&g.meta).bytes(14, m)
	}
}

// Write writes the file.
func (g *Graph) Write(w io.Writer) error {
	var name, opset, head message
	name.text(2, "cone")
	opset.text(1, "")
	opset.number(2, Opset)
	head.number(1, IRVersion)
	head.text(2, "cone")
	head.bytes(8, opset)
	head = append(head, g.meta...)
	size := len(name) + len(g.body)
	if len(head)+size+16 > MaxBytes {
		return ErrTooLarge
	}
	head = protowire.AppendTag(head, 7, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))
	for _, part := range [][]byte{head, name, g.body} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
