package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxListLine bounds a line of a list file.
const maxListLine = 64 << 10

// listFile is a list as it was read: labels are numbers, or names.
type listFile struct {
	path    string
	files   names
	numbers []int32
	names   []string       // label names in order of appearance, if they are not numbers
	known   map[string]int // their places
	first   int            // line of the first entry
}

// readList reads lines of "path label"; the path may have spaces, the label
// not. Blank lines and those that begin with # are left out. Errors name the
// file and line.
func readList(path string, content io.Reader) (*listFile, error) {
	l := &listFile{path: path}
	if file, ok := content.(io.ReadSeeker); ok {
		if err := l.reserve(file); err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", path, err)
		}
	}
	lines := bufio.NewReaderSize(content, maxListLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return nil, fmt.Errorf("%s:%d has more than %d bytes; write one path and label a line", path, number, maxListLine)
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s cannot be read: %w", path, err)
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // some editors' byte order mark
		}
		if problem := l.add(number, bytes.TrimSpace(line)); problem != nil {
			return nil, fmt.Errorf("%s:%d %w", path, number, problem)
		}
		if err == io.EOF {
			break
		}
	}
	if l.files.len() == 0 {
		return nil, fmt.Errorf("%s lists no pictures; write lines of \"path label\"", path)
	}
	l.files.clip()
	l.numbers = clipped(l.numbers)
	return l, nil
}

// reserve makes room for all entries of the list at once: lists of millions
// would take twice their memory while they grow.
func (l *listFile) reserve(list io.ReadSeeker) error {
	size, lines := 0, 1
	block := make([]byte, 64<<10)
	for {
		n, err := list.Read(block)
		size += n
		lines += bytes.Count(block[:n], []byte{'\n'})
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	// An entry has a path, a space, a label and the line's end.
	const shortest = 4
	lines = min(lines, size/shortest+1)
	l.files.grow(lines, size-lines*(shortest-1))
	l.numbers = make([]int32, 0, lines)
	_, err := list.Seek(0, io.SeekStart)
	return err
}

func (l *listFile) add(number int, line []byte) error {
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	at := bytes.LastIndexAny(line, " \t")
	if at < 0 {
		return fmt.Errorf("has %.60q, but no label; write \"path label\"", line)
	}
	file, label := bytes.TrimSpace(line[:at]), line[at+1:]
	if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
		return errors.New("is no UTF-8 text; is this a list file?")
	}
	if l.first == 0 {
		l.first = number
		if _, err := strconv.Atoi(string(label)); err != nil {
			l.known = map[string]int{}
		}
	}
	value := 0
	if l.known != nil {
		var ok bool
		if value, ok = l.known[string(label)]; !ok {
			value = len(l.names)
			if value == maxClasses {
				return fmt.Errorf("has class number %d; is the last word of each line a label?", value)
			}
			l.names = append(l.names, string(label))
			l.known[string(label)] = value
		}
	} else {
		var err error
		if value, err = strconv.Atoi(string(label)); err != nil || value < 0 || value >= maxClasses {
			return fmt.Errorf("has the label %.40q; it must be a number from 0, as in line %d", label, l.first)
		}
	}
	l.files.add(string(file))
	l.numbers = append(l.numbers, int32(value))
	return nil
}

func readListFile(path string) (*listFile, error) {
	file, _, err := openRegular(path, "put the list file in its place")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readList(path, file)
}

// openLists opens the list files of a collection: Train and Test in the
// folder dir, or train.txt and val.txt (valid, validation, test); or the one
// file that dir is. Pictures lie relative to the folder. Class names are those
// in the lists, else the lines of classes.txt in the folder, else numbers.
// Without a test list the test part is nil.
func openLists(dir, trainName, testName string) (train, test Source, err error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, nil, err
	} else if !info.IsDir() {
		dir, trainName = filepath.Split(dir)
		dir = filepath.Clean(dir)
	}
	if trainName == "" {
		trainName = "train.txt"
	}
	if testName == "" && trainName == "train.txt" {
		for _, name := range testNames {
			if _, err := os.Stat(filepath.Join(dir, name+".txt")); err == nil {
				testName = name + ".txt"
				break
			}
		}
	}
	first, err := readListFile(within(dir, trainName))
	if err != nil {
		return nil, nil, err
	}
	lists := []*listFile{first}
	if testName != "" {
		second, err := readListFile(within(dir, testName))
		if err != nil {
			return nil, nil, err
		}
		lists = append(lists, second)
	}
	classes, err := listClasses(dir, lists)
	if err != nil {
		return nil, nil, err
	}
	var parts []Source
	for _, l := range lists {
		s, err := l.source(dir, classes)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, s)
	}
	if len(parts) == 2 {
		test = parts[1]
	}
	return parts[0], test, nil
}

func within(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// listClasses are the class names of all lists, sorted where the lists name
// them.
func listClasses(dir string, lists []*listFile) ([]string, error) {
	named, err := readClassNames(filepath.Join(dir, "classes.txt"), maxClasses)
	if err != nil {
		return nil, err
	}
	for _, l := range lists[1:] {
		if (l.known == nil) != (lists[0].known == nil) {
			return nil, fmt.Errorf("%s and %s label differently, one by numbers and one by names; use one way in both", lists[0].path, l.path)
		}
	}
	switch {
	case named != nil:
		return named, nil
	case lists[0].known != nil:
		all := slices.Clone(lists[0].names)
		slices.Sort(all)
		return all, nil
	}
	return numberNames(int(slices.Max(lists[0].numbers)) + 1), nil
}

// source is the list's collection, its labels being places in classes.
func (l *listFile) source(dir string, classes []string) (*fileSource, error) {
	places := map[string]int{}
	for i, name := range classes {
		places[name] = i
	}
	if l.known != nil {
		table := make([]int32, len(l.names))
		for i, name := range l.names {
			place, ok := places[name]
			if !ok {
				return nil, fmt.Errorf("%s has the class %q, which is none of the %d known ones (%s)",
					l.path, name, len(classes), strings.Join(classes[:min(5, len(classes))], ", "))
			}
			table[i] = int32(place)
		}
		for i, n := range l.numbers {
			l.numbers[i] = table[n]
		}
	} else if highest := int(slices.Max(l.numbers)); highest >= len(classes) {
		return nil, fmt.Errorf("%s has the label %d, but there are %d classes, numbered from 0", l.path, highest, len(classes))
	}
	return &fileSource{root: dir, classes: classes, files: l.files, labels: l.numbers}, nil
}
