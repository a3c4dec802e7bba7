package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"cone/weights/pickle"
)

// storageTypes are torch's typed storages.
var storageTypes = map[string]DType{
	"FloatStorage": F32, "DoubleStorage": F64, "HalfStorage": F16, "BFloat16Storage": BF16,
	"LongStorage": I64, "IntStorage": I32, "ShortStorage": I16, "CharStorage": I8,
	"ByteStorage": U8, "BoolStorage": Bool, "ComplexFloatStorage": C64,
	"UntypedStorage": U8, // bytes; its tensors name their own type
}

// elementTypes are torch's dtypes.
var elementTypes = map[string]DType{
	"float32": F32, "float64": F64, "float16": F16, "bfloat16": BF16, "int64": I64, "int32": I32, "int16": I16, "int8": I8,
	"uint8": U8, "uint16": U16, "uint32": U32, "uint64": U64, "bool": Bool, "complex64": C64,
	"float8_e5m2": F8E5M2, "float8_e4m3fn": F8E4M3, "float8_e8m0fnu": F8E8M0,
}

// findClass is the list of what a file may name. None of it runs anything: the
// functions below only put the arguments together, and never copy them, so
// that a value called a thousand times does not fill the memory.
func (l *torchLoader) findClass(module, name string) (*pickle.Class, error) {
	full := module + "." + name
	c := &pickle.Class{Name: full}
	switch full {
	case "collections.OrderedDict", "builtins.dict", "__builtin__.dict":
		c.Call = emptyDict(full)
	case "collections.defaultdict": // its factory does not matter
		c.Call = func(pickle.Tuple) (any, error) { return pickle.NewDict(), nil }
	case "builtins.list", "builtins.int", "builtins.float", "__builtin__.list", "__builtin__.int", "__builtin__.float":
	case "collections.Counter", "builtins.set", "__builtin__.set", "torch.Size":
		c.Call = same(full)
	case "argparse.Namespace":
		c.Call = func(pickle.Tuple) (any, error) { return &opaque{}, nil }
	case "torch.device":
		c.Call = func(pickle.Tuple) (any, error) { return &opaque{}, nil }
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
		c.Call = func(a pickle.Tuple) (any, error) { return l.rebuild(name, a) }
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		c.Call = parameter
	case "_codecs.encode":
		c.Call = latin1Bytes
	case "numpy.dtype":
		c.Call = newNumpyType
	case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar":
		c.Call = numpyScalar
	default:
		return l.findType(module, name)
	}
	return c, nil
}

func (l *torchLoader) findType(module, name string) (*pickle.Class, error) {
	full := module + "." + name
	c := &pickle.Class{Name: full}
	if d, ok := storageTypes[name]; ok && (module == "torch" || module == "torch.storage" || module == "torch.cuda") {
		l.storageClass[c] = d
		return c, nil
	}
	if d, ok := elementTypes[name]; ok && module == "torch" {
		l.elementClass[c] = d
		return c, nil
	}
	return nil, fmt.Errorf("it asks for Python's %q, which is not on the list of what a weight file may hold (nothing was executed): in Python, save only the tensors with torch.save(model.state_dict(), …)", clip(full))
}

// opaque is an object whose contents are of no use here.
type opaque struct{}

func (*opaque) SetState(any) error { return nil }

func emptyDict(name string) func(pickle.Tuple) (any, error) {
	return func(a pickle.Tuple) (any, error) {
		if len(a) > 0 {
			return nil, fmt.Errorf("it makes a %s of arguments", name)
		}
		return pickle.NewDict(), nil
	}
}

// same takes a container for another: what is in it counts.
func same(name string) func(pickle.Tuple) (any, error) {
	return func(a pickle.Tuple) (any, error) {
		if len(a) == 0 && name == "collections.Counter" {
			return pickle.NewDict(), nil
		}
		if len(a) == 0 {
			return &pickle.List{}, nil
		}
		switch a[0].(type) {
		case *pickle.Dict, *pickle.List, pickle.Tuple:
			return a[0], nil
		}
		return nil, fmt.Errorf("it makes a %s of %s", name, pickle.Describe(a[0]))
	}
}

// parameter is torch.nn.Parameter(tensor, requires_grad, hooks[, state]).
func parameter(a pickle.Tuple) (any, error) {
	if len(a) < 1 {
		return nil, errors.New("it makes a parameter of nothing")
	}
	if _, ok := a[0].(*torchTensor); !ok {
		return nil, fmt.Errorf("it makes a parameter of %s", pickle.Describe(a[0]))
	}
	return a[0], nil
}

// latin1 is bytes as protocol 2 has them: a text of the code points 0 to 255.
type latin1 string

func latin1Bytes(a pickle.Tuple) (any, error) {
	if len(a) == 2 && a[1] == "latin1" {
		if text, ok := a[0].(string); ok {
			return latin1(text), nil
		}
	}
	return nil, errors.New("it encodes a text in another way than for bytes")
}

// numpyType is a numpy.dtype.
type numpyType struct {
	name string
	big  bool
}

func newNumpyType(a pickle.Tuple) (any, error) {
	if len(a) > 0 {
		if name, ok := a[0].(string); ok {
			return &numpyType{name: name}, nil
		}
	}
	return nil, errors.New("it makes a numpy.dtype without a name")
}

// SetState takes numpy's (version, byte order, …).
func (n *numpyType) SetState(state any) error {
	if t, ok := state.(pickle.Tuple); ok && len(t) > 1 {
		n.big = t[1] == ">"
	}
	return nil
}

// numpyScalar is a number that was kept as one of numpy's, as losses and
// accuracies often are. It becomes a plain one.
func numpyScalar(a pickle.Tuple) (any, error) {
	wrong := errors.New("it holds a numpy scalar of a kind that is not read; turn it into a plain number before torch.save")
	if len(a) != 2 {
		return nil, wrong
	}
	t, ok := a[0].(*numpyType)
	if !ok {
		return nil, wrong
	}
	var raw []byte
	switch v := a[1].(type) {
	case []byte:
		raw = v
	case latin1:
		if len(v) > 2*8 {
			return nil, wrong
		}
		for _, r := range string(v) {
			raw = append(raw, byte(r))
		}
	}
	var padded [8]byte
	if len(raw) == 0 || len(raw) > len(padded) {
		return nil, wrong
	}
	for i := range raw {
		if padded[i] = raw[i]; t.big {
			padded[i] = raw[len(raw)-1-i]
		}
	}
	n := binary.LittleEndian.Uint64(padded[:])
	switch t.name {
	case "f8":
		return math.Float64frombits(n), nil
	case "f4":
		return float64(math.Float32frombits(uint32(n))), nil
	case "i8", "u8", "u4", "u2", "u1":
		return int64(n), nil
	case "i4":
		return int64(int32(n)), nil
	case "i2":
		return int64(int16(n)), nil
	case "i1":
		return int64(int8(n)), nil
	case "b1":
		return n != 0, nil
	}
	return nil, wrong
}
