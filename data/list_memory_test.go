package data

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A long list takes little more than its names, even while it is read.
func TestListMemory(t *testing.T) {
	const n = 50_000
	var text strings.Builder
	names := 0
	for i := range n {
		name := fmt.Sprintf("train/class-%03d/photograph-%07d.jpg", i%1000, i)
		names += len(name)
		fmt.Fprintf(&text, "%s %d\n", name, i%1000)
	}
	content := text.String()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l, err := readList("list", strings.NewReader(content))
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	// Lines become strings for a moment. Growing would take seven times as much
	// as the names.
	if taken := int(after.TotalAlloc - before.TotalAlloc); taken > 4*names {
		t.Errorf("reading took %d bytes for %d names of %d, want at most four times as many", taken, n, names)
	}
	if got := cap(l.files.bytes); got > names*5/4 {
		t.Errorf("%d bytes are kept for names of %d", got, names)
	}
	if got := l.files.get(n - 1); got != "train/class-999/photograph-0049999.jpg" {
		t.Errorf("the last name is %q", got)
	}
}

// Comments and blank lines leave no memory behind.
func TestListOfComments(t *testing.T) {
	l, err := readList("list", strings.NewReader("a.jpg 0\nb.jpg 1\n"+strings.Repeat("\n# nothing here\n", 10_000)))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.numbers) != 2 || cap(l.numbers) > 8 || cap(l.files.bytes) > 64 || cap(l.files.ends) > 8 {
		t.Errorf("%d entries have room for %d labels, %d bytes of names and %d ends",
			len(l.numbers), cap(l.numbers), cap(l.files.bytes), cap(l.files.ends))
	}
}
