package recipe

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// sources are the one home of the settings' explanations.
//
//go:embed recipe.go data.go dist.go model.go method.go optim.go stages.go steps.go
var sources embed.FS

// KeyDoc explains one setting.
type KeyDoc struct {
	Key     string   // dotted, such as "optim.lr"; [] stands for a list's element
	Type    string   // in Go, such as "float64" or "[]Step"
	Default string   // as in YAML; "" where a value must be given
	Choices []string // the known values of a setting that is a name, else nil
	Doc     string   // explanation, on one line
}

// Keys lists every setting in the order of the file, those of the steps below
// "augment[]". The steps of "evaluate.transform" have the same keys.
func Keys() []KeyDoc {
	var keys []KeyDoc
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for _, f := range fieldsOf(v.Type()) {
			key, value := join(prefix, f.key), v.Field(f.index)
			switch value.Kind() {
			case reflect.Struct:
				walk(value, key)
				continue
			case reflect.Pointer:
				walk(value.Elem(), key)
				continue
			}
			keys = append(keys, KeyDoc{
				Key:     key,
				Type:    strings.ReplaceAll(value.Type().String(), "recipe.", ""),
				Default: defaultText(key, value),
				Choices: choicesOf(key),
				Doc:     explanation(v.Type(), f),
			})
			if key == "augment" {
				walk(reflect.ValueOf(defaultStep()), key+"[]")
			}
		}
	}
	walk(reflect.ValueOf(Default()), "")
	return keys
}

// defaultText leaves out what is no choice of ours: the name and path, and a
// step's size.
func defaultText(key string, v reflect.Value) string {
	switch {
	case key == "name" || v.Kind() == reflect.String && v.Len() == 0:
		return ""
	case v.Kind() == reflect.String:
		return v.String()
	case strings.HasPrefix(key, "augment[]") && v.IsZero():
		return ""
	}
	return inline(v)
}

func choicesOf(key string) []string {
	if of, inside := strings.CutPrefix(key, "augment[]."); inside {
		return slices.Clone(stepChoices[of])
	}
	return slices.Clone(choices[strings.TrimPrefix(key, "linear.")])
}

// comments maps "Type" and "Type.Field" to their doc comments on one line.
var comments = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	files, err := sources.ReadDir(".")
	if err != nil {
		panic(err) // the sources that this program was built from
	}
	for _, f := range files {
		text, err := sources.ReadFile(f.Name())
		if err != nil {
			panic(err)
		}
		explain(found, f.Name(), text)
	}
	return found
})

// explain adds the doc comments of a source file's types and their fields.
func explain(found map[string]string, name string, text []byte) {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	if err != nil {
		panic(err)
	}
	oneLine := func(group *ast.CommentGroup) string { return strings.Join(strings.Fields(group.Text()), " ") }
	for _, d := range file.Decls {
		declaration, ok := d.(*ast.GenDecl)
		if !ok || declaration.Tok != token.TYPE {
			continue
		}
		for _, s := range declaration.Specs {
			spec := s.(*ast.TypeSpec)
			found[spec.Name.Name] = oneLine(declaration.Doc)
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			last := ""
			for _, f := range structure.Fields.List {
				for _, name := range f.Names {
					// "Mean and Std normalise …" above Mean explains both.
					doc := oneLine(f.Doc)
					if doc == "" && slices.Contains(strings.Fields(last), name.Name) {
						doc = last
					}
					found[spec.Name.Name+"."+name.Name] = doc
					last = doc
				}
			}
		}
	}
}

// explanation is the comment of a field of struct type t. Without one, the
// comment of what a list holds explains it, or else that of the struct: a short
// struct's comment explains its fields.
func explanation(t reflect.Type, f field) string {
	if doc := comments()[t.Name()+"."+f.name]; doc != "" {
		return doc
	}
	if ft := t.Field(f.index).Type; ft.Kind() == reflect.Slice && comments()[ft.Elem().Name()] != "" {
		return comments()[ft.Elem().Name()]
	}
	return comments()[t.Name()]
}
