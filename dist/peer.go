package dist

import (
	"errors"
	"fmt"
	"time"

	"cone/tensor"
)

// PeerError says that this process cannot go on because of another one.
type PeerError struct {
	// Rank is the one that is to blame, −1 where nobody knows.
	Rank int
	// Host is the name of its host.
	Host string
	// Reason is what became of it, as "vanished".
	Reason string
}

func (e *PeerError) Error() string {
	if e.Rank < 0 {
		return "the processes lost each other: " + e.Reason
	}
	return fmt.Sprintf("rank %d (host %s) %s", e.Rank, e.Host, e.Reason)
}

// Run is tensor.Run, with Explain.
func (g *Group) Run(f func() error) error { return g.Explain(tensor.Run(f)) }

// Explain turns the failure of a collective into a *PeerError that names the
// rank; it leaves every other error alone. gloo notices a broken connection a
// moment before the monitor knows whose it was, so it may wait for that.
func (g *Group) Explain(err error) error {
	e, ok := tensor.AsOpError(err)
	if !ok || !e.Collective || g.Alone() {
		return err
	}
	select {
	case <-g.monitor.lost:
		return g.monitor.verdict()
	case <-time.After(g.monitor.every + 3*time.Second):
		return &PeerError{Rank: -1, Reason: sentence(errors.New(e.Message))}
	}
}

// Lost is closed when a rank vanished, fell silent or left with an error; Err
// tells which. Collectives that wait fail by then; a process that is busy
// elsewhere may look here.
func (g *Group) Lost() <-chan struct{} {
	if g.Alone() {
		return nil
	}
	return g.monitor.lost
}

// Err is the *PeerError of the first rank that was lost, or nil.
func (g *Group) Err() error {
	if g.Alone() {
		return nil
	}
	if e := g.monitor.verdict(); e != nil {
		return e
	}
	return nil
}
