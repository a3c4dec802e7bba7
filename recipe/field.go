package recipe

import (
	"reflect"
	"strings"
	"sync"
)

// field is one setting of a struct, under its YAML key.
type field struct {
	key   string
	index int
	name  string // of the Go field, for its documentation
	flow  bool   // written as [a, b] on one line
}

var fieldsByType sync.Map // reflect.Type → []field

// fieldsOf returns the settings of struct type t in the order they are declared.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldsByType.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		fields = append(fields, field{
			key:   key,
			index: i,
			name:  f.Name,
			flow:  strings.Contains(options, "flow"),
		})
	}
	fieldsByType.Store(t, fields)
	return fields
}

// fieldByKey finds the setting of struct type t that has the YAML key.
func fieldByKey(t reflect.Type, key string) (field, bool) {
	for _, f := range fieldsOf(t) {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// siblings lists the YAML keys of struct type t.
func siblings(t reflect.Type) []string {
	var keys []string
	for _, f := range fieldsOf(t) {
		keys = append(keys, f.key)
	}
	return keys
}

// dottedKeys lists every key of a recipe, sections such as "optim" included,
// without looking into lists.
var dottedKeys = sync.OnceValue(func() []string {
	var keys []string
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		for _, f := range fieldsOf(t) {
			key := join(prefix, f.key)
			keys = append(keys, key)
			if ft := t.Field(f.index).Type; ft.Kind() == reflect.Struct {
				walk(ft, key)
			}
		}
	}
	walk(reflect.TypeFor[Recipe](), "")
	return keys
})

func join(section, key string) string {
	if section == "" {
		return key
	}
	return section + "." + key
}

// lastPart of "method.cone.neighbors" is "neighbors".
func lastPart(key string) string {
	return key[strings.LastIndexByte(key, '.')+1:]
}

// visit calls do for every scalar inside v, with its dotted key. An empty
// pointer holds no scalars.
func visit(v reflect.Value, key string, do func(key string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			visit(v.Field(f.index), join(key, f.key), do)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), key, do)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), element(key, i), do)
		}
	default:
		do(key, v)
	}
}
