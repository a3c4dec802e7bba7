package train

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"cone/augment"
	"cone/dist"
	"cone/nn"
	"cone/tensor"
)

// Several processes train as one: each holds all weights and a share of every
// batch, and does the same steps. Rank 0 alone reads checkpoints, writes files
// and talks to people; it hands to the others what it read. An error on one
// rank ends its part in the group, which gives it to the others as the reason.

// group is the processes that train together.
func (e Engine) group() *dist.Group {
	if e.Group == nil {
		return dist.Alone()
	}
	return e.Group
}

// first says whether this process writes files and talks to people.
func (r *run) first() bool { return r.engine.group().First() }

// alone says whether no other process takes part.
func (r *run) alone() bool { return r.engine.group().Alone() }

// onFirst does what only rank 0 does.
func (r *run) onFirst(f func() error) error {
	if !r.first() {
		return nil
	}
	return f()
}

// FromFirst hands rank 0's value to every rank; the others' is not looked at. It
// works outside tensor.Run.
func FromFirst[T any](g *dist.Group, key string, value T) (T, error) {
	if g.Alone() {
		return value, nil
	}
	own := []byte{}
	if g.First() {
		var err error
		if own, err = json.Marshal(value); err != nil {
			return value, err
		}
	}
	all, err := g.Exchange(key, own)
	if err != nil {
		return value, err
	}
	var out T
	err = json.Unmarshal(all[0], &out)
	return out, err
}

// gatherBytes gives every rank's bytes to all. Unlike an exchange it leaves
// nothing behind in the store, so a run may do it as often as it likes.
func gatherBytes(g *dist.Group, own []byte) (all [][]byte) {
	if g.Alone() {
		return [][]byte{own}
	}
	tensor.Scope(func() {
		framed := append(binary.LittleEndian.AppendUint64(nil, uint64(len(own))), own...)
		joined := tensor.To[uint8](g.AllGather(tensor.From(framed, len(framed))))
		for range g.Size() {
			n := binary.LittleEndian.Uint64(joined)
			all = append(all, joined[8:8+n])
			joined = joined[8+n:]
		}
	})
	return all
}

// gatherJSON is gatherBytes of values.
func gatherJSON[T any](g *dist.Group, own T) ([]T, error) {
	raw, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, b := range gatherBytes(g, raw) {
		var v T
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// agree brings the ranks together between two steps: whether any was asked to
// stop, and whether any failed. A rank that failed gets its own error, the
// others one that names it; all can save before they end. On one process it
// returns the error, and leaves the context to the loop.
func (r *run) agree(ctx context.Context, failed error) (stop bool, err error) {
	g := r.engine.group()
	if g.Alone() {
		return false, failed
	}
	var sums []float64
	tensor.Scope(func() {
		flags := make([]float64, 2)
		if ctx.Err() != nil {
			flags[0] = 1
		}
		if failed != nil {
			flags[1] = 1
		}
		t := tensor.From(flags, 2)
		g.AllReduce(t)
		sums = tensor.To[float64](t)
	})
	if sums[1] == 0 {
		return sums[0] > 0, nil
	}
	said := ""
	if failed != nil {
		said = failed.Error()
	}
	for rank, text := range gatherBytes(g, []byte(said)) {
		if len(text) > 0 && err == nil {
			err = &dist.PeerError{Rank: rank, Host: g.Host(rank), Reason: "stopped: " + string(text)}
		}
	}
	if failed != nil {
		return false, failed
	}
	return false, err
}

// meanOverRanks replaces the values by their means over all ranks, which have
// equal shares of the batch, so that all ranks judge a step alike.
func (r *run) meanOverRanks(all ...map[string]float64) {
	g := r.engine.group()
	if g.Alone() {
		return
	}
	tensor.Scope(func() {
		var own []float64
		for _, values := range all {
			for _, name := range slices.Sorted(maps.Keys(values)) {
				own = append(own, values[name])
			}
		}
		t := tensor.From(own, len(own))
		g.AllReduce(t)
		sums := tensor.To[float64](t)
		for _, values := range all {
			for _, name := range slices.Sorted(maps.Keys(values)) {
				values[name], sums = sums[0]/float64(g.Size()), sums[1:]
			}
		}
	})
}

// align gives rank 0's weights and buffers to all ranks.
func (r *run) align() error {
	var list []dist.Named
	for _, e := range r.state() {
		list = append(list, dist.Named{Name: e.Name, Value: e.Value.Detach()})
	}
	return r.engine.group().Align(list)
}

// rows are the images of each rank in a part of a step: all have as many.
func (r *run) rows(own int) []int {
	if r.alone() {
		return nil
	}
	return slices.Repeat([]int{own}, r.engine.group().Size())
}

// checkAlike compares, now and then, what all ranks must have alike.
func (r *run) checkAlike() error {
	every := r.recipe.Dist.CheckEvery
	if r.alone() || every == 0 || r.at.Step%every != 0 {
		return nil
	}
	var all []dist.Named
	for _, e := range r.method.State() {
		if r.recipe.Dist.SyncBatchNorm || !isStatistic(e) {
			all = append(all, dist.Named{Name: e.Name, Value: e.Value.Detach()})
		}
	}
	if err := r.engine.group().Compare(all); err != nil {
		return &mismatch{fmt.Sprintf("after step %d %v; %s", r.at.Step, err, r.kept())}
	}
	return nil
}

// shareStatistics gives rank 0's running statistics to all ranks, which have
// their own without synchronised batch norm.
func (r *run) shareStatistics() {
	if r.alone() || r.recipe.Dist.SyncBatchNorm {
		return
	}
	var all []tensor.Tensor
	for _, e := range r.state() {
		if isStatistic(e) {
			all = append(all, e.Value.Detach())
		}
	}
	r.engine.group().Broadcast(0, all...)
}

// isStatistic says whether an entry is of a batch norm's running statistics.
func isStatistic(e *nn.Entry) bool {
	return strings.HasSuffix(e.Name, ".running_mean") || strings.HasSuffix(e.Name, ".running_var")
}

// seedOf is what starts a rank's random streams (dropout, stochastic depth) in a
// run of several processes, at a step.
func seedOf(seed uint64, rank, step int) uint64 {
	random := augment.NewStream(seed, purposeRanks, uint64(rank), uint64(step))
	return random.Uint64() >> 1
}

// purposeRanks sets these seeds apart from the streams of package augment.
const purposeRanks = 1 << 32

// logFile is where a rank of several writes what it has to say.
func (f folder) logFile(rank int) string {
	return filepath.Join(f.path, "logs", fmt.Sprintf("rank-%d.log", rank))
}
