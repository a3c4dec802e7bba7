package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Encode writes a value as a pickle of protocol 2, without sharing: a value
// that occurs twice is written twice, so nothing may contain itself. It takes
// the values of Decode and Global, Call and Persistent.
func Encode(v any) ([]byte, error) {
	b, err := appendValue([]byte{opProto, 2}, v)
	if err != nil {
		return nil, err
	}
	return append(b, opStop), nil
}

// Global is a class or function by its module and name.
type Global struct{ Module, Name string }

// Call is what Python gets by calling a class or function.
type Call struct {
	Callee    Global
	Arguments Tuple
	// Items fill the dict that the call makes; nil for none.
	Items *Dict
}

// Persistent stands for what is kept outside the pickle.
type Persistent struct{ ID any }

// OrderedDict is a collections.OrderedDict with these items.
func OrderedDict(items *Dict) Call {
	return Call{Callee: Global{"collections", "OrderedDict"}, Items: items}
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, opNone), nil
	case bool:
		if v {
			return append(b, opTrue), nil
		}
		return append(b, opFalse), nil
	case int64:
		if v == int64(int32(v)) {
			return binary.LittleEndian.AppendUint32(append(b, opInt4), uint32(v)), nil
		}
		return binary.LittleEndian.AppendUint64(append(b, opLong1, 8), uint64(v)), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(b, opFloat), math.Float64bits(v)), nil
	case string:
		b = binary.LittleEndian.AppendUint32(append(b, opText4), uint32(len(v)))
		return append(b, v...), nil
	case *List:
		b, err := appendAll(append(b, opEmptyList, opMark), v.Items)
		return append(b, opAppends), err
	case Tuple:
		b, err := appendAll(append(b, opMark), v)
		return append(b, opTuple), err
	case *Dict:
		return appendItems(append(b, opEmptyDict), v)
	case Global:
		return append(b, fmt.Sprintf("%c%s\n%s\n", opGlobal, v.Module, v.Name)...), nil
	case Call:
		b, err := appendAll(b, []any{v.Callee, v.Arguments})
		b = append(b, opReduce)
		if err != nil || v.Items == nil {
			return b, err
		}
		return appendItems(b, v.Items)
	case Persistent:
		b, err := appendValue(b, v.ID)
		return append(b, opPersistentID), err
	}
	return b, fmt.Errorf("a pickle cannot hold %T", v)
}

func appendAll(b []byte, values []any) (_ []byte, err error) {
	for _, v := range values {
		if b, err = appendValue(b, v); err != nil {
			return b, err
		}
	}
	return b, nil
}

func appendItems(b []byte, d *Dict) (_ []byte, err error) {
	b = append(b, opMark)
	for i := range d.Len() {
		key, value := d.At(i)
		if b, err = appendAll(b, []any{key, value}); err != nil {
			return b, err
		}
	}
	return append(b, opSetItems), nil
}
