package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"cone/recipe"
)

// maxExpanded bounds the names that one pattern may stand for, and
// maxExpandedBytes their sum.
const (
	maxExpanded      = 1 << 20
	maxExpandedBytes = 1 << 28
)

// expandBraces writes out {a,b} and {000..127} as a shell does, in order: all
// numbers of a range are as wide as its widest if one begins with a zero.
// Braces do not nest.
func expandBraces(pattern string) ([]string, error) {
	names := []string{""}
	for rest := pattern; ; {
		before, after, found := strings.Cut(rest, "{")
		choices := []string{""}
		if found {
			inside, tail, closed := strings.Cut(after, "}")
			if !closed || strings.Contains(inside, "{") {
				return nil, fmt.Errorf("the pattern %q has a { without its own }; write {000..127} or {a,b}", pattern)
			}
			var err error
			if choices, err = braceChoices(inside); err != nil {
				return nil, fmt.Errorf("the pattern %q cannot be read, for %w", pattern, err)
			}
			after = tail
		}
		if n := len(names) * len(choices); n > maxExpanded || n*len(pattern) > maxExpandedBytes {
			return nil, fmt.Errorf("the pattern %q stands for too many files; shorten it", pattern)
		}
		longer := make([]string, 0, len(names)*len(choices))
		for _, name := range names {
			for _, c := range choices {
				longer = append(longer, name+before+c)
			}
		}
		if names = longer; !found {
			return names, nil
		}
		rest = after
	}
}

// braceChoices are what stands between braces, written out.
func braceChoices(inside string) ([]string, error) {
	first, last, isRange := strings.Cut(inside, "..")
	if !isRange || strings.Contains(inside, ",") {
		return strings.Split(inside, ","), nil
	}
	const digits = 18 // of the largest number
	from, err1 := strconv.ParseUint(first, 10, 62)
	to, err2 := strconv.ParseUint(last, 10, 62)
	width := max(len(first), len(last))
	if err1 != nil || err2 != nil || to < from || width > digits {
		return nil, fmt.Errorf("%q is no range such as {000..127}", "{"+inside+"}")
	}
	if to-from >= maxExpanded {
		return nil, fmt.Errorf("%q stands for more than %d files", "{"+inside+"}", maxExpanded)
	}
	if !(strings.HasPrefix(first, "0") && len(first) > 1 || strings.HasPrefix(last, "0") && len(last) > 1) {
		width = 0
	}
	choices := make([]string, 0, to-from+1)
	for n := from; n <= to; n++ {
		choices = append(choices, fmt.Sprintf("%0*d", width, n))
	}
	return choices, nil
}

// matchFiles lists the files that a pattern with braces and shell wildcards
// names, in order and each once; relative patterns begin in dir. Every name
// that the braces spell out must exist.
func matchFiles(dir, pattern string) ([]string, error) {
	// A file may have braces in its name.
	if _, err := os.Stat(within(dir, pattern)); err == nil {
		return []string{within(dir, pattern)}, nil
	}
	names, err := expandBraces(pattern)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, name := range names {
		path := within(dir, name)
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
			continue
		} else if !strings.ContainsAny(name, "*?[") {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s is not there, but %q names it; fetch it, or mend the name", path, pattern)
			}
			return nil, err
		}
		if !filepath.IsAbs(name) {
			path = filepath.Join(globEscape(dir), name)
		}
		found, err := filepath.Glob(path)
		if err != nil {
			return nil, fmt.Errorf("the pattern %q cannot be read (%w); mend it", pattern, err)
		}
		files = append(files, found...) // in order of their names
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no file matches %s; mend the pattern", within(dir, pattern))
	}
	return unique(files), nil
}

// unique drops all but the first of equal files.
func unique(files []string) []string {
	seen := make(map[string]bool, len(files))
	return slices.DeleteFunc(files, func(file string) bool {
		before := seen[file]
		seen[file] = true
		return before
	})
}

// testNames are the usual names of a part for evaluation, in the order in which
// they are looked for.
var testNames = []string{"val", "valid", "validation", "test"}

// folderParts finds the files of both parts in a folder: those that the
// patterns Train and Test name; without a pattern, NAME.ext, NAME-*.ext and
// NAME_*.ext for the name train, and for the first of tests that has any;
// without those, for training, all that have the extension. None found is no
// error.
func folderParts(dir string, d recipe.Data, ext string, tests []string) (train, test []string, err error) {
	if test, err = partFiles(dir, d.Test, ext, tests); err != nil {
		return nil, nil, err
	}
	if train, err = partFiles(dir, d.Train, ext, []string{"train"}); err != nil {
		return nil, nil, err
	}
	if d.Train != "" {
		return train, test, overlap(train, test)
	}
	if train == nil {
		if train, err = filepath.Glob(filepath.Join(globEscape(dir), "*"+ext)); err != nil {
			return nil, nil, err
		}
	}
	train = slices.DeleteFunc(train, func(path string) bool {
		return slices.Contains(test, path) || strings.HasPrefix(filepath.Base(path), ".")
	})
	return train, test, nil
}

// overlap refuses files that are in both parts: the evaluation would be on
// training images.
func overlap(train, test []string) error {
	for _, path := range test {
		if slices.Contains(train, path) {
			return fmt.Errorf("%s is named both for training and for evaluation; mend data.train or data.test", path)
		}
	}
	return nil
}

func partFiles(dir, pattern, ext string, names []string) ([]string, error) {
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
			return found, nil
		}
	}
	return nil, nil
}

// globEscape keeps a folder's own wildcards from being taken for ones.
func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
