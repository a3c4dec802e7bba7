package recipe

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxProblems = 40   // mistakes of one recipe that are reported
	maxElements = 1000 // of one list
)

// decoder writes YAML nodes into the settings and collects the user's
// mistakes. It is used in place of yaml's own decoder because that one names
// Go types, not keys, and suggests nothing.
type decoder struct {
	file string // for "file:line: "; "" leaves the place out
	errs []error
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	if len(d.errs) > maxProblems {
		return
	}
	message := fmt.Sprintf(format, args...)
	if len(d.errs) == maxProblems {
		message = "and more problems after these"
	}
	if d.file != "" {
		message = fmt.Sprintf("%s:%d: %s", d.file, n.Line, message)
	}
	d.errs = append(d.errs, errors.New(message))
}

// value writes n into v, the setting under the dotted key.
func (d *decoder) value(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind == yaml.AliasNode {
		// Refused rather than expanded: a few nested aliases are enough to
		// ask for gigabytes.
		d.fail(n, "%s: aliases such as *%s are not supported: write the value out", key, n.Value)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.section(n, v, key)
	case reflect.Slice:
		d.list(n, v, key)
	case reflect.Pointer:
		// A pointer is the kind of a Step. One named without any of its keys
		// has all its defaults.
		f, _ := fieldByKey(reflect.TypeFor[Step](), lastPart(key))
		v.Set(reflect.ValueOf(defaultStep()).Field(f.index))
		d.section(n, v.Elem(), key)
	default:
		d.scalar(n, v, key)
	}
}

// section reads keys and values into the struct v. Nothing at all, as in
// "model:", changes nothing.
func (d *decoder) section(n *yaml.Node, v reflect.Value, key string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%sexpected keys and values, got %s", prefix(key), describe(n))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			d.fail(name, "%sa key must be a plain word, got %s", prefix(key), describe(name))
			continue
		}
		if line, again := lines[name.Value]; again {
			d.fail(name, "key %s is given twice, first on line %d: remove one", shorten(join(key, name.Value)), line)
			continue
		}
		lines[name.Value] = name.Line
		f, ok := fieldByKey(v.Type(), name.Value)
		if !ok {
			where := ""
			if key != "" {
				where = " in " + key
			}
			d.fail(name, "unknown key %s%s; %s", shorten(name.Value), where, keyHint(name.Value, siblings(v.Type())))
			continue
		}
		d.value(value, v.Field(f.index), join(key, f.key))
	}
}

// list reads a sequence into the slice v in place of what it held. An empty
// list becomes a nil slice, so that equal recipes are deeply equal.
func (d *decoder) list(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode && !isNull(n) {
		example := "[0.5]"
		if v.Type().Elem() == reflect.TypeFor[Step]() {
			example = "[{horizontal_flip: {probability: 0.5}}]"
		}
		d.fail(n, "%s: expected a list such as %s, got %s", key, example, describe(n))
		return
	}
	if len(n.Content) > maxElements {
		d.fail(n, "%s: the list has %d elements: give at most %d", key, len(n.Content), maxElements)
		return
	}
	list := reflect.Zero(v.Type())
	for i, item := range n.Content {
		e := reflect.New(v.Type().Elem()).Elem()
		if isNull(item) {
			d.fail(item, "%s has no value: write one or remove it", element(key, i))
			continue
		}
		d.value(item, e, element(key, i))
		list = reflect.Append(list, e)
	}
	v.Set(list)
}

// scalar reads one number, word or switch.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, key string) {
	expected, tags := "", ""
	switch v.Kind() {
	case reflect.String:
		// A number is taken as the text that was written, as in "name: 2024".
		expected, tags = "text", "!!str !!int !!float !!bool !!timestamp"
	case reflect.Bool:
		expected, tags = "true or false", "!!bool"
	case reflect.Int:
		expected, tags = "an integer", "!!int"
	case reflect.Uint64:
		expected, tags = "an integer from 0 to 18446744073709551615", "!!int"
	case reflect.Float64:
		expected, tags = "a number", "!!int !!float"
	default:
		panic("recipe: no YAML form for a setting of type " + v.Type().String())
	}
	ok := n.Kind == yaml.ScalarNode && strings.Contains(" "+tags+" ", " "+n.ShortTag()+" ")
	switch {
	case isNull(n):
		d.fail(n, "%s has no value: expected %s", key, expected)
	case !ok:
		d.fail(n, "%s: expected %s, got %s", key, expected, describe(n))
	case v.Kind() == reflect.String:
		v.SetString(n.Value)
	default:
		if err := n.Decode(v.Addr().Interface()); err != nil {
			d.fail(n, "%s: expected %s, got %s, which is out of range", key, expected, shorten(n.Value))
		}
	}
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// describe says what a node holds, for "expected …, got …".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!str":
		return "the text " + shorten(n.Value)
	default:
		return shorten(n.Value)
	}
}

// prefix is "key: ", or nothing for the recipe itself.
func prefix(key string) string {
	if key == "" {
		return ""
	}
	return key + ": "
}

func element(key string, i int) string {
	return fmt.Sprintf("%s[%d]", key, i)
}
