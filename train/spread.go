package train

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cone/dist"
	"cone/nn"
	"cone/report"
	"cone/tensor"
)

// createFolder makes a new run's folder on rank 0, and names it on the others.
func (e Engine) createFolder(path string) (folder, error) {
	if !e.group().First() {
		return e.followed(path), nil
	}
	return createFolder(path)
}

// followed is the folder of a run of which rank 0 has the files.
func (e Engine) followed(path string) folder {
	return folder{path: path, rank: e.group().Rank(), ranks: e.group().Size()}
}

// openLog gives each of several ranks its file.
func (r *run) openLog() error {
	g := r.engine.group()
	r.folder.rank, r.folder.ranks = g.Rank(), g.Size()
	if g.Alone() {
		return nil
	}
	path := r.folder.logFile(g.Rank())
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("cannot make the folder for the ranks' logs: %w", err)
	}
	if r.engine.Redirect != nil && !g.First() {
		return r.engine.Redirect(path)
	}
	return nil
}

// beginning is what rank 0 tells the others before the first step.
type beginning struct {
	Resumed bool
	At      position
	// Ranks is how many processes saved the checkpoint, Random their random
	// states, each of a rank.
	Ranks  int
	Random [][][]byte
}

// spread brings all ranks to where the run stands: rank 0's weights, position
// and, for each rank, its own random streams.
func (r *run) spread(from *Checkpoint) error {
	if err := r.openLog(); err != nil {
		return err
	}
	g := r.engine.group()
	b := beginning{Resumed: from != nil, At: r.at}
	if from != nil {
		b.Ranks = 1
		if n, ok := from.file.Metadata()[keyRanks]; ok {
			if _, err := fmt.Sscan(n, &b.Ranks); err != nil || b.Ranks < 1 {
				return fmt.Errorf("%s says that %q processes saved it: it is damaged", from.Path, n)
			}
		}
		var err error
		if b.Random, err = from.randomStates(r, min(b.Ranks, g.Size())); err != nil {
			return err
		}
	}
	all, err := gatherJSON(g, b)
	if err != nil {
		return err
	}
	b = all[0]
	r.resumed, r.at = b.Resumed, b.At
	if err := r.align(); err != nil {
		return err
	}
	if m, ok := r.method.(interface{ Restored() }); ok && r.resumed {
		m.Restored()
	}
	r.startRandom(b)
	return nil
}

// startRandom starts or restores this rank's random streams. A rank that did
// not save the checkpoint starts from the seed, its number and the step.
func (r *run) startRandom(b beginning) {
	g := r.engine.group()
	if g.Rank() >= len(b.Random) {
		if !g.Alone() {
			tensor.Seed(seedOf(r.recipe.Seed, g.Rank(), r.at.Step))
		}
		return
	}
	tensor.Scope(func() {
		states := randomState(r.engine.Device)
		for i, state := range b.Random[g.Rank()] {
			if i < len(states) {
				states[i].Value = tensor.From(state, len(state))
			}
		}
		setRandomState(r.engine.Device, states)
	})
}

// randomName is what a rank's random state is called in a checkpoint.
func randomName(name string, rank int) string {
	if rank == 0 {
		return name // as one process has it
	}
	return fmt.Sprintf("%s.rank-%d", name, rank)
}

// randomStates are the random states of all ranks, as entries of a checkpoint.
// They belong to the enclosing scope.
func (r *run) randomStates() []*nn.Entry {
	own := randomState(r.engine.Device)
	g := r.engine.group()
	if g.Alone() {
		return own
	}
	var out []*nn.Entry
	for _, e := range own {
		// States of GPUs are in the host's memory, too.
		var bytes []byte
		e.Value.Bytes(func(b []byte) { bytes = append(bytes, b...) })
		for rank, state := range gatherBytes(g, bytes) {
			out = append(out, &nn.Entry{Name: randomName(e.Name, rank), Value: tensor.From(state, len(state))})
		}
	}
	return out
}

// randomStates reads the states that the first n ranks saved.
func (c *Checkpoint) randomStates(r *run, n int) (all [][][]byte, err error) {
	tensor.Scope(func() {
		names := randomState(r.engine.Device)
		for rank := range n {
			var states [][]byte
			for _, e := range names {
				if err = c.load([]*nn.Entry{{Name: randomName(e.Name, rank), Value: e.Value}}); err != nil {
					return
				}
				e.Value.Bytes(func(b []byte) { states = append(states, append([]byte(nil), b...)) })
			}
			all = append(all, states)
		}
	})
	return all, err
}

// describeGroup tells who trains together.
func describeGroup(g *dist.Group) string {
	var hosts []string
	count := map[string]int{}
	for rank := range g.Size() {
		host := g.Host(rank)
		if count[host]++; count[host] == 1 {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) == 1 {
		return fmt.Sprintf("%d processes on %s train together", g.Size(), hosts[0])
	}
	for i, host := range hosts {
		hosts[i] = fmt.Sprintf("%s (%d)", host, count[host])
	}
	return fmt.Sprintf("%d processes on %d hosts train together: %s", g.Size(), len(hosts), few(hosts))
}

// speed is how a rank got on in an epoch.
type speed struct {
	Images          int64
	Seconds, Waited float64 // of the epoch's steps; of these, for other ranks
}

// rate is in images a second of the rank's own time.
func (s speed) rate() float64 { return float64(s.Images) / max(s.Seconds-s.Waited, 1e-9) }

// tellRates adds each rank's own speed to the epoch's record: while they train
// all are as fast as the slowest.
func (r *run) tellRates(record map[string]any, s spent) error {
	g := r.engine.group()
	if g.Alone() {
		return nil
	}
	own := speed{s.images / int64(g.Size()), s.took.Seconds(), s.ranks}
	all, err := gatherJSON(g, own)
	if err != nil {
		return err
	}
	var rates []report.Float
	slowest := 0
	for rank, s := range all {
		rates = append(rates, report.Float(s.rate()))
		if s.rate() < all[slowest].rate() {
			slowest = rank
		}
	}
	record["rank_images_per_second"], record["slowest_rank"] = rates, slowest
	var texts []string
	for _, rate := range rates {
		texts = append(texts, fmt.Sprintf("%.0f", float64(rate)))
	}
	r.say("images/s of each rank by itself: %s; rank %d on %s is the slowest", few(texts), slowest, g.Host(slowest))
	return nil
}

// spent is the time that an epoch's steps took, or those since the run was
// taken up again, and what of it went by waiting: for data, and for other
// ranks, in seconds. Its images are those of all ranks.
type spent struct {
	took, data time.Duration
	ranks      float64
	images     int64
}

// stoodStill is how many seconds this process has waited for others so far.
func (r *run) stoodStill() float64 {
	s := r.engine.group().Stats()
	return (s.Gradients.Waited + s.BatchNorm.Waited + s.Bank.Waited + s.Other.Waited).Seconds()
}
