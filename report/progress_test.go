package report

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// screen is a fake terminal: it interprets what Progress writes.
type screen struct {
	lines  []string // the last one holds the cursor
	writes int
	now    time.Time
	width  int
}

func (s *screen) Write(b []byte) (int, error) {
	s.writes++
	if len(s.lines) == 0 {
		s.lines = []string{""}
	}
	text := string(b)
	for text != "" {
		last := &s.lines[len(s.lines)-1]
		switch {
		case strings.HasPrefix(text, "\r\x1b[K"):
			*last, text = "", text[4:]
		case text[0] == '\x1b':
			_, text, _ = strings.Cut(text, "m")
		case text[0] == '\n':
			s.lines, text = append(s.lines, ""), text[1:]
		default:
			_, size := utf8.DecodeRuneInString(text)
			*last, text = *last+text[:size], text[size:]
		}
	}
	return len(b), nil
}

func (s *screen) text() string { return strings.Join(s.lines, "\n") }

func newScreen(width int) (*screen, Output) {
	s := &screen{now: time.Unix(1000, 0), width: width}
	out := Output{Writer: s, Now: func() time.Time { return s.now }}
	if width > 0 {
		out.Width = func() int { return s.width }
	}
	return s, out
}

// at is a run of 10 epochs × 100 steps of 32 images.
func at(epoch, step int) State {
	done := int64(epoch-1)*100 + int64(step)
	return State{
		Epoch: epoch, Epochs: 10, Step: step, Steps: 100, Images: 32 * done,
		DataWait:     time.Duration(done) * 10 * time.Millisecond,
		LearningRate: 0.05, Losses: []Loss{{"total", 2.34567}, {"neighbour", 0.0123456}},
	}
}

