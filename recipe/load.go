package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSize bounds a recipe file in bytes; real ones have about two thousand.
const maxSize = 1 << 20

// Load reads the recipe file at path. Keys that it leaves out keep their value
// of Default. Load checks keys and types; the values are checked by Validate,
// once overrides have been Set.
func Load(path string) (Recipe, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Recipe{}, fmt.Errorf("there is no recipe file %s", path)
	} else if err != nil {
		return Recipe{}, fmt.Errorf("cannot open the recipe: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return Recipe{}, fmt.Errorf("cannot read the recipe: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a recipe from the bytes of a YAML file. The file's name leads
// every message and, without folder and extension, names a recipe that does
// not name itself. Unknown and repeated keys, aliases, several documents, and
// files over 1 MiB are errors; several mistakes come as one joined error.
func Parse(name string, data []byte) (Recipe, error) {
	if len(data) > maxSize {
		return Recipe{}, fmt.Errorf("%s is larger than 1 MiB: this is not a recipe", name)
	}
	root, err := parseDocument(name, data)
	if err != nil {
		return Recipe{}, err
	}
	if root == nil || isNull(root) {
		return Recipe{}, fmt.Errorf("%s is empty: it needs at least data.path", name)
	}
	r := Default()
	if base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)); base != "" {
		r.Name = base
	}
	d := decoder{file: name}
	d.value(root, reflect.ValueOf(&r).Elem(), "")
	if len(d.errs) > 0 {
		return Recipe{}, errors.Join(d.errs...)
	}
	return r, nil
}

// parseDocument returns the root of the one YAML document in data, or nil if
// there is none.
func parseDocument(name string, data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, syntaxError(name, err)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, fmt.Errorf("%s:%d: a second document begins here: keep one recipe per file", name, second.Line)
	} else if err != io.EOF {
		return nil, syntaxError(name, err)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// syntaxError puts the place of a YAML error where editors look for it.
func syntaxError(name string, err error) error {
	m := yamlError.FindStringSubmatch(err.Error())
	switch {
	case m == nil:
		return fmt.Errorf("%s is not valid YAML: %w", name, err)
	case m[1] == "":
		return fmt.Errorf("%s is not valid YAML: %s", name, m[2])
	default:
		return fmt.Errorf("%s:%s: not valid YAML: %s", name, m[1], m[2])
	}
}

// Find returns the shipped recipe of that name, or else loads the file at that
// path. A word is taken for a path if it holds a separator, ends in .yaml or
// .yml, or if such a file exists.
func Find(nameOrPath string) (Recipe, error) {
	if source, err := Source(nameOrPath); err == nil {
		return Parse(nameOrPath+".yaml", source)
	}
	extension := strings.ToLower(filepath.Ext(nameOrPath))
	isPath := extension == ".yaml" || extension == ".yml" ||
		strings.ContainsRune(nameOrPath, '/') || strings.ContainsRune(nameOrPath, filepath.Separator)
	if !isPath {
		_, err := os.Stat(nameOrPath)
		isPath = err == nil
	}
	if isPath {
		return Load(nameOrPath)
	}
	_, err := Source(nameOrPath)
	return Recipe{}, err
}
