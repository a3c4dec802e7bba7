package index

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"cone/index/internal/kernel"
)

// Neighbor is an entry and the cosine between its vector and a query's.
type Neighbor struct {
	Entry      int
	Similarity float32
}

// SearchOptions are how to search; the zero value is exact, with every core.
type SearchOptions struct {
	// Exclude says that an entry is no neighbour of a query: itself, when the
	// entries' own vectors are asked (leave-one-out). It is called from several
	// goroutines, for few of the entries.
	Exclude func(query, entry int) bool
	// Threads bounds the threads; 0 is one for each core.
	Threads int
	// Approximate takes the graph beside the file, where there is one (see
	// BuildGraph): much faster, but it may miss neighbours.
	Approximate bool
	// Effort is how many entries an approximate search keeps in view, at least
	// k: more find more of the neighbours, and take longer. 0 is DefaultEffort.
	Effort int
}

const (
	blockRows = 256 // a block of vectors stays in the core's cache for all queries
	chunk     = 16  // blocks that a thread takes at a time
	batch     = 64  // queries for which a block is read once, and which stay in the cache too
)

// Search returns for each of Q queries, Q×D, its k nearest entries, or all where
// there are fewer. The most similar come first, of equals the lower entry.
//
// An exact search compares the query, at length 1 in float32, with the vectors
// as the file holds them, in float64: neither processor nor threads change a
// result.
func (x *Index) Search(queries []float32, k int, o SearchOptions) ([][]Neighbor, error) {
	dim := x.meta.Dim
	if len(queries)%dim != 0 {
		return nil, fmt.Errorf("%s has vectors of %d dimensions: %d values are no queries", x.path, dim, len(queries))
	}
	if k < 1 {
		return nil, fmt.Errorf("%d nearest neighbours cannot be found: ask for 1 or more", k)
	}
	k = min(k, x.Len())
	n := len(queries) / dim
	found := make([][]Neighbor, n)
	if n == 0 || k == 0 {
		return found, nil
	}
	width := x.meta.width()
	padded := make([]float32, n*width)
	for q := range n {
		if err := normalise(padded[q*width:][:dim], queries[q*dim:][:dim]); err != nil {
			return nil, fmt.Errorf("query %d %w", q, err)
		}
	}
	// The compiled loops cannot recover from a fault.
	if err := x.whole(); err != nil {
		return nil, fmt.Errorf("cannot search %s: %w", x.path, err)
	}
	threads := o.Threads
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	search := x.searchAll
	if o.Approximate && x.HasGraph() {
		search = x.searchGraph
	}
	for at := 0; at < n; at += batch {
		part := o
		if o.Exclude != nil {
			part.Exclude = func(query, entry int) bool { return o.Exclude(at+query, entry) }
		}
		end := min(at+batch, n)
		if err := search(found[at:end], padded[at*width:end*width], k, threads, part); err != nil {
			return nil, fmt.Errorf("cannot search %s: %w", x.path, err)
		}
	}
	return found, nil
}

// searchAll compares queries, Q×width, with every vector.
func (x *Index) searchAll(found [][]Neighbor, queries []float32, k, threads int, o SearchOptions) error {
	const rows = blockRows * chunk
	tasks := (x.Len() + rows - 1) / rows
	threads = min(threads, tasks)
	selectors := make([][]selector, threads)
	scan := x.scan
	if x.meta.sketched() {
		scan = x.sift
	}
	var next, started atomic.Int64
	err := together(threads, func() error {
		return x.guarded(func() error {
			own := x.selectors(queries, k, o.Exclude)
			selectors[started.Add(1)-1] = own
			scores := make([]float32, len(found)*blockRows)
			for {
				at := int(next.Add(1)-1) * rows
				if at >= x.Len() {
					return nil
				}
				scan(own, queries, at, min(at+rows, x.Len()), scores)
			}
		})
	})
	if err != nil {
		return err
	}
	return x.guarded(func() error {
		for q := range found {
			all := []candidate{}
			for t := range selectors {
				all = append(all, selectors[t][q].finish()...)
			}
			found[q] = best(all, k)
		}
		return nil
	})
}

