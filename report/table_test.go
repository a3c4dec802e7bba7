package report

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	table := NewTable("class", "n", "top-1", "note")
	table.Row("Größe", 1000, "93.10 %", "")
	table.Row("x", 7, "-", "a b")
	table.Row("short")
	var b strings.Builder
	n, err := table.WriteTo(&b)
	want := `class     n    top-1  note
Größe  1000  93.10 %
x         7        -  a b
short
`
	if got := b.String(); got != want || err != nil || n != int64(len(want)) {
		t.Errorf("got %d, %v:\n%s\nwant\n%s", n, err, got, want)
	}
}
