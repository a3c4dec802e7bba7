package data

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"
)

// maxClassFile bounds the bytes of a classes.txt, and maxClasses its lines.
const (
	maxClassFile = 16 << 20
	maxClasses   = 1 << 20
)

// readClassNames reads the class names in the file at path, one a line, the
// first for label 0, at least 2 and at most most of them. It returns nil if there
// is no such file.
func readClassNames(path string, most int) ([]string, error) {
	file, _, err := openRegular(path, "make it a text file with one class name a line, or remove it")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxClassFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxClassFile || !utf8.Valid(text) {
		return nil, fmt.Errorf("%s is not a short UTF-8 text; write one class name a line, or remove it", path)
	}
	return parseClassNames(path, string(text), most)
}

func parseClassNames(path, text string, most int) ([]string, error) {
	text = strings.TrimPrefix(text, "\ufeff") // some editors' byte order mark
	names := strings.Split(strings.TrimRight(text, " \t\r\n"), "\n")
	lines := make(map[string]int, len(names))
	for i, name := range names {
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, fmt.Errorf("%s has no class name in line %d; write one name a line, the first for label 0", path, i+1)
		}
		if first, ok := lines[name]; ok {
			return nil, fmt.Errorf("%s names the class %q in lines %d and %d; give every class a name of its own", path, name, first, i+1)
		}
		lines[name], names[i] = i+1, name
	}
	if len(names) < 2 || len(names) > most {
		return nil, fmt.Errorf("%s names %d classes; labels here allow 2 to %d", path, len(names), most)
	}
	return names, nil
}
