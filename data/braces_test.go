package data

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestExpandBraces(t *testing.T) {
	// As bash 5.2 writes them out, but for those with an error.
	for pattern, want := range map[string]string{
		"plain.tar":                 "plain.tar",
		"t-{000..003}.tar":          "t-000.tar t-001.tar t-002.tar t-003.tar",
		"{0..3}":                    "0 1 2 3",
		"{9..11}":                   "9 10 11",
		"{08..12}":                  "08 09 10 11 12",
		"{098..101}":                "098 099 100 101",
		"{98..0101}":                "0098 0099 0100 0101",
		"{0..03}":                   "00 01 02 03",
		"{007..007}":                "007",
		"a{b,c}d{1..2}e":            "abd1e abd2e acd1e acd2e",
		"{a,,b}":                    "a  b",
		"{../a,b}":                  "../a b",
		"{x..y,z}":                  "x..y z",
		"a}b":                       "a}b",
		"{a":                        "error: has a { without its own }",
		"{a,{b,c}}":                 "error: has a { without its own }",
		"{3..1}":                    "error: \"{3..1}\" is no range such as {000..127}",
		"{a..c}":                    "error: \"{a..c}\" is no range such as {000..127}",
		"{-1..2}":                   "error: \"{-1..2}\" is no range",
		"{0..9999999}":              "error: \"{0..9999999}\" stands for more than 1048576 files",
		"{0..1023}{0..1024}":        "error: stands for too many files; shorten it",
		"{0..99999999999999999999}": "error: is no range",
	} {
		got, err := expandBraces(pattern)
		if problem, bad := strings.CutPrefix(want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), pattern) {
				t.Errorf("%s: %q, %v; want %s", pattern, got, err, problem)
			}
		} else if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; want %s", pattern, got, err, want)
		}
	}
	if got, err := expandBraces("{000..127}"); err != nil || len(got) != 128 || got[127] != "127" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMatchFiles(t *testing.T) {
	dir := write(t, filepath.Join(t.TempDir(), "odd [name]*"), map[string][]byte{"a-00.tar": nil, "a-01.tar": nil, "b-00.tar": nil, "{x}.tar": nil, "in/c.tar": nil})
	for pattern, want := range map[string]string{
		"a-{00..01}.tar":               "a-00.tar a-01.tar",
		"a-{01..01}.tar":               "a-01.tar",
		"{b,a}-00.tar":                 "b-00.tar a-00.tar",
		"?-0?.tar":                     "a-00.tar a-01.tar b-00.tar",
		"{a-*,*-00}.tar":               "a-00.tar a-01.tar b-00.tar", // each once
		"{x}.tar":                      "{x}.tar",                    // a name with braces
		"*/c.tar":                      "in/c.tar",
		filepath.Join(dir, "b-00.tar"): "b-00.tar",
		"a-{00..02}.tar":               "error: a-02.tar is not there, but \"a-{00..02}.tar\" names it; fetch it, or mend the name",
		"z*.tar":                       "error: no file matches ",
		"[.tar":                        "error: cannot be read",
	} {
		got, err := matchFiles(dir, pattern)
		for i := range got {
			got[i], _ = filepath.Rel(dir, got[i])
		}
		if problem, bad := strings.CutPrefix(want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), problem) {
				t.Errorf("%s: %q, %v; want %s", pattern, got, err, problem)
			}
		} else if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; want %s", pattern, got, err, want)
		}
	}
}
