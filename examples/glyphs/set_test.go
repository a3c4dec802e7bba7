package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestCharactersOfSets(t *testing.T) {
	count := map[*unicode.RangeTable]int{}
	for _, s := range sets {
		seen := map[string]rune{}
		for _, r := range s.characters {
			name := strings.ToLower(className(r)) // as a file system that ignores case
			if other, ok := seen[name]; ok {
				t.Errorf("%s: %q and %q are both %s", s.name, r, other, name)
			}
			seen[name] = r
			if !regexp.MustCompile(`^u[0-9a-f]{4}-[a-z][a-z0-9-]*[a-z]$`).MatchString(name) || len(name) > 80 {
				t.Errorf("%s is no name for a folder", name)
			}
			for _, script := range []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Nd} {
				if unicode.Is(script, r) && s.name == "glyphs-400" {
					count[script]++
				}
			}
		}
		for _, r := range capitals {
			if !slices.Contains(s.characters, r) {
				t.Errorf("%s lacks %q, whose outlines tell designs apart", s.name, r)
			}
		}
	}
	if len(manyCharacters) < 400 || count[unicode.Latin] < 200 || count[unicode.Greek] < 40 || count[unicode.Cyrillic] < 50 || count[unicode.Nd] != 10 {
		t.Errorf("%d characters: %d Latin, %d Greek, %d Cyrillic, %d digits", len(manyCharacters),
			count[unicode.Latin], count[unicode.Greek], count[unicode.Cyrillic], count[unicode.Nd])
	}
}

func TestClassName(t *testing.T) {
	for r, want := range map[rune]string{
		'A': "u0041-latin-capital-a", 'a': "u0061-latin-small-a", '/': "u002f-solidus",
		'ΐ': "u0390-greek-small-iota-with-dialytika-and-tonos", '…': "u2026-horizontal-ellipsis", '7': "u0037-digit-seven",
	} {
		if got := className(r); got != want {
			t.Errorf("%q: %s", r, got)
		}
	}
}
