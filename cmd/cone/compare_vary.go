package main

import (
	"fmt"
	"strings"

	"cone/recipe"
)

// variants multiplies a recipe by what --vary asks for: every combination of
// the values, each a recipe whose name says what it has.
func variants(r recipe.Recipe, vary []string) ([]recipe.Recipe, error) {
	all := []recipe.Recipe{r}
	for _, v := range vary {
		key, list, found := strings.Cut(v, "=")
		values := splitValues(list)
		if !found || key == "" || len(values) == 0 {
			return nil, usageError{fmt.Errorf("--vary %s: give a setting and its values, as method.cone.neighbors=16,64,256", v)}
		}
		var next []recipe.Recipe
		for _, before := range all {
			for _, value := range values {
				one := before.Clone()
				if err := recipe.Set(&one, key+"="+value); err != nil {
					return nil, err
				}
				one.Name = before.Name + "," + key[strings.LastIndex(key, ".")+1:] + "=" + strings.ReplaceAll(value, "/", "_")
				next = append(next, one)
			}
		}
		all = next
	}
	return all, nil
}

// splitValues cuts a list at its commas, save for those in brackets.
func splitValues(list string) (out []string) {
	depth, start := 0, 0
	for i, c := range list + "," {
		switch {
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth <= 0:
			if value := strings.TrimSpace(list[start:i]); value != "" {
				out = append(out, value)
			}
			start = i + 1
		}
	}
	return out
}
