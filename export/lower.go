package export

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"cone/tensor"
	"cone/weights/onnx"
)

// lowering turns what a network did with two batches of different sizes into a
// graph for any. Forward stays the only description of a network.
type lowering struct {
	*onnx.Graph
	a, b    *tensor.Recording
	sizes   [2]int // of the two batches
	names   map[tensor.Value]string
	weights map[string][]byte
	err     error
}

// shape is that of a value, with onnx.Batch for the batch's size.
func (l *lowering) shape(v tensor.Value) []int {
	out := slices.Clone(l.a.Shapes[v])
	for i, n := range l.b.Shapes[v] {
		if n != out[i] {
			if out[i] != l.sizes[0] || n != l.sizes[1] {
				l.fail("a size depends on the batch's in another way than by being it")
			}
			out[i] = onnx.Batch
		}
	}
	return out
}

func (l *lowering) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf("internal fault in the ONNX export: "+format, args...)
	}
}

func (l *lowering) ints(v ...int) string {
	var data []byte
	for _, i := range v {
		data = binary.LittleEndian.AppendUint64(data, uint64(i))
	}
	name := l.Name("ints")
	l.Tensor(name, onnx.Int64, []int{len(v)}, data)
	return name
}

func (l *lowering) floats(shape []int, v ...float64) string {
	var data []byte
	for _, f := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(f)))
	}
	name := l.Name("number")
	l.Tensor(name, onnx.Float, shape, data)
	return name
}

// op adds a node with one output.
func (l *lowering) op(operator string, inputs []string, attributes ...onnx.Attribute) string {
	out := l.Name(operator)
	l.Node(operator, inputs, []string{out}, attributes...)
	return out
}

func at(name string, value any) onnx.Attribute { return onnx.Attribute{Name: name, Value: value} }

// constants adds the tensors that do not depend on the input.
func (l *lowering) constants() {
	for i, c := range l.a.Constants {
		shape := l.a.Shapes[c.Value]
		if l.a.DTypes[c.Value] != tensor.Float32 {
			l.fail("a constant is of type %v", l.a.DTypes[c.Value])
			return
		}
		if c.Name != "" {
			l.Tensor(c.Name, onnx.Float, shape, l.weights[c.Name])
			l.names[c.Value] = c.Name
			continue
		}
		other := l.b.Shapes[l.b.Constants[i].Value]
		name := l.Name("constant")
		l.names[c.Value] = name
		if slices.Equal(shape, other) {
			l.Tensor(name, onnx.Float, shape, c.Data)
			continue
		}
		// A row for each picture, all the same.
		if shape[0] != l.sizes[0] || other[0] != l.sizes[1] || !slices.Equal(shape[1:], other[1:]) {
			l.fail("a constant depends on the batch")
			return
		}
		row := c.Data[:len(c.Data)/shape[0]]
		for r := range shape[0] {
			if !slices.Equal(row, c.Data[r*len(row):][:len(row)]) {
				l.fail("a constant differs from picture to picture")
				return
			}
		}
		one := append([]int{1}, shape[1:]...)
		l.Tensor(name+"_row", onnx.Float, one, row)
		batch := l.op("Slice", []string{l.op("Shape", []string{imagesName}), l.ints(0), l.ints(1)})
		size := l.op("Concat", []string{batch, l.ints(shape[1:]...)}, at("axis", 0))
		l.Node("Expand", []string{name + "_row", size}, []string{name})
	}
}

// lower adds every operator.
func (l *lowering) lower() {
	if len(l.a.Calls) != len(l.b.Calls) || len(l.a.Constants) != len(l.b.Constants) {
		l.fail("the network does something else with a larger batch")
		return
	}
	l.constants()
	for i, c := range l.a.Calls {
		if l.err != nil {
			return
		}
		if l.b.Calls[i].Operator != c.Operator || l.b.Calls[i].Result != c.Result {
			l.fail("the network does something else with a larger batch")
			return
		}
		l.names[c.Result] = l.call(c)
	}
}

