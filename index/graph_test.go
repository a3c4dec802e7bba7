package index

import (
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// clustered are n vectors about centres, as the embeddings of classes are.
func clustered(r *rand.Rand, n, dim, centres int) []float32 {
	middle := make([]float64, centres*dim)
	for i := range middle {
		middle[i] = r.NormFloat64()
	}
	v := make([]float32, n*dim)
	for i := range n {
		c := r.IntN(centres)
		for d := range dim {
			v[i*dim+d] = float32(middle[c*dim+d] + 0.5*r.NormFloat64())
		}
	}
	return v
}

// A graph, saved and read again, finds nearly what comparing with all finds, in
// every precision, and what it finds has the exact similarity and order.
func TestGraphFindsNeighbours(t *testing.T) {
	const n, dim, q, k = 1500, 24, 40, 10
	r := rand.New(rand.NewPCG(13, 14))
	vectors := clustered(r, n+q, dim, 20)
	for _, p := range precisions {
		exact := made(t, someMeta(dim, p), vectors[:n*dim], someEntries(n))
		if exact.HasGraph() {
			t.Fatal("a graph that nobody made")
		}
		if err := BuildGraph(t.Context(), exact.Path(), GraphOptions{Threads: 3}); err != nil {
			t.Fatal(err)
		}
		x := opened(t, exact.Path())
		if err := x.Verify(); err != nil || !x.HasGraph() {
			t.Fatal(x.HasGraph(), err)
		}
		for i := range n {
			a, _ := x.Entry(i)
			b, _ := exact.Entry(i)
			if !reflect.DeepEqual(a, b) || !slices.Equal(x.Vector(i, nil), exact.Vector(i, nil)) {
				t.Fatalf("entry %d changed", i)
			}
		}
		// Odd entries are excluded: enough others remain. Of the last, all but
		// two are: the graph leaves too few, and all are compared.
		exclude := func(query, entry int) bool { return entry%2 == 1 || query == q-1 && entry > 2 }
		queries := vectors[n*dim:]
		want, err := exact.Search(queries, k, SearchOptions{Exclude: exclude})
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Search(queries, k, SearchOptions{Exclude: exclude, Approximate: true, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		hits := 0
		for i := range q {
			for j, neighbor := range got[i] {
				if slices.Contains(want[i], neighbor) {
					hits++
				}
				if exclude(i, neighbor.Entry) || j > 0 && neighbor.Similarity > got[i][j-1].Similarity {
					t.Errorf("query %d: %v", i, got[i])
				}
			}
		}
		if hits < 97*(q-1)*k/100 || !slices.Equal(got[q-1], want[q-1]) {
			t.Errorf("%s: %d of %d neighbours; the last %v", p, hits, (q-1)*k, got[q-1])
		}
	}
}

// Appending leaves the graph out, and Approximate then compares with all.
func TestGraphAndAppend(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	vectors := clustered(r, 40, 8, 3)
	x := made(t, someMeta(8, FP32), vectors[:39*8], someEntries(39))
	if err := BuildGraph(t.Context(), x.Path(), GraphOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := Append(x.Path(), vectors[39*8:], someEntries(1), nil); err != nil {
		t.Fatal(err)
	}
	x = opened(t, x.Path())
	found, err := x.Search(vectors[39*8:], 1, SearchOptions{Approximate: true})
	if err != nil || x.HasGraph() || found[0][0].Entry != 39 {
		t.Errorf("%v, %v", found, err)
	}
	before, _ := os.ReadFile(x.Path())
	if err := BuildGraph(t.Context(), x.Path(), GraphOptions{Links: 1}); err == nil || !strings.Contains(err.Error(), "1 links") {
		t.Errorf("a graph with one link: %v", err)
	}
	if after, _ := os.ReadFile(x.Path()); !slices.Equal(before, after) {
		t.Error("a refused graph changed the file")
	}
}

// Changed bytes of a graph, with the right sums, are refused or harmless.
func TestLyingGraphs(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	x := made(t, someMeta(3, INT8), someVectors(r, 30, 3), someEntries(30))
	if err := BuildGraph(t.Context(), x.Path(), GraphOptions{Links: 2, Threads: 1}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(x.Path())
	if err != nil {
		t.Fatal(err)
	}
	sections, err := parseHeader(data, uint64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	s := sections[graphSection]
	for at := s.offset; at < s.offset+s.length; at++ {
		old := data[at]
		data[at] = byte(r.Uint32())
		if use(t, repaired(data)) != nil {
			refused++
		}
		data[at] = old
	}
	if refused < int(s.length)/2 {
		t.Errorf("%d of %d changes were refused", refused, s.length)
	}
}