func TestBar(t *testing.T) {
	s, out := newScreen(200)
	p := NewProgress(out, time.Minute)
	p.Update(at(1, 0))
	s.now = s.now.Add(5 * time.Second)
	p.Update(at(1, 50)) // 10 steps a second, 10 ms of each spent waiting
	want := "epoch 1/10  [==============>               ]  50/100  320 img/s  total 2.346  neighbour 0.01235  lr 0.05  data 10%  epoch 0:05  run 1:35"
	if got := s.text(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	p.Finish()
	if got := s.text(); got != want+"\n" {
		t.Errorf("after Finish: %q", got)
	}
	p.Update(at(1, 60))
	p.Println("done")
	if got := s.text(); got != want+"\ndone\n" {
		t.Errorf("after the end: %q", got)
	}
}

func TestBarRedrawsAtMostFiveTimesASecond(t *testing.T) {
	s, out := newScreen(100)
	p := NewProgress(out, time.Minute)
	for i := range 1000 { // 10 s at 100 updates/s
		p.Update(at(1+i/100, i%100))
		s.now = s.now.Add(10 * time.Millisecond)
	}
	if s.writes > 51 || s.writes < 45 {
		t.Errorf("%d redraws in 10 s", s.writes)
	}
	p.Update(at(10, 100))
	p.Finish()
	if got := s.text(); !strings.Contains(got, "epoch 10/10") || !strings.Contains(got, "100/100") {
		t.Errorf("the last state is not shown: %q", got)
	}
}

func TestBarFitsEveryWidth(t *testing.T) {
	s, out := newScreen(1)
	p := NewProgress(out, time.Minute)
	p.Update(at(3, 0))
	full := 0
	for width := range 300 {
		s.width = width
		s.now = s.now.Add(time.Second)
		state := at(3, width/3)
		state.Losses[0].Name = "Größe"
		p.Update(state)
		got := s.text()
		if n := utf8.RuneCountInString(got); n > max(0, width-1) {
			t.Fatalf("%d columns hold %d characters: %q", width, n, got)
		}
		if width > 40 && !(strings.HasPrefix(got, "epoch 3/10") && strings.Contains(got, "run ")) {
			t.Errorf("%d columns: %q lacks what matters most", width, got)
		}
		if strings.Contains(got, "data ") {
			full++
		}
	}
	if full < 150 {
		t.Errorf("only %d of 300 widths show everything", full)
	}
}

func TestPrintlnGoesAboveTheBar(t *testing.T) {
	s, out := newScreen(30)
	p := NewProgress(out, time.Minute)
	p.Println("before")
	p.Update(at(1, 0))
	bar := s.lines[len(s.lines)-1]
	p.Println("saved", 7)
	p.Println("again")
	if got, want := s.text(), "before\nsaved 7\nagain\n"+bar; got != want || bar == "" {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColour(t *testing.T) {
	for _, colour := range []bool{false, true} {
		var b strings.Builder
		p := NewProgress(Output{Writer: &b, Width: func() int { return 80 }, Color: colour}, time.Minute)
		p.Update(at(1, 50))
		if got := strings.Contains(b.String(), "\x1b[32m"); got != colour {
			t.Errorf("colour %v: %q", colour, b.String())
		}
	}
}

func TestPlainLines(t *testing.T) {
	s, out := newScreen(0)
	p := NewProgress(out, 10*time.Second)
	for i := 0; i <= 100; i++ {
		p.Update(at(1, i))
		s.now = s.now.Add(250 * time.Millisecond)
	}
	p.Println("saved")
	p.Update(at(2, 1))
	p.Finish()
	p.Finish()
	want := `epoch 1/10  step 40/100  total 2.346  neighbour 0.01235  lr 0.05  128 images/s  data wait 4%  epoch left 0:15  run left 4:00
epoch 1/10  step 80/100  total 2.346  neighbour 0.01235  lr 0.05  128 images/s  data wait 4%  epoch left 0:05  run left 3:50
epoch 1/10  step 100/100  total 2.346  neighbour 0.01235  lr 0.05  128 images/s  data wait 4%  epoch left 0:00  run left 3:45
saved
epoch 2/10  step 1/100  total 2.346  neighbour 0.01235  lr 0.05  128 images/s  data wait 4%  epoch left 0:25  run left 3:45
`
	if got := s.text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Evaluation has a speed of its own; the time it takes counts for the run.
func TestPhases(t *testing.T) {
	s, out := newScreen(200)
	p := NewProgress(out, time.Minute)
	p.Update(at(1, 0))
	s.now = s.now.Add(10 * time.Second)
	p.Update(at(1, 100))
	evaluating := State{Phase: "evaluate", Epoch: 1, Epochs: 10, Step: 0, Steps: 20, Images: 3200}
	p.Update(evaluating)
	s.now = s.now.Add(5 * time.Second)
	evaluating.Step, evaluating.Images = 10, 4200
	p.Update(evaluating)
	got := s.text()
	if !strings.HasPrefix(got, "evaluate, epoch 1/10  [") || !strings.Contains(got, "10/20  200 img/s") || !strings.HasSuffix(got, "epoch 0:05") || strings.Contains(got, "run") || strings.Contains(got, "lr") {
		t.Errorf("evaluating: %q", got)
	}
	s.now = s.now.Add(5 * time.Second)
	state := at(2, 0)
	state.Images += 2000
	p.Update(state)
	s.now = s.now.Add(10 * time.Second)
	state = at(2, 100)
	state.Images += 2000
	p.Update(state)
	// 200 steps in 30 s: 800 more take 120 s. Images: 3200 in the last 10 s.
	if got := s.text(); !strings.HasSuffix(got, "run 2:00") || !strings.Contains(got, "320 img/s") {
		t.Errorf("training again: %q", got)
	}
}

// A resumed run's speed does not count the steps of the process before.
func TestResumedRun(t *testing.T) {
	s, out := newScreen(200)
	p := NewProgress(out, time.Minute)
	first := at(5, 50)
	p.Update(first)
	if got := s.text(); strings.Contains(got, "run ") || strings.Contains(got, "img/s") {
		t.Errorf("a speed from a single moment: %q", got)
	}
	s.now = s.now.Add(5 * time.Second)
	p.Update(at(5, 100))
	if got := s.text(); !strings.HasSuffix(got, "epoch 0:00  run 0:50") {
		t.Errorf("got %q", got)
	}
}

func TestSpeedFollowsChange(t *testing.T) {
	var m meter
	now := time.Unix(0, 0)
	var got speeds
	state := State{Epoch: 1, Epochs: 1, Steps: 1_000_000}
	for i := range 20_000 { // 100 s at 100 steps/s, then 100 s at 50
		state.Step += 2 - i/10_000
		got = m.add(state, now)
		now = now.Add(10 * time.Millisecond)
		if limit := int(speedWindow/sampleEvery) + 3; len(m.samples) > limit {
			t.Fatalf("%d samples are kept", len(m.samples))
		}
	}
	if math.Abs(got.steps-100) > 1 {
		t.Errorf("speed %v after 100 s at 100 steps/s", got.steps)
	}
	if math.Abs(got.runSteps-150) > 1 {
		t.Errorf("mean speed %v, want 150", got.runSteps)
	}
}

func TestOddStatesDoNoHarm(t *testing.T) {
	for _, width := range []int{0, 80} {
		_, out := newScreen(width)
		p := NewProgress(out, 0)
		p.Finish()
		p = NewProgress(out, 0)
		for _, s := range []State{{}, {Step: 5}, {Step: 9, Steps: 5}, {Step: -1, Steps: 5, Epoch: -1},
			{Losses: []Loss{{"x", math.NaN()}, {"y", math.Inf(1)}, {"", 0}}, LearningRate: math.NaN()}} {
			p.Update(s)
			p.Println()
		}
		p.Finish()
	}
}

func TestClock(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0:00", 0.2: "0:01", 59: "0:59", 61: "1:01", 3599.5: "1:00:00", 3723: "1:02:03",
		100 * 3600: "4d4h", 1e300: ">9999d", math.Inf(1): ">9999d",
	} {
		if got := clock(seconds); got != want {
			t.Errorf("clock(%v) = %q, want %q", seconds, got, want)
		}
	}
}

func TestSignificant(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1.000", 12.3456: "12.35", 12345.6: "12346", -0.00123456: "-0.001235", 1e-7: "1e-07", 1.5e12: "1.5e+12", math.Inf(1): "+Inf",
	} {
		if got := significant(v, 4); got != want {
			t.Errorf("significant(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestStderrIsPlainWithoutTerminal(t *testing.T) {
	t.Setenv("TERM", "dumb") // whatever the test's stderr is
	if out := Stderr(); out.Width != nil || out.Color {
		t.Errorf("TERM=dumb gives %+v", out)
	}
}
