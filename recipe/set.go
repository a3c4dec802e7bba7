package recipe

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Set changes one setting, written as "key=value": the dotted key, and a YAML
// value such as 0.2, [0.5] or [{horizontal_flip: {probability: 0.5}}]. A step
// that is there already can be reached as in "augment[0].random_crop.padding=2".
// Text is taken as it stands unless it begins with a quote. After an error r is
// unchanged. Set checks key and type, Validate the value.
func Set(r *Recipe, assignment string) error {
	key, text, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("%s is not of the form key=value, such as optim.lr=0.2", shorten(assignment))
	}
	key, text = strings.TrimSpace(key), strings.TrimSpace(text)
	if len(text) > maxSize {
		return fmt.Errorf("the value for %s is larger than 1 MiB", shorten(key))
	}
	changed := r.Clone()
	v, err := locate(reflect.ValueOf(&changed).Elem(), key)
	if err != nil {
		return err
	}
	if v.Kind() == reflect.String && !strings.HasPrefix(text, `"`) && !strings.HasPrefix(text, `'`) {
		v.SetString(text)
		*r = changed
		return nil
	}
	root, err := parseDocument(key, []byte(text))
	if err != nil {
		return err
	}
	if root == nil {
		root = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	if v.Kind() == reflect.Struct && isNull(root) {
		return fmt.Errorf("%s has no value: write keys and values such as {key: value}", key)
	}
	if v.Type() == reflect.TypeFor[Step]() {
		v.SetZero() // a step is replaced, not given a second kind
	}
	d := decoder{}
	d.value(root, v, key)
	if len(d.errs) > 0 {
		return errors.Join(d.errs...)
	}
	*r = changed
	return nil
}

var pathPart = regexp.MustCompile(`^([^\[\]]*)(?:\[(\d+)\])?$`)

// locate finds the setting under a dotted key.
func locate(v reflect.Value, path string) (reflect.Value, error) {
	at := ""
	for part := range strings.SplitSeq(path, ".") {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, fmt.Errorf("%s is not in this recipe: set the whole list of steps instead", at)
			}
			v = v.Elem()
		}
		m := pathPart.FindStringSubmatch(part)
		if m == nil || v.Kind() != reflect.Struct {
			return v, unknownPath(path, at, v.Type())
		}
		f, ok := fieldByKey(v.Type(), m[1])
		if !ok {
			return v, unknownPath(path, at, v.Type())
		}
		v, at = v.Field(f.index), join(at, f.key)
		if m[2] == "" {
			continue
		}
		if v.Kind() != reflect.Slice {
			return v, fmt.Errorf("%s is not a list: write it without [%s]", at, m[2])
		}
		i, err := strconv.Atoi(m[2])
		if err != nil || i >= v.Len() {
			return v, fmt.Errorf("%s[%s] does not exist: the list has %d elements, counted from 0", at, m[2], v.Len())
		}
		v, at = v.Index(i), element(at, i)
	}
	return v, nil
}

// unknownPath says what path may have been meant, given that it is known up to
// at, a value of type t.
func unknownPath(path, at string, t reflect.Type) error {
	if near := nearest(path, dottedKeys()); near != "" {
		return fmt.Errorf("unknown key %s; did you mean %q?", shorten(path), near)
	}
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("unknown key %s: %s has no keys below it", shorten(path), at)
	}
	wrong, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, at), "."), ".")
	known := siblings(t)
	if near := nearest(wrong, known); near != "" {
		return fmt.Errorf("unknown key %s; did you mean %q?", shorten(path), join(at, near))
	}
	if elsewhere := namesakes(lastPart(path)); elsewhere != "" {
		return fmt.Errorf("unknown key %s; did you mean %s?", shorten(path), elsewhere)
	}
	where := ""
	if at != "" {
		where = " in " + at
	}
	return fmt.Errorf("unknown key %s; known keys%s: %s", shorten(path), where, strings.Join(known, ", "))
}
