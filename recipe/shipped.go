package recipe

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed shipped/*.yaml
var shipped embed.FS

// Shipped returns the sorted names of the recipes that are part of the
// program; Find(name) gives one, with its description.
func Shipped() []string {
	entries, err := shipped.ReadDir("shipped")
	if err != nil {
		panic(err) // an embedded folder is always readable
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// Source returns the YAML text of a shipped recipe, with its comments: the
// place to start a recipe of one's own from.
func Source(name string) ([]byte, error) {
	names := Shipped()
	if !slices.Contains(names, name) {
		message := fmt.Sprintf("there is no recipe %s; shipped are %s", shorten(name), strings.Join(names, ", "))
		if near := nearest(name, names); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, fmt.Errorf("%s", message)
	}
	return shipped.ReadFile("shipped/" + name + ".yaml")
}
