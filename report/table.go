package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is text in columns, for results on stdout. Columns whose cells are all
// numbers are aligned on the right, the others on the left.
type Table struct {
	rows [][]string
}

// NewTable starts a table with its headings.
func NewTable(headings ...string) *Table {
	return &Table{rows: [][]string{headings}}
}

// Row adds a row. Cells are written as fmt.Sprint does.
func (t *Table) Row(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = fmt.Sprint(c)
	}
	t.rows = append(t.rows, row)
}

// WriteTo writes the table, a line per row, without trailing spaces.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	var widths []int
	var numbers []bool
	for r, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths, numbers = append(widths, 0), append(numbers, true)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			if r > 0 && !isNumber(cell) {
				numbers[i] = false
			}
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if numbers[i] {
				line.WriteString(space + cell)
			} else {
				line.WriteString(cell + space)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// isNumber reports whether a cell is a number, maybe with a unit such as "93.1 %".
func isNumber(cell string) bool {
	number, _, _ := strings.Cut(strings.TrimSuffix(cell, "%"), " ")
	_, err := strconv.ParseFloat(number, 64)
	return cell == "" || cell == "-" || err == nil
}
