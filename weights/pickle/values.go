// Package pickle reads and writes the part of Python's pickle format
// (https://docs.python.org/3/library/pickletools.html) that files of
// torch.save consist of. It executes nothing: what a pickle names as a class
// or function is looked up in the caller's own list, and what is not on it is
// refused. Values become:
//
//	None             nil
//	bool             bool
//	int              int64, or *big.Int beyond 64 bits
//	float            float64
//	str, bytes       string, []byte
//	list             *List
//	tuple            Tuple
//	dict             *Dict
//	set              *List, in the pickle's order
//	class, function  *Class
//
// and whatever the caller's classes make. Lists and dicts may contain
// themselves, so who walks them must bound the depth.
package pickle

import "fmt"

// List is a Python list or set.
type List struct{ Items []any }

// Tuple is a Python tuple.
type Tuple []any

// Class is something that a pickle may name.
type Class struct {
	// Name as in Python, with its module.
	Name string
	// Call makes a value of the arguments; nil where only the name counts.
	Call func(arguments Tuple) (any, error)
}

// Stateful values take the state that a pickle gives them after they are made.
type Stateful interface{ SetState(state any) error }

// Dict is a Python dict in the order of insertion. Keys are strings, int64,
// bools or nil.
type Dict struct {
	keys, values []any
	index        map[any]int
}

// NewDict makes an empty one.
func NewDict() *Dict { return &Dict{index: map[any]int{}} }

// Set adds a key or gives it another value.
func (d *Dict) Set(key, value any) error {
	switch key.(type) {
	case string, int64, bool, nil:
	default:
		return fmt.Errorf("a dict has a key that is %s", Describe(key))
	}
	if i, ok := d.index[key]; ok {
		d.values[i] = value
		return nil
	}
	d.index[key] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, value)
	return nil
}

// Get finds a key's value.
func (d *Dict) Get(key any) (value any, ok bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

// At is the i-th key in order, and its value.
func (d *Dict) At(i int) (key, value any) { return d.keys[i], d.values[i] }

// SetState ignores the attributes that torch hangs on a state_dict.
func (d *Dict) SetState(any) error { return nil }

// Describe names a value's kind for messages; it never looks inside.
func Describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a str"
	case []byte:
		return "bytes"
	case *List:
		return "a list"
	case Tuple:
		return "a tuple"
	case *Dict:
		return "a dict"
	case *Class:
		return v.Name
	}
	return "an object"
}
