package report

import (
	"fmt"
	"math"
	"time"
)

// The speed shown is that of the last speedWindow: long enough to be steady,
// short enough to show a change.
const (
	speedWindow  = 20 * time.Second
	sampleEvery  = 100 * time.Millisecond
	unknownSpeed = 0
)

// sample is what the counters showed at a moment.
type sample struct {
	at       time.Time
	position int64 // steps since the run's first epoch began
	images   int64
	dataWait time.Duration
}

// meter turns counters into speeds.
type meter struct {
	phase   string
	samples []sample // at most speedWindow old, except the first
	run     *sample  // the first sample of training, pauses in between included
}

// speeds are per second; 0 while unknown.
type speeds struct {
	steps, images float64
	dataWait      float64 // share of the time, NaN while unknown
	runSteps      float64 // training steps, averaged over this process's life
}

func (m *meter) add(s State, now time.Time) speeds {
	current := sample{now, s.position(), s.Images, s.DataWait}
	last := len(m.samples) - 1
	if last >= 0 && (s.Phase != m.phase || current.position < m.samples[last].position || current.images < m.samples[last].images) {
		m.samples = m.samples[:0] // other work: its speed is no guide
		last = -1
	}
	m.phase = s.Phase
	if last < 0 || now.Sub(m.samples[last].at) >= sampleEvery {
		m.samples = append(m.samples, current)
	}
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= speedWindow {
		m.samples = m.samples[1:]
	}

	result := speeds{dataWait: math.NaN()}
	first := m.samples[0]
	if seconds := now.Sub(first.at).Seconds(); seconds > 0 {
		result.steps = float64(current.position-first.position) / seconds
		result.images = float64(current.images-first.images) / seconds
		result.dataWait = min(1, (current.dataWait-first.dataWait).Seconds()/seconds)
	}
	if s.Phase == "" {
		if m.run == nil {
			m.run = &current
		}
		if seconds := now.Sub(m.run.at).Seconds(); seconds > 0 {
			result.runSteps = float64(current.position-m.run.position) / seconds
		}
	}
	return result
}

// remaining is the time that the given steps will take, as "1:02:03"; empty
// while unknown.
func remaining(steps int64, perSecond float64) string {
	if perSecond <= unknownSpeed || steps < 0 {
		return ""
	}
	return clock(float64(steps) / perSecond)
}

// clock writes seconds as m:ss, h:mm:ss or, from 100 hours on, days and hours.
func clock(seconds float64) string {
	const day = 24 * 60 * 60
	if seconds >= 10_000*day {
		return ">9999d"
	}
	s := int64(math.Ceil(seconds))
	switch {
	case s < 60*60:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	case s < 100*60*60:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%dd%dh", s/day, s%day/3600)
}
