package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxExpanded bounds the names that one pattern may stand for.
const maxExpanded = 1 << 20

// expandBraces writes out {a,b} and {000..127} as a shell does, in order.
// Numbers keep the width of the first bound.
func expandBraces(pattern string) ([]string, error) {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}, nil
	}
	length := strings.IndexByte(pattern[open:], '}')
	if length < 0 {
		return nil, fmt.Errorf("the pattern %q has a { without }; write {000..127} or {a,b}", pattern)
	}
	inside := pattern[open+1 : open+length]
	choices, err := braceChoices(inside)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q cannot be read: %w", pattern, err)
	}
	rest, err := expandBraces(pattern[open+length+1:])
	if err != nil {
		return nil, err
	}
	if len(choices)*len(rest) > maxExpanded {
		return nil, fmt.Errorf("the pattern %q stands for more than %d files", pattern, maxExpanded)
	}
	var out []string
	for _, c := range choices {
		for _, r := range rest {
			out = append(out, pattern[:open]+c+r)
		}
	}
	return out, nil
}

func braceChoices(inside string) ([]string, error) {
	first, last, isRange := strings.Cut(inside, "..")
	if !isRange {
		return strings.Split(inside, ","), nil
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || from < 0 || to < from {
		return nil, fmt.Errorf("{%s} is no range such as {000..127}", inside)
	}
	if to-from >= maxExpanded {
		return nil, fmt.Errorf("{%s} stands for more than %d files", inside, maxExpanded)
	}
	var out []string
	for n := from; n <= to; n++ {
		out = append(out, fmt.Sprintf("%0*d", len(first), n))
	}
	return out, nil
}

// matchFiles lists the files in dir that a pattern with braces and shell
// wildcards names, in order. Every name that the braces spell out must exist.
func matchFiles(dir, pattern string) ([]string, error) {
	names, err := expandBraces(pattern)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, name := range names {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, name)
		}
		if !strings.ContainsAny(name, "*?[") {
			if _, err := os.Stat(path); err != nil {
				return nil, fmt.Errorf("%s, which the pattern %q names, is not there; fetch it, or mend the pattern", path, pattern)
			}
			files = append(files, path)
			continue
		}
		found, err := filepath.Glob(path)
		if err != nil {
			return nil, fmt.Errorf("the pattern %q cannot be read: %w", pattern, err)
		}
		slices.Sort(found)
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no file in %s matches %q; mend the pattern", dir, pattern)
	}
	return files, nil
}

// partFiles finds the files of one part of a collection: those of the
// pattern, or, without one, NAME.ext, NAME-*.ext and NAME_*.ext for the first
// of the names that has any. None found is no error.
func partFiles(dir, pattern, ext string, names ...string) ([]string, error) {
	if pattern != "" {
		return matchFiles(dir, pattern)
	}
	for _, name := range names {
		var found []string
		for _, tail := range []string{"", "-*", "_*"} {
			matches, err := filepath.Glob(filepath.Join(globEscape(dir), name+tail+ext))
			if err != nil {
				return nil, err
			}
			found = append(found, matches...)
		}
		if len(found) > 0 {
			slices.Sort(found)
			return slices.Compact(found), nil
		}
	}
	return nil, nil
}

// globEscape keeps a folder's own wildcards from being taken for ones.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// testNames are the usual names of a part for evaluation.
var testNames = []string{"val", "valid", "validation", "test"}
