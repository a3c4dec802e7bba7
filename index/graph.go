package index

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"cone/index/internal/kernel"
)

// DefaultEffort is the Effort of an approximate search.
const DefaultEffort = 128

// GraphOptions say how a graph is made; zero values are defaults.
type GraphOptions struct {
	// Links is how many neighbours an entry has, on the lowest level twice as
	// many: 16. It takes 4·(2·Links+1) bytes or a little more for each entry.
	Links int
	// Effort is among how many entries the neighbours are chosen: 200.
	Effort int
	// Threads bounds the threads; 0 is one for each core. With several the
	// graph is another one each time, and as good.
	Threads int
}

// maxLinks keeps the size of an element far below what an int holds.
const maxLinks = 1024

// BuildGraph replaces the file at path by one that has a graph for approximate
// searches too. When ctx ends before it does, the file is as it was, and the error
// is ctx's.
func BuildGraph(ctx context.Context, path string, o GraphOptions) error {
	x, err := Open(path)
	if err != nil {
		return err
	}
	defer x.Close()
	if o.Links == 0 {
		o.Links = 16
	}
	if o.Effort == 0 {
		o.Effort = 200
	}
	if o.Links < 2 || o.Links > maxLinks || o.Effort < 1 {
		return fmt.Errorf("a graph cannot have %d links with an effort of %d: give 2 to %d links and an effort of 1 or more", o.Links, o.Effort, maxLinks)
	}
	if o.Threads < 1 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if x.Len() == 0 {
		return fmt.Errorf("%s has no entries to link", path)
	}
	w, err := x.copy() // checks the sums
	if err != nil {
		return err
	}
	defer w.Abort()
	g, err := x.newGraph(o.Links, o.Effort)
	if err != nil {
		return fmt.Errorf("cannot make a graph for %s: %w", path, err)
	}
	defer g.Free()
	if err := x.fill(ctx, g, o.Threads); err != nil {
		return fmt.Errorf("cannot make a graph for %s: %w", path, err)
	}
	w.small[graphSection] = g.Save()
	return w.Close()
}

func (x *Index) newGraph(links, effort int) (*kernel.Graph, error) {
	all := kernel.Block{Rows: x.section(vectorSection), Stride: x.meta.stride(), Count: x.Len()}
	if x.meta.Precision == INT8 {
		all.Scales = x.section(scaleSection)
	}
	return kernel.NewGraph(kernel.Type(x.meta.Precision.size()), all, links, effort)
}

// fill adds every entry.
func (x *Index) fill(ctx context.Context, g *kernel.Graph, threads int) error {
	if err := g.Add(0); err != nil {
		return err
	}
	var next atomic.Int64
	return together(threads, func() error {
		for {
			i := int(next.Add(1))
			if i >= x.Len() {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := g.Add(i); err != nil {
				return err
			}
		}
	})
}

// together runs f on several goroutines and returns one's error.
func together(threads int, f func() error) error {
	failed := make([]error, threads)
	var wait sync.WaitGroup
	for t := range threads {
		wait.Go(func() { failed[t] = f() })
	}
	wait.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// HasGraph says whether there is a graph for approximate searches.
func (x *Index) HasGraph() bool { return x.sections[graphSection].length > 0 }

// loaded is the graph, read from the file at the first call.
func (x *Index) loaded() (*kernel.Graph, error) {
	x.graph.Lock()
	defer x.graph.Unlock()
	if x.graph.Graph != nil {
		return x.graph.Graph, nil
	}
	if err := x.checkSum(graphSection); err != nil {
		return nil, err
	}
	saved := x.section(graphSection)
	links := 0
	if len(saved) >= 4 {
		links = int(saved[0]) | int(saved[1])<<8
	}
	// A new graph has room for its links: no more than the file has.
	if links < 2 || links > maxLinks || len(saved)/(4*(2*links+1)) < x.Len() || x.Len() == 0 {
		return nil, fmt.Errorf("its %s is damaged", sectionNames[graphSection])
	}
	g, err := x.newGraph(links, 1)
	if err != nil {
		return nil, err
	}
	if err := g.Load(saved); err != nil {
		g.Free()
		return nil, err
	}
	x.graph.Graph = g
	return g, nil
}

// searchGraph asks the graph for queries, Q×width, and compares what it finds in
// float64. Where that leaves too few, for what is excluded, it compares all.
func (x *Index) searchGraph(found [][]Neighbor, queries []float32, k, threads int, o SearchOptions) error {
	var g *kernel.Graph
	err := x.guarded(func() (err error) {
		g, err = x.loaded()
		return err
	})
	if err != nil {
		return err
	}
	effort := o.Effort
	if effort < 1 {
		effort = DefaultEffort
	}
	effort = min(max(effort, k), x.Len())
	width := x.meta.width()
	var next atomic.Int64
	return together(min(threads, len(found)), func() error {
		for {
			q := int(next.Add(1) - 1)
			if q >= len(found) {
				return nil
			}
			query := queries[q*width:][:width]
			near, err := g.Search(query, effort)
			if err != nil {
				return err
			}
			var all []candidate
			err = x.guarded(func() error {
				for _, entry := range near {
					if o.Exclude == nil || !o.Exclude(q, entry) {
						all = append(all, candidate{entry, x.similarity(entry, query[:x.meta.Dim])})
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			if found[q] = best(all, k); len(found[q]) < k {
				alone := SearchOptions{}
				if o.Exclude != nil {
					alone.Exclude = func(_, entry int) bool { return o.Exclude(q, entry) }
				}
				if err := x.searchAll(found[q:q+1], query, k, 1, alone); err != nil {
					return err
				}
			}
		}
	})
}
