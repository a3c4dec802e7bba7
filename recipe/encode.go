package recipe

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Marshal returns r as YAML with every key written out, so that a later
// change of a default cannot change what the file means. Parse gives r back.
// Text that is not UTF-8 is an error, for YAML has no form for it.
func (r Recipe) Marshal() ([]byte, error) {
	var invalid error
	visit(reflect.ValueOf(r), "", func(key string, v reflect.Value) {
		if v.Kind() == reflect.String && !utf8.ValidString(v.String()) {
			invalid = fmt.Errorf("%s is not valid UTF-8: %s", key, shorten(v.String()))
		}
	})
	if invalid != nil {
		return nil, invalid
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(node(reflect.ValueOf(r), false)); err != nil {
		return nil, fmt.Errorf("cannot write the recipe as YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("cannot write the recipe as YAML: %w", err)
	}
	return out.Bytes(), nil
}

// Save writes r to path as Marshal does. The folder must exist. A file that
// is there is replaced in one step: no reader ever sees half a recipe.
func (r Recipe) Save(path string) error {
	data, err := r.Marshal()
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("cannot save the recipe: %w", err)
	}
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Chmod(0o644)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		os.Remove(temporary.Name())
		return fmt.Errorf("cannot save the recipe: %w", err)
	}
	return nil
}

// Diff returns one line for every setting in which the recipes differ, such
// as "optim.lr: 0.1 here, 0.2 in the run" for a (here) and b (in the run).
// Lists are compared as a whole.
func Diff(a, b Recipe) []string {
	var lines []string
	var walk func(a, b reflect.Value, key string)
	walk = func(a, b reflect.Value, key string) {
		if a.Kind() == reflect.Struct {
			for _, f := range fieldsOf(a.Type()) {
				walk(a.Field(f.index), b.Field(f.index), join(key, f.key))
			}
			return
		}
		if here, there := inline(a), inline(b); here != there {
			lines = append(lines, fmt.Sprintf("%s: %s here, %s in the run", key, here, there))
		}
	}
	walk(reflect.ValueOf(a), reflect.ValueOf(b), "")
	return lines
}

// Line writes steps as YAML on one line.
func Line(steps []Step) string { return inline(reflect.ValueOf(steps)) }

// inline writes a setting on one line. Numbers are written so that different
// ones look different.
func inline(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = inline(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Pointer:
		return inline(v.Elem())
	case reflect.Struct:
		var parts []string
		for _, f := range fieldsOf(v.Type()) {
			if e := v.Field(f.index); e.Kind() != reflect.Pointer || !e.IsNil() {
				parts = append(parts, f.key+": "+inline(e))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case reflect.String:
		return strconv.Quote(v.String())
	default:
		return node(v, false).Value
	}
}

// node turns a setting into the YAML to write. An absent step is left out,
// nothing else is.
func node(v reflect.Value, flow bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch v.Kind() {
	case reflect.Pointer:
		// A step fits one line: "- random_crop: {padding: 4}".
		n = node(v.Elem(), false)
		n.Style = yaml.FlowStyle
	case reflect.Struct:
		n.Kind = yaml.MappingNode
		for _, f := range fieldsOf(v.Type()) {
			e := v.Field(f.index)
			if e.Kind() == reflect.Pointer && e.IsNil() {
				continue
			}
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.key}
			n.Content = append(n.Content, key, node(e, f.flow))
		}
	case reflect.Slice:
		n.Kind = yaml.SequenceNode
		if flow || v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		for i := range v.Len() {
			n.Content = append(n.Content, node(v.Index(i), false))
		}
	case reflect.String:
		n.Tag, n.Value = "!!str", v.String()
		if strings.ContainsFunc(n.Value, func(c rune) bool { return !unicode.IsPrint(c) }) {
			n.Style = yaml.DoubleQuotedStyle // escapes survive every reader
		}
	case reflect.Bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v.Bool())
	case reflect.Int:
		n.Tag, n.Value = "!!int", strconv.FormatInt(v.Int(), 10)
	case reflect.Uint64:
		n.Tag, n.Value = "!!int", strconv.FormatUint(v.Uint(), 10)
	case reflect.Float64:
		n.Value = formatFloat(v.Float())
	default:
		panic("recipe: no YAML form for a setting of type " + v.Type().String())
	}
	return n
}

// formatFloat writes the shortest number that reads back as x.
func formatFloat(x float64) string {
	switch {
	case math.IsNaN(x):
		return ".nan"
	case math.IsInf(x, 1):
		return ".inf"
	case math.IsInf(x, -1):
		return "-.inf"
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
