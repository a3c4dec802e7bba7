package dist

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"cone/tensor"
)

// Rendezvous is a store that a process keeps which is no rank itself, such as
// one that starts ranks: they are given its port, and AgentStore.
type Rendezvous struct {
	store *tensor.Store
	// Port is where the store listens.
	Port int
}

// Serve keeps a store at the address, on a free port if port is 0.
func Serve(address string, port int) (*Rendezvous, error) {
	store, bound, err := tensor.OpenStore(address, port, true, "", time.Minute)
	if err != nil {
		return nil, fmt.Errorf("no store could be opened at %s, port %d: %s", address, port, sentence(err))
	}
	return &Rendezvous{store, bound}, nil
}

// Close ends the store.
func (r *Rendezvous) Close() { r.store.Close() }

// errWaited says that a key did not appear in time.
var errWaited = errors.New("time is up")

// await waits for keys of the store until the context is done. If that is
// because time is up, it returns errWaited and the keys that are missing. c10d's
// own wait cannot be given up without leaving the connection unusable, so this
// asks again and again.
func await(ctx context.Context, s *tensor.Store, lost <-chan struct{}, keys ...string) (missing []string, err error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		all, err := s.Has(keys...)
		if err != nil || all {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-lost:
			return nil, errWaited
		case <-ctx.Done():
			if context.Cause(ctx) != errWaited {
				return nil, ctx.Err()
			}
			for _, k := range keys {
				if there, err := s.Has(k); err == nil && !there {
					missing = append(missing, k)
				}
			}
			return missing, errWaited
		}
	}
}

// Exchange tells every rank's value to all, by the store: for small things such
// as digests and names. A key may be used again; every rank must.
func (g *Group) Exchange(key string, value []byte) ([][]byte, error) {
	if g.Alone() {
		return [][]byte{value}, nil
	}
	g.mutex.Lock()
	g.exchange[key]++
	base := fmt.Sprintf("exchange/%s/%d", key, g.exchange[key])
	g.mutex.Unlock()
	if err := g.store.Set(fmt.Sprintf("%s/%d", base, g.rank), value); err != nil {
		return nil, g.storeFailed(err)
	}
	if g.rank == 0 {
		if err := g.collect(base); err != nil {
			return nil, err
		}
	}
	if err := g.awaitKeys(base); err != nil {
		return nil, err
	}
	joined, err := g.store.Get(base)
	if err != nil {
		return nil, g.storeFailed(err)
	}
	return split(joined, g.size)
}

// collect joins the ranks' values under one key, so that each of the others has
// one thing to ask for.
func (g *Group) collect(base string) error {
	keys := make([]string, g.size)
	for i := range keys {
		keys[i] = fmt.Sprintf("%s/%d", base, i)
	}
	if err := g.awaitKeys(keys...); err != nil {
		return err
	}
	var joined []byte
	for _, k := range keys {
		v, err := g.store.Get(k)
		if err != nil {
			return g.storeFailed(err)
		}
		joined = binary.AppendUvarint(joined, uint64(len(v)))
		joined = append(joined, v...)
	}
	if err := g.store.Set(base, joined); err != nil {
		return g.storeFailed(err)
	}
	return nil
}

// split is collect undone.
func split(joined []byte, n int) ([][]byte, error) {
	out := make([][]byte, n)
	for i := range out {
		length, used := binary.Uvarint(joined)
		if used <= 0 || length > uint64(len(joined)-used) {
			return nil, errors.New("what the ranks exchanged is damaged")
		}
		out[i] = joined[used : used+int(length)]
		joined = joined[used+int(length):]
	}
	return out, nil
}

func (g *Group) awaitKeys(keys ...string) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), g.waiting, errWaited)
	defer cancel()
	_, err := await(ctx, g.store, g.Lost(), keys...)
	if lost := g.Err(); lost != nil {
		return lost
	}
	if errors.Is(err, errWaited) {
		return &PeerError{Rank: -1, Reason: fmt.Sprintf("a rank did not say its part within %v", g.waiting)}
	}
	if err != nil {
		return g.storeFailed(err)
	}
	return nil
}

// storeFailed blames a rank where one is known to be gone: rank 0 mostly, which
// keeps the store.
func (g *Group) storeFailed(err error) error {
	select {
	case <-g.Lost():
		return g.Err()
	case <-time.After(g.monitor.every + time.Second):
		return &PeerError{Rank: -1, Reason: "the store does not answer: " + sentence(err)}
	}
}

// sentence is the first line of what c10d says, without its own file names.
func sentence(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	if at := strings.LastIndex(s, "] "); at >= 0 && strings.HasPrefix(s, "[") {
		s = s[at+2:]
	}
	return strings.TrimSuffix(strings.TrimSpace(s), ".")
}