func (l *lowering) call(c tensor.Recorded) string {
	var in []string // the first operand's tensors, then the others'
	for _, o := range c.Operands {
		for _, v := range o.Values {
			if v != tensor.NoValue {
				in = append(in, l.names[v])
			}
		}
	}
	value := func(i int) tensor.Value { return c.Operands[i].Values[0] }
	ints := func(i int) []int { return c.Operands[i].Ints }
	number := func(i int) float64 { return c.Operands[i].Number }
	x := in[0]
	rank := 0
	if v := c.Operands[0].Values[0]; v != tensor.NoValue {
		rank = len(l.a.Shapes[v])
	}
	axis := func(i int) int { return (ints(i)[0] + rank) % rank }
	twice := func(p []int) []int { return append(slices.Clone(p), p...) }
	switch c.Operator {
	case "aten::conv2d":
		kernel := l.a.Shapes[value(1)][2:]
		return l.op("Conv", in, at("kernel_shape", kernel), at("strides", ints(3)), at("pads", twice(ints(4))),
			at("dilations", ints(5)), at("group", ints(6)[0]))
	case "aten::linear":
		if rank == 2 {
			return l.op("Gemm", in, at("transB", 1))
		}
		y := l.op("MatMul", []string{x, l.op("Transpose", in[1:2], at("perm", []int{1, 0}))})
		if len(in) > 2 {
			y = l.op("Add", []string{y, in[2]})
		}
		return y
	case "aten::batch_norm":
		if ints(5)[0] != 0 {
			l.fail("a batch norm is in training")
		}
		return l.op("BatchNormalization", in, at("epsilon", number(7)))
	case "aten::layer_norm":
		return l.op("LayerNormalization", in, at("axis", -1), at("epsilon", number(4)))
	case "aten::relu", "aten::relu_":
		return l.op("Relu", in)
	case "aten::hardtanh_":
		return l.op("Clip", []string{x, l.floats(nil, number(1)), l.floats(nil, number(2))})
	case "aten::clamp_min":
		return l.op("Clip", []string{x, l.floats(nil, number(1))})
	case "aten::clamp_max":
		return l.op("Clip", []string{x, "", l.floats(nil, number(1))})
	case "aten::gelu":
		erf := l.op("Erf", []string{l.op("Mul", []string{x, l.floats(nil, math.Sqrt(0.5))})})
		sum := l.op("Add", []string{erf, l.floats(nil, 1)})
		return l.op("Mul", []string{l.op("Mul", []string{x, sum}), l.floats(nil, 0.5)})
	case "aten::max_pool2d":
		return l.op("MaxPool", in, at("kernel_shape", ints(1)), at("strides", ints(2)), at("pads", twice(ints(3))))
	case "aten::avg_pool2d":
		return l.op("AveragePool", in, at("kernel_shape", ints(1)), at("strides", ints(2)), at("pads", twice(ints(3))), at("ceil_mode", ints(4)[0]))
	case "aten::adaptive_avg_pool2d":
		return l.op("GlobalAveragePool", in)
	case "aten::flatten.using_ints", "aten::view", "aten::reshape", "aten::unsqueeze":
		return l.op("Reshape", []string{x, l.ints(l.shape(c.Result)...)})
	case "aten::permute":
		return l.op("Transpose", in, at("perm", ints(1)))
	case "aten::transpose.int":
		perm := make([]int, rank)
		for i := range perm {
			perm[i] = i
		}
		a, b := axis(1), axis(2)
		perm[a], perm[b] = b, a
		return l.op("Transpose", in, at("perm", perm))
	case "aten::select.int":
		index := l.Name("index")
		l.Tensor(index, onnx.Int64, nil, binary.LittleEndian.AppendUint64(nil, uint64(ints(2)[0])))
		return l.op("Gather", []string{x, index}, at("axis", axis(1)))
	case "aten::narrow":
		return l.slice(x, axis(1), ints(2)[0], ints(2)[0]+ints(3)[0])
	case "aten::roll":
		for i, d := range ints(2) {
			size := l.a.Shapes[value(0)][d]
			cut := ((-ints(1)[i])%size + size) % size
			x = l.op("Concat", []string{l.slice(x, d, cut, size), l.slice(x, d, 0, cut)}, at("axis", d))
		}
		return x
	case "aten::constant_pad_nd":
		pads := make([]int, 2*rank)
		for i, p := range ints(1) {
			pads[rank-1-i/2+i%2*rank] = p
		}
		return l.op("Pad", []string{x, l.ints(pads...)})
	case "aten::cat":
		return l.op("Concat", in, at("axis", ints(1)[0]))
	case "aten::add.Tensor":
		if number(2) != 1 {
			l.fail("a sum has the factor %v", number(2))
		}
		return l.op("Add", in)
	case "aten::sub.Tensor":
		return l.op("Sub", in)
	case "aten::mul.Tensor":
		return l.op("Mul", in)
	case "aten::div.Tensor":
		return l.op("Div", in)
	case "aten::mul.Scalar":
		return l.op("Mul", []string{x, l.floats(nil, number(1))})
	case "aten::matmul":
		return l.op("MatMul", in)
	case "aten::softmax.int":
		return l.op("Softmax", in, at("axis", axis(1)))
	case "aten::mean.dim":
		return l.op("ReduceMean", in, at("axes", ints(1)), at("keepdims", ints(2)[0]))
	case "aten::linalg_vector_norm":
		return l.op("ReduceL2", in, at("axes", ints(2)), at("keepdims", ints(3)[0]))
	case "aten::contiguous", "aten::to.dtype", "aten::to.device", "aten::detach", "aten::clone":
		return x
	}
	l.fail("there is no ONNX for %s", c.Operator)
	return ""
}

func (l *lowering) slice(x string, axis, start, end int) string {
	return l.op("Slice", []string{x, l.ints(start), l.ints(end), l.ints(axis)})
}
