package pickle

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// The opcodes of protocols 2 to 5, by their names in pickletools. Those that
// only protocols 0 and 1 use are not read: torch.save never writes them.
const (
	opMark, opStop, opPop, opPopMark, opDup           = '(', '.', '0', '1', '2'
	opNone, opTrue, opFalse                           = 'N', 0x88, 0x89
	opInt4, opInt1, opInt2, opLong1, opLong4, opFloat = 'J', 'K', 'M', 0x8a, 0x8b, 'G'
	opText4, opText1, opText8                         = 'X', 0x8c, 0x8d
	opBytes4, opBytes1, opBytes8, opByteArray8        = 'B', 'C', 0x8e, 0x96
	opString4, opString1                              = 'T', 'U' // of Python 2
	opEmptyList, opAppend, opAppends                  = ']', 'a', 'e'
	opEmptyTuple, opTuple, opTuple1, opTuple2         = ')', 't', 0x85, 0x86
	opTuple3                                          = 0x87
	opEmptyDict, opSetItem, opSetItems                = '}', 's', 'u'
	opEmptySet, opAddItems, opFrozenSet               = 0x8f, 0x90, 0x91
	opGlobal, opStackGlobal, opReduce, opBuild        = 'c', 0x93, 'R', 'b'
	opNewObj, opPersistentID                          = 0x81, 'Q'
	opBinGet, opLongBinGet, opBinPut, opLongBinPut    = 'h', 'j', 'q', 'r'
	opMemoize, opProto, opFrame                       = 0x94, 0x80, 0x95
)

// widths are the bytes of an opcode's number, or of the count of its bytes.
var widths = [256]int{
	opInt1: 1, opInt2: 2, opInt4: 4, opLong1: 1, opLong4: 4, opFloat: 8,
	opText1: 1, opText4: 4, opText8: 8, opString1: 1, opString4: 4,
	opBytes1: 1, opBytes4: 4, opBytes8: 8, opByteArray8: 8,
}

// do executes one opcode other than STOP.
func (d *decoder) do(op byte) error {
	switch op {
	case opProto:
		version, err := d.uint(1)
		if err == nil && (version < 2 || version > 5) {
			err = fmt.Errorf("it is of protocol %d, and 2 to 5 are read", version)
		}
		return err
	case opFrame:
		_, err := d.uint(8) // a hint for readers of streams
		return err
	case opMark:
		if err := d.charge(slotCost); err != nil {
			return err
		}
		d.marks = append(d.marks, len(d.stack))
		return nil
	case opPop:
		if len(d.stack) == d.floor() && len(d.marks) > 0 {
			_, err := d.popMark()
			return err
		}
		_, err := d.pop()
		return err
	case opPopMark:
		_, err := d.popMark()
		return err
	case opDup:
		v, err := d.top()
		if err != nil {
			return err
		}
		return d.push(v)
	case opBinPut, opLongBinPut, opMemoize, opBinGet, opLongBinGet:
		return d.memory(op)
	case opGlobal, opStackGlobal, opReduce, opNewObj, opBuild, opPersistentID:
		return d.object(op)
	case opNone, opTrue, opFalse, opInt1, opInt2, opInt4, opLong1, opLong4, opFloat:
		return d.number(op)
	case opText1, opText4, opText8, opString1, opString4, opBytes1, opBytes4, opBytes8, opByteArray8:
		return d.text(op)
	}
	return d.container(op)
}

func (d *decoder) memory(op byte) error {
	key, err := uint64(len(d.memo)), error(nil)
	switch op {
	case opBinPut, opBinGet:
		key, err = d.uint(1)
	case opLongBinPut, opLongBinGet:
		key, err = d.uint(4)
	}
	if err != nil {
		return err
	}
	if op == opBinGet || op == opLongBinGet {
		return d.recall(uint32(key))
	}
	return d.remember(uint32(key))
}

func (d *decoder) object(op byte) error {
	switch op {
	case opGlobal:
		module, err := d.line()
		if err != nil {
			return err
		}
		name, err := d.line()
		if err != nil {
			return err
		}
		return d.find(module, name)
	case opStackGlobal:
		both, err := d.popN(2)
		if err != nil {
			return err
		}
		module, ok := both[0].(string)
		name, ok2 := both[1].(string)
		if !ok || !ok2 {
			return errors.New("it names a class by something else than text")
		}
		return d.find(module, name)
	case opReduce, opNewObj:
		return d.call()
	case opBuild:
		state, err := d.pop()
		if err != nil {
			return err
		}
		v, err := d.top()
		if err != nil {
			return err
		}
		s, ok := v.(Stateful)
		if !ok {
			return fmt.Errorf("it gives a state to %s", Describe(v))
		}
		return s.SetState(state)
	}
	id, err := d.pop() // opPersistentID
	if err != nil {
		return err
	}
	if err := d.charge(dictCost); err != nil {
		return err
	}
	v, err := d.hooks.Persistent(id)
	if err != nil {
		return err
	}
	return d.push(v)
}

