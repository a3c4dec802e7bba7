package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// redrawEvery keeps a bar calm and a slow connection usable.
const redrawEvery = 200 * time.Millisecond

// State is what a run looks like at a moment. Counters only grow.
type State struct {
	// Phase is empty while training; otherwise it names what is done instead,
	// such as "evaluate", and Step and Steps count that work.
	Phase string
	// Epoch counts from 1 to Epochs.
	Epoch, Epochs int
	// Step is the number of finished steps of this epoch or phase, of Steps.
	Step, Steps int
	// Images is the number of images seen since the process started.
	Images int64
	// DataWait is the time spent waiting for batches since the process started.
	DataWait time.Duration
	// LearningRate of the last step.
	LearningRate float64
	// Losses in the order in which they are shown.
	Losses []Loss
}

// Loss is a named value.
type Loss struct {
	Name  string
	Value float64
}

// position counts steps from the first epoch's start.
func (s State) position() int64 { return int64(s.Epoch-1)*int64(s.Steps) + int64(s.Step) }

// Progress shows how far a run is: a bar on a terminal, elsewhere a plain
// line per interval and at the end of each epoch. It may be used from several
// goroutines. Failures to write are ignored: a closed terminal is no reason to
// end a run.
type Progress struct {
	out      Output
	interval time.Duration

	mu       sync.Mutex
	meter    meter
	state    State
	speeds   speeds
	shown    time.Time // when the last bar or line was written
	pending  bool      // state is newer than what was shown
	barShown bool      // the terminal's last line is a bar
	finished bool
}

// NewProgress starts a display. The interval between plain lines is used where
// out is no terminal.
func NewProgress(out Output, interval time.Duration) *Progress {
	if out.Now == nil {
		out.Now = time.Now
	}
	return &Progress{out: out, interval: interval, shown: out.Now()}
}

// Update tells the newest state. It is cheap enough to call at every step.
// Call it with the starting state (Step 0, or the step resumed from), too:
// speeds are counted from the first call on.
func (p *Progress) Update(s State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		return
	}
	s.Losses = append([]Loss(nil), s.Losses...) // the caller may reuse its slice
	now := p.out.Now()
	p.state, p.speeds, p.pending = s, p.meter.add(s, now), true

	if p.out.Width != nil {
		if !p.barShown || now.Sub(p.shown) >= redrawEvery {
			p.write(p.bar())
			p.barShown = true
		}
		return
	}
	if now.Sub(p.shown) >= p.interval || s.Steps > 0 && s.Step == s.Steps {
		p.write(p.line() + "\n")
	}
}

// Println prints a line as fmt.Println does, above the bar if there is one.
func (p *Progress) Println(values ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	message := fmt.Sprintln(values...)
	if p.barShown {
		message = eraseLine + message
		p.write(message + p.bar())
		return
	}
	fmt.Fprint(p.out.Writer, message)
}

// Finish shows the last state and leaves the cursor on a fresh line. Further
// updates are ignored; Println still works.
func (p *Progress) Finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.finished:
	case p.barShown:
		p.write(p.bar() + "\n")
	case p.pending:
		p.write(p.line() + "\n")
	}
	p.finished, p.barShown = true, false
}

const eraseLine = "\r\x1b[K"

func (p *Progress) write(text string) {
	fmt.Fprint(p.out.Writer, text)
	p.shown, p.pending = p.out.Now(), false
}

// fields are the display's parts as text; empty ones are unknown.
type fields struct {
	epoch, step, images, losses, rate, wait, epochETA, runETA string
}

func (p *Progress) fields() fields {
	s, v := p.state, p.speeds
	f := fields{
		epoch: fmt.Sprintf("epoch %d/%d", s.Epoch, s.Epochs),
		step:  fmt.Sprintf("%d/%d", s.Step, s.Steps),
	}
	if v.images > unknownSpeed {
		f.images = significant(v.images, 3)
	}
	var losses []string
	for _, l := range s.Losses {
		losses = append(losses, l.Name+" "+significant(l.Value, 4))
	}
	f.losses = strings.Join(losses, "  ")
	if !math.IsNaN(v.dataWait) {
		f.wait = fmt.Sprintf("%.0f%%", 100*v.dataWait)
	}
	f.epochETA = remaining(int64(s.Steps-s.Step), v.steps)
	if s.Phase == "" {
		f.rate = strconv.FormatFloat(s.LearningRate, 'g', 4, 64)
		f.runETA = remaining(int64(s.Epochs)*int64(s.Steps)-s.position(), v.runSteps)
	} else {
		f.epoch = s.Phase + ", " + f.epoch
	}
	return f
}

