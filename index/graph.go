package index

// DefaultEffort is the Effort of an approximate search.
const DefaultEffort = 128

type graph struct{}

func (g *graph) close() {}

// HasGraph says whether there is a graph for approximate searches.
func (x *Index) HasGraph() bool { return false }

func (x *Index) searchGraph(found [][]Neighbor, queries []float32, k, threads int, o SearchOptions) error {
	return x.searchAll(found, queries, k, threads, o)
}
