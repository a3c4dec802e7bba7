package pickle

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Hooks are how a pickle reaches beyond plain values.
type Hooks struct {
	// Find looks up a class or function by module and name. It must refuse
	// everything that is not on its list.
	Find func(module, name string) (*Class, error)
	// Persistent finds what a pickle keeps outside itself.
	Persistent func(id any) (any, error)
}

// Reader is what Decode reads from; a bufio.Reader is one.
type Reader interface {
	io.Reader
	io.ByteReader
}

// Decode reads one pickle and nothing beyond it. The values in it may take up
// about budget bytes of memory; a pickle that asks for more is refused before
// the memory is taken.
func Decode(r Reader, budget int64, h Hooks) (any, error) {
	d := &decoder{r: r, budget: budget, hooks: h, memo: map[uint32]any{}}
	for {
		op, err := d.r.ReadByte()
		if err != nil {
			return nil, cutOff(err)
		}
		if op == opStop {
			return d.pop()
		}
		if err := d.do(op); err != nil {
			return nil, err
		}
	}
}

// What values cost, in bytes: rounded up, with their share of slices and maps
// that have grown.
const (
	slotCost  = 32
	listCost  = 64
	dictCost  = 160
	itemCost  = 128
	entryCost = 96 // of the memo
)

// maxName bounds the name of a module or class in bytes.
const maxName = 256

type decoder struct {
	r      Reader
	budget int64
	hooks  Hooks
	stack  []any
	marks  []int // heights of the stack
	memo   map[uint32]any
}

var (
	errBudget = errors.New("its values would take more memory than such a file can need")
	errStack  = errors.New("it takes values that it never put down")
)

func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it ends early; the file may be cut off")
	}
	return err
}

func (d *decoder) charge(n int64) error {
	if n > d.budget {
		return errBudget
	}
	d.budget -= n
	return nil
}

func (d *decoder) push(v any) error {
	if err := d.charge(slotCost); err != nil {
		return err
	}
	d.stack = append(d.stack, v)
	return nil
}

// floor is the height of the stack above the last mark.
func (d *decoder) floor() int {
	if len(d.marks) == 0 {
		return 0
	}
	return d.marks[len(d.marks)-1]
}

func (d *decoder) pop() (any, error) {
	if len(d.stack) <= d.floor() {
		return nil, errStack
	}
	v := d.stack[len(d.stack)-1]
	d.stack = d.stack[:len(d.stack)-1]
	return v, nil
}

// popN takes the n upmost values, in the order in which they were pushed. They
// stay valid until the next push.
func (d *decoder) popN(n int) ([]any, error) {
	if len(d.stack)-n < d.floor() {
		return nil, errStack
	}
	values := d.stack[len(d.stack)-n:]
	d.stack = d.stack[:len(d.stack)-n]
	return values, nil
}

// popMark takes everything above the last mark, as popN.
func (d *decoder) popMark() ([]any, error) {
	if len(d.marks) == 0 {
		return nil, errStack
	}
	at := d.floor()
	d.marks = d.marks[:len(d.marks)-1]
	values := d.stack[at:]
	d.stack = d.stack[:at]
	return values, nil
}

// top is the upmost value, left where it is.
func (d *decoder) top() (any, error) {
	if len(d.stack) <= d.floor() {
		return nil, errStack
	}
	return d.stack[len(d.stack)-1], nil
}

func (d *decoder) bytes(n uint64) ([]byte, error) {
	if n > uint64(d.budget) {
		return nil, errBudget
	}
	if err := d.charge(int64(n)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(d.r, b); err != nil {
		return nil, cutOff(err)
	}
	return b, nil
}

// uint reads a little-endian number of so many bytes.
func (d *decoder) uint(bytes int) (n uint64, err error) {
	for i := range bytes {
		b, err := d.r.ReadByte()
		if err != nil {
			return 0, cutOff(err)
		}
		n |= uint64(b) << (8 * i)
	}
	return n, nil
}

// counted reads a number of so many bytes, then as many bytes as it says.
func (d *decoder) counted(bytes int) ([]byte, error) {
	n, err := d.uint(bytes)
	if err != nil {
		return nil, err
	}
	return d.bytes(n)
}

func (d *decoder) pushText(bytes int) error {
	b, err := d.counted(bytes)
	if err != nil {
		return err
	}
	if !utf8.Valid(b) && !surrogates(b) {
		return errors.New("it holds text that is not UTF-8")
	}
	if err := d.charge(int64(len(b))); err != nil { // the copy
		return err
	}
	return d.push(string(b))
}

// surrogates says whether b is UTF-8 but for halves of surrogate pairs, which
// Python writes where a text holds bytes that it could not decode.
func surrogates(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			if len(b) < 3 || b[0] != 0xED || b[1]&0xE0 != 0xA0 || b[2]&0xC0 != 0x80 {
				return false
			}
			n = 3
		}
		b = b[n:]
	}
	return true
}

// line reads a name up to the end of its line.
func (d *decoder) line() (string, error) {
	var b []byte
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			return "", cutOff(err)
		}
		if c == '\n' {
			return string(b), nil
		}
		if b = append(b, c); len(b) > maxName {
			return "", fmt.Errorf("it names a class of more than %d bytes", maxName)
		}
	}
}

func (d *decoder) find(module, name string) error {
	if len(module) > maxName || len(name) > maxName {
		return fmt.Errorf("it names a class of more than %d bytes", maxName)
	}
	c, err := d.hooks.Find(module, name)
	if err != nil {
		return err
	}
	return d.push(c)
}

// call makes a value; the callee and its arguments lie on the stack.
func (d *decoder) call() error {
	both, err := d.popN(2)
	if err != nil {
		return err
	}
	class, ok := both[0].(*Class)
	if !ok || class.Call == nil {
		return fmt.Errorf("it calls %s, which cannot be called", Describe(both[0]))
	}
	arguments, ok := both[1].(Tuple)
	if !ok {
		return fmt.Errorf("it calls %s with %s instead of a tuple", class.Name, Describe(both[1]))
	}
	// What a call makes is at least as large as an object with its arguments.
	if err := d.charge(dictCost + itemCost*int64(len(arguments))); err != nil {
		return err
	}
	v, err := class.Call(arguments)
	if err != nil {
		return err
	}
	return d.push(v)
}

func (d *decoder) remember(key uint32) error {
	v, err := d.top()
	if err != nil {
		return err
	}
	if _, ok := d.memo[key]; !ok {
		if err := d.charge(entryCost); err != nil {
			return err
		}
	}
	d.memo[key] = v
	return nil
}

func (d *decoder) recall(key uint32) error {
	v, ok := d.memo[key]
	if !ok {
		return errors.New("it refers to a value that it never remembered")
	}
	return d.push(v)
}