// line is the state as plain text.
func (p *Progress) line() string {
	f := p.fields()
	parts := []string{f.epoch, "step " + f.step}
	for _, part := range []struct{ before, text, after string }{
		{"", f.losses, ""},
		{"lr ", f.rate, ""},
		{"", f.images, " images/s"},
		{"data wait ", f.wait, ""},
		{"epoch left ", f.epochETA, ""},
		{"run left ", f.runETA, ""},
	} {
		if part.text != "" {
			parts = append(parts, part.before+part.text+part.after)
		}
	}
	return strings.Join(parts, "  ")
}

// bar is the state as one coloured terminal line, without a newline.
func (p *Progress) bar() string {
	const narrowest, widest, gauge = 12, 32, 3 // columns, columns, rank
	f := p.fields()
	// In the order shown; what ranks highest goes first where columns are few.
	type part struct {
		text string
		rank int
	}
	parts := []part{{f.epoch, 0}, {strings.Repeat(" ", narrowest), gauge}, {f.step, 1}}
	for _, o := range []struct {
		before, text, after string
		rank                int
	}{
		{"", f.images, " img/s", 4},
		{"", f.losses, "", 5},
		{"lr ", f.rate, "", 7},
		{"data ", f.wait, "", 8},
		{"epoch ", f.epochETA, "", 6},
		{"run ", f.runETA, "", 2},
	} {
		if o.text != "" {
			parts = append(parts, part{o.before + o.text + o.after, o.rank})
		}
	}
	// The last column stays free: some terminals wrap when it is filled.
	columns := p.out.Width() - 1
	length := func() int {
		n := 2 * (len(parts) - 1)
		for _, x := range parts {
			n += utf8.RuneCountInString(x.text)
		}
		return n
	}
	for length() > columns && len(parts) > 1 {
		least := 0
		for i, x := range parts {
			if x.rank > parts[least].rank {
				least = i
			}
		}
		parts = append(parts[:least], parts[least+1:]...)
	}
	width := min(widest, narrowest+columns-length())
	texts := make([]string, len(parts))
	for i, x := range parts {
		texts[i] = x.text
		if x.rank == gauge {
			texts[i] = p.gauge(width)
		}
	}
	text := strings.Join(texts, "  ")
	if len(parts) == 1 {
		text = cut(text, columns)
	}
	return eraseLine + text
}

// gauge draws the bar itself, width columns with its brackets.
func (p *Progress) gauge(width int) string {
	cells := width - 2
	done := 0
	if p.state.Steps > 0 {
		done = min(max(cells*p.state.Step/p.state.Steps, 0), cells)
	}
	filled := strings.Repeat("=", done)
	if done > 0 && done < cells {
		filled = filled[1:] + ">"
	}
	rest := strings.Repeat(" ", cells-done)
	if p.out.Color {
		filled = "\x1b[32m" + filled + "\x1b[0m"
	}
	return "[" + filled + rest + "]"
}

// cut keeps the first columns characters of s.
func cut(s string, columns int) string {
	for i := range s {
		if columns <= 0 {
			return s[:i]
		}
		columns--
	}
	return s
}

// significant writes v with the given number of significant digits, without
// an exponent where it is readable that way.
func significant(v float64, digits int) string {
	if v == 0 || !isFinite(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	exponent := int(math.Floor(math.Log10(math.Abs(v))))
	if exponent < -4 || exponent > 9 {
		return strconv.FormatFloat(v, 'g', digits, 64)
	}
	return strconv.FormatFloat(v, 'f', max(0, digits-1-exponent), 64)
}