func (d *decoder) number(op byte) error {
	n, err := d.uint(widths[op])
	if err != nil {
		return err
	}
	switch op {
	case opTrue, opFalse:
		return d.push(op == opTrue)
	case opInt1, opInt2:
		return d.push(int64(n))
	case opInt4:
		return d.push(int64(int32(n)))
	case opFloat: // the one big-endian number of the format
		var reversed uint64
		for range 8 {
			reversed, n = reversed<<8|n&0xff, n>>8
		}
		return d.push(math.Float64frombits(reversed))
	case opLong1, opLong4:
		if n > 255 {
			return fmt.Errorf("it holds an integer of %d bytes", n)
		}
		b, err := d.bytes(n)
		if err != nil {
			return err
		}
		return d.push(integer(b))
	}
	return d.push(nil)
}

// integer reads two's complement, little-endian.
func integer(b []byte) any {
	negative := len(b) > 0 && b[len(b)-1]&0x80 != 0
	slices.Reverse(b)
	n := new(big.Int).SetBytes(b)
	if negative {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

func (d *decoder) text(op byte) error {
	switch op {
	case opText1, opText4, opText8, opString1, opString4:
		return d.pushText(widths[op])
	}
	b, err := d.counted(widths[op])
	if err != nil {
		return err
	}
	return d.push(b)
}

func (d *decoder) container(op byte) error {
	switch op {
	case opEmptyTuple:
		return d.push(Tuple{})
	case opTuple1, opTuple2, opTuple3:
		values, err := d.popN(int(op-opTuple1) + 1)
		if err != nil {
			return err
		}
		return d.pushTuple(values)
	case opTuple:
		values, err := d.popMark()
		if err != nil {
			return err
		}
		return d.pushTuple(values)
	case opEmptyList, opEmptySet:
		if err := d.charge(listCost); err != nil {
			return err
		}
		return d.push(&List{})
	case opFrozenSet:
		values, err := d.popMark()
		if err != nil {
			return err
		}
		if err := d.charge(listCost + slotCost*int64(len(values))); err != nil {
			return err
		}
		return d.push(&List{Items: slices.Clone(values)})
	case opAppend, opAppends, opAddItems:
		return d.extend(op)
	case opEmptyDict:
		if err := d.charge(dictCost); err != nil {
			return err
		}
		return d.push(NewDict())
	case opSetItem, opSetItems:
		return d.setItems(op)
	}
	return fmt.Errorf("it holds the opcode 0x%02x, which torch.save never writes", op)
}

func (d *decoder) pushTuple(values []any) error {
	if err := d.charge(listCost + slotCost*int64(len(values))); err != nil {
		return err
	}
	return d.push(Tuple(slices.Clone(values)))
}

// values are what an opcode adds to the container below them: one step's
// worth, or all down to the mark.
func (d *decoder) values(single bool, step int) ([]any, error) {
	if single {
		return d.popN(step)
	}
	return d.popMark()
}

func (d *decoder) extend(op byte) error {
	values, err := d.values(op == opAppend, 1)
	if err != nil {
		return err
	}
	v, err := d.top()
	if err != nil {
		return err
	}
	list, ok := v.(*List)
	if !ok {
		return fmt.Errorf("it appends to %s", Describe(v))
	}
	if err := d.charge(slotCost * int64(len(values))); err != nil {
		return err
	}
	list.Items = append(list.Items, values...)
	return nil
}

func (d *decoder) setItems(op byte) error {
	values, err := d.values(op == opSetItem, 2)
	if err != nil {
		return err
	}
	v, err := d.top()
	if err != nil {
		return err
	}
	dict, ok := v.(*Dict)
	if !ok || len(values)%2 != 0 {
		return fmt.Errorf("it sets %d keys and values in %s", len(values), Describe(v))
	}
	if err := d.charge(itemCost * int64(len(values)/2)); err != nil {
		return err
	}
	for i := 0; i < len(values); i += 2 {
		if err := dict.Set(values[i], values[i+1]); err != nil {
			return err
		}
	}
	return nil
}
