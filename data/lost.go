package data

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Lost is a picture that could not be decoded.
type Lost struct {
	Index int `json:"index"`
	// Reason is one sentence that names the picture.
	Reason string `json:"reason"`
}

// maxLostShare is the share of a collection whose loss is taken for a fault of
// the collection, not of single pictures.
const maxLostShare = 0.01

// lost collects the pictures that could not be decoded.
type lost struct {
	mutex   sync.Mutex
	images  int
	reasons map[int]string
}

func (l *lost) init(s Source) {
	l.images, l.reasons = s.Len(), map[int]string{}
}

// add notes a picture, and returns an error once there are too many.
func (l *lost) add(index int, reason error) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.reasons[index] = reason.Error()
	if n := len(l.reasons); float64(n) > maxLostShare*float64(l.images) {
		return &TooManyLost{Images: l.images, Lost: l.sorted()}
	}
	return nil
}

// recall takes up what an earlier part of a run met.
func (l *lost) recall(met []Lost) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, m := range met {
		if m.Index >= 0 && m.Index < l.images {
			l.reasons[m.Index] = m.Reason
		}
	}
}

func (l *lost) list() []Lost {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.sorted()
}

func (l *lost) sorted() []Lost {
	all := make([]Lost, 0, len(l.reasons))
	for index, reason := range l.reasons {
		all = append(all, Lost{index, reason})
	}
	slices.SortFunc(all, func(a, b Lost) int { return a.Index - b.Index })
	return all
}

// TooManyLost says that more than 1 % of a collection cannot be decoded.
type TooManyLost struct {
	Images int
	Lost   []Lost // those met so far
}

func (e *TooManyLost) Error() string {
	const shown = 10
	var text strings.Builder
	fmt.Fprintf(&text, "%d of %d pictures cannot be decoded, more than 1 %%: mend or remove them (cone data info --all lists every one); met so far:",
		len(e.Lost), e.Images)
	for i, l := range e.Lost {
		if i == shown {
			fmt.Fprintf(&text, "\n  and %d more", len(e.Lost)-shown)
			break
		}
		text.WriteString("\n  " + l.Reason)
	}
	return text.String()
}