// scan offers the entries from…end, int8 and so their own sketches, to the selectors.
func (x *Index) scan(selectors []selector, queries []float32, from, end int, scores []float32) {
	stride := x.meta.stride()
	vectors, scales := x.section(vectorSection), x.section(scaleSection)
	for at := from; at < end; at += blockRows {
		rows := min(blockRows, end-at)
		block := kernel.Block{Rows: vectors[at*stride:][:rows*stride], Stride: stride, Count: rows, Scales: scales[4*at:][:4*rows]}
		kernel.Scores(kernel.Int8, block, queries, scores)
		for q := range selectors {
			selectors[q].offer(at, scores[q*rows:][:rows])
		}
	}
}

// candidate is an entry with its exact similarity.
type candidate struct {
	entry      int
	similarity float64
}

func byRank(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.similarity, a.similarity), cmp.Compare(a.entry, b.entry))
}

func best(all []candidate, k int) []Neighbor {
	slices.SortFunc(all, byRank)
	all = all[:min(k, len(all))]
	neighbors := make([]Neighbor, len(all))
	for i, c := range all {
		neighbors[i] = Neighbor{c.entry, float32(c.similarity)}
	}
	return neighbors
}

// selector keeps the best entries for a query. A score in float32 that may be
// off by margin only decides who is compared in float64.
type selector struct {
	index   *Index
	query   []float32
	k       int
	exclude func(entry int) bool
	margin  float64
	cut     float32     // scores below it belong to none of the k best
	kept    []candidate // exact, sorted
	waiting []int       // entries yet to be compared
	maybe   []int       // entries of a block that its sketches leave
}

func (x *Index) selectors(queries []float32, k int, exclude func(query, entry int) bool) []selector {
	width := x.meta.width()
	s := make([]selector, len(queries)/width)
	for q := range s {
		s[q] = selector{index: x, query: queries[q*width:][:x.meta.Dim], k: k, cut: float32(math.Inf(-1)), margin: margin(x.meta.Dim)}
		if exclude != nil {
			s[q].exclude = func(entry int) bool { return exclude(q, entry) }
		}
	}
	return s
}

// margin bounds the error of a sum of D products in float32, in whatever order,
// between vectors of length 1: N. J. Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., section 3.1. The tenth is for what int8 does to lengths.
func margin(dim int) float64 {
	u := float64(dim+8) / (1 << 24)
	return 1.1 * u / (1 - u)
}

// offer takes the scores of the entries from at on. Comparisons are such that a
// score that is not a number, from a damaged file, counts as high.
func (s *selector) offer(at int, scores []float32) {
	for i, score := range scores {
		if score < s.cut {
			continue
		}
		s.wait(at + i)
	}
}

// wait lets an entry wait to be compared.
func (s *selector) wait(entry int) {
	if s.exclude != nil && s.exclude(entry) {
		return
	}
	if s.waiting = append(s.waiting, entry); len(s.waiting) >= s.k+32 {
		s.settle()
	}
}

// settle compares who waits, and keeps the k best.
func (s *selector) settle() {
	for _, entry := range s.waiting {
		s.kept = append(s.kept, candidate{entry, s.index.similarity(entry, s.query)})
	}
	s.waiting = s.waiting[:0]
	slices.SortFunc(s.kept, byRank)
	if len(s.kept) >= s.k {
		s.kept = s.kept[:s.k]
		// Float32 rounds to nearest: one step down keeps the bound.
		s.cut = math.Nextafter32(float32(s.kept[s.k-1].similarity-s.margin), float32(math.Inf(-1)))
	}
}

func (s *selector) finish() []candidate {
	s.settle()
	return s.kept
}

// similarity is the product of an entry's vector and a query, in float64.
func (x *Index) similarity(entry int, query []float32) float64 {
	return dot(x.row(entry), x.meta.Precision, query) * x.factor(entry)
}

// factor is what the products of an entry are multiplied by.
func (x *Index) factor(entry int) float64 {
	if x.meta.Precision == INT8 {
		return float64(x.scale(entry))
	}
	return 1
}
