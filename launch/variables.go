package launch

import (
	"fmt"
	"strconv"
	"strings"
)

// variables is an environment by name.
type variables map[string]string

func parse(environ []string) variables {
	e := variables{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			e[name] = value
		}
	}
	return e
}

// has says whether any of the names is set.
func (e variables) has(names ...string) bool {
	for _, name := range names {
		if _, ok := e[name]; ok {
			return true
		}
	}
	return false
}

// maxProcesses is more than any job has, so that a mistyped number is noticed.
const maxProcesses = 1 << 20

// number reads a whole number from least on, that the launcher must have set.
func (e variables) number(name, launcher string, least int) (int, error) {
	text, ok := e[name]
	if !ok {
		return 0, fmt.Errorf("%s did not set %s, which must be a number from %d: start cone with the launcher itself, or unset its variables", launcher, name, least)
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < least || n > maxProcesses {
		return 0, fmt.Errorf("%s's %s is %q, which is no number from %d to %d: start cone with the launcher itself, or unset its variables", launcher, name, text, least, maxProcesses)
	}
	return n, nil
}

// optional is number, or otherwise where the name is not set.
func (e variables) optional(name, launcher string, least, otherwise int) (int, error) {
	if _, ok := e[name]; !ok {
		return otherwise, nil
	}
	return e.number(name, launcher, least)
}

// names are the variables that say which process this is; an empty name is one
// that the launcher does not have.
type names struct{ rank, size, localRank, localSize string }

// place reads rank, size, local rank and local size.
func (e variables) place(launcher string, n names) (w World, err error) {
	w.Launcher = launcher
	if w.Rank, err = e.number(n.rank, launcher, 0); err != nil {
		return w, err
	}
	if w.Size, err = e.number(n.size, launcher, 1); err != nil {
		return w, err
	}
	if w.LocalRank, err = e.optional(n.localRank, launcher, 0, 0); err != nil {
		return w, err
	}
	if w.LocalSize, err = e.optional(n.localSize, launcher, 1, 0); err != nil {
		return w, err
	}
	switch {
	case w.Rank >= w.Size:
		err = fmt.Errorf("%s's %s is %d, but its %s is %d: ranks count from 0 to %d", launcher, n.rank, w.Rank, n.size, w.Size, w.Size-1)
	case w.LocalSize > w.Size:
		err = fmt.Errorf("%s's %s is %d, but its %s is only %d: one of them is another job's, so unset both or start cone with the launcher", launcher, n.localSize, w.LocalSize, n.size, w.Size)
	case w.LocalSize > 0 && w.LocalRank >= w.LocalSize:
		err = fmt.Errorf("%s's %s is %d, but its %s is %d: local ranks count from 0 to %d", launcher, n.localRank, w.LocalRank, n.localSize, w.LocalSize, w.LocalSize-1)
	case w.LocalRank >= w.Size:
		err = fmt.Errorf("%s's %s is %d, but its %s is only %d: one of them is another job's, so unset both or start cone with the launcher", launcher, n.localRank, w.LocalRank, n.size, w.Size)
	}
	return w, err
}
