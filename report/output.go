package report

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Output is where progress is written.
type Output struct {
	Writer io.Writer
	// Width returns the terminal's columns. Nil means that Writer is no
	// terminal: no bar, no control characters.
	Width func() int
	// Color allows colours on a terminal.
	Color bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Stderr is the output for people who watch: a terminal when stderr is one
// and TERM is not "dumb"; coloured unless NO_COLOR is set (https://no-color.org).
func Stderr() Output {
	out := Output{Writer: os.Stderr}
	fd := int(os.Stderr.Fd())
	if !term.IsTerminal(fd) || os.Getenv("TERM") == "dumb" {
		return out
	}
	out.Color = os.Getenv("NO_COLOR") == ""
	out.Width = func() int {
		width, _, err := term.GetSize(fd)
		if err != nil || width <= 0 {
			return 80
		}
		return width
	}
	return out
}
