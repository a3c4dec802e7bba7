package index

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"cone/index/internal/kernel"
)

var precisions = []Precision{FP32, FP16, INT8}

// someMeta is a description with everything in it.
func someMeta(dim int, p Precision) Meta {
	return Meta{Model: "sha256:1234", Dim: dim, Precision: p, Classes: []string{"shirt", "coat", "bag"},
		Transform: "centre 224", Created: "2026-01-02T03:04:05Z", Extra: map[string]any{"weight": 0.25}}
}

// someVectors are n vectors, among them zero ones and some that are there twice.
func someVectors(r *rand.Rand, n, dim int) []float32 {
	v := make([]float32, n*dim)
	for i := range n {
		row := v[i*dim:][:dim]
		switch {
		case i > 0 && r.IntN(5) == 0:
			copy(row, v[r.IntN(i)*dim:])
		case r.IntN(20) == 0: // zero
		default:
			for d := range row {
				row[d] = float32(r.NormFloat64())
			}
		}
	}
	return v
}

func someEntries(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{Name: fmt.Sprintf("train/größe-%d.png", i), Label: int32(i % 3), Added: i%4 == 3}
		if i%2 == 0 {
			entries[i].Thumbnail = bytes.Repeat([]byte{byte(i)}, i%7)
		}
	}
	return entries
}

// made writes a file in two parts and opens it.
func made(t testing.TB, m Meta, vectors []float32, entries []Entry) *Index {
	t.Helper()
	path := filepath.Join(t.TempDir(), "neighbours.index")
	w, err := Create(path, m)
	if err != nil {
		t.Fatal(err)
	}
	half := len(entries) / 2
	if err := errors.Join(w.Add(vectors[:half*m.Dim], entries[:half]), w.Add(vectors[half*m.Dim:], entries[half:]), w.Close()); err != nil {
		t.Fatal(err)
	}
	return opened(t, path)
}

func opened(t testing.TB, path string) *Index {
	t.Helper()
	x, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// What was written is there, in every precision, for sizes that fill no vector
// register.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range precisions {
		for _, dim := range []int{1, 7, 64, 100} {
			vectors, entries := someVectors(r, 50, dim), someEntries(50)
			x := made(t, someMeta(dim, p), vectors, entries)
			if !reflect.DeepEqual(x.Meta(), someMeta(dim, p)) || x.Len() != 50 {
				t.Fatalf("%s %d: the description is %+v of %d", p, dim, x.Meta(), x.Len())
			}
			step := map[Precision]float64{FP32: 1e-7, FP16: 1.0 / 2048, INT8: 1.0 / 254}[p]
			unit := make([]float32, dim)
			for i, want := range entries {
				got, err := x.Entry(i)
				if err != nil {
					t.Fatal(err)
				}
				if got.Name != want.Name || got.Label != want.Label || got.Added != want.Added || !bytes.Equal(got.Thumbnail, want.Thumbnail) {
					t.Errorf("entry %d is %+v, not %+v", i, got, want)
				}
				if x.Label(i) != want.Label || x.Added(i) != want.Added {
					t.Errorf("entry %d has another label or mark", i)
				}
				normalise(unit, vectors[i*dim:][:dim])
				for d, v := range x.Vector(i, nil) {
					if math.Abs(float64(v-unit[d])) > step*1.001 {
						t.Errorf("%s: value %d of vector %d is %g, not %g", p, d, i, v, unit[d])
					}
				}
			}
			if err := x.Verify(); err != nil {
				t.Error(err)
			}
			if _, err := x.Entry(50); err == nil {
				t.Error("entry 50 of 50 was read")
			}
		}
	}
}

// bruteForce compares with every vector in float64.
func bruteForce(x *Index, query []float32, k int, exclude func(entry int) bool) []Neighbor {
	unit := make([]float32, len(query))
	normalise(unit, query)
	var all []candidate
	for i := range x.Len() {
		if exclude != nil && exclude(i) {
			continue
		}
		var sum float64
		scale := 1.0
		v := x.Vector(i, nil)
		if x.meta.Precision == INT8 { // before the multiplication rounds to float32
			scale = float64(x.scale(i))
			for d := range v {
				v[d] = float32(int8(x.row(i)[d]))
			}
		}
		for d := range v {
			sum += float64(v[d]) * float64(unit[d])
		}
		all = append(all, candidate{i, sum * scale})
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		switch {
		case a.similarity > b.similarity:
			return -1
		case a.similarity < b.similarity:
			return 1
		}
		return 0
	})
	var found []Neighbor
	for _, c := range all[:min(k, len(all))] {
		found = append(found, Neighbor{c.entry, float32(c.similarity)})
	}
	return found
}

// Every kernel, precision, number of threads and of queries finds exactly what
// float64 finds, ties in order of the entries.
func TestSearchIsExact(t *testing.T) {
	defer func() { kernel.Active = kernel.Best }()
	r := rand.New(rand.NewPCG(3, 4))
	for _, p := range precisions {
		for range 12 {
			n, dim := 1+r.IntN(1200), 1+r.IntN(150)
			if r.IntN(4) == 0 {
				n += blockRows * chunk // more than one thread's share
			}
			x := made(t, someMeta(dim, p), someVectors(r, n, dim), someEntries(n))
			q, k := 1+r.IntN(7), 1+r.IntN(20)
			if r.IntN(4) == 0 {
				q, k = batch+3, min(n+1, 300)
			}
			queries := someVectors(r, q, dim)
			copy(queries, x.Vector(r.IntN(n), nil)) // one that is there, with its copies
			exclude := func(query, entry int) bool { return entry%3 == query%3 }
			if r.IntN(2) == 0 {
				exclude = nil
			}
			for kernel.Active = kernel.Portable; kernel.Active <= kernel.Best; kernel.Active++ {
				got, err := x.Search(queries, k, SearchOptions{Threads: 1 + r.IntN(3), Exclude: exclude})
				if err != nil {
					t.Fatal(err)
				}
				for i := range q {
					var without func(int) bool
					if exclude != nil {
						without = func(entry int) bool { return exclude(i, entry) }
					}
					if want := bruteForce(x, queries[i*dim:][:dim], k, without); !slices.Equal(got[i], want) {
						t.Fatalf("%s, %s, %d×%d, query %d of %d, k %d:\n%v, want\n%v", p, kernel.Active, n, dim, i, q, k, got[i], want)
					}
				}
			}
		}
	}
}

// Many equal vectors come in order, however many threads look.
func TestTies(t *testing.T) {
	const n, dim = 3 * blockRows * chunk, 8
	vectors := make([]float32, n*dim)
	for i := range vectors {
		vectors[i] = float32(1 + i%dim)
	}
	x := made(t, someMeta(dim, FP16), vectors, someEntries(n))
	found, err := x.Search(vectors[:dim], 100, SearchOptions{Threads: 3, Exclude: func(_, entry int) bool { return entry == 5 }})
	if err != nil {
		t.Fatal(err)
	}
	for i, neighbor := range found[0] {
		want := i
		if i >= 5 {
			want++
		}
		if neighbor.Entry != want {
			t.Fatalf("neighbour %d is entry %d, want %d", i, neighbor.Entry, want)
		}
	}
}

func TestAppend(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, p := range precisions {
		vectors, entries := someVectors(r, 90, 20), someEntries(90)
		whole := made(t, someMeta(20, p), vectors, entries)
		old := made(t, someMeta(20, p), vectors[:60*20], entries[:60])
		for i := range 30 {
			entries[60+i].Label, entries[60+i].Added = 3, true
		}
		err := Append(old.Path(), vectors[60*20:], entries[60:], func(m *Meta) error {
			m.Classes = append(m.Classes, "hat")
			m.Extra = map[string]any{"weight": 0.5}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		x := opened(t, old.Path())
		if x.Len() != 90 || x.Meta().Classes[3] != "hat" || x.Meta().Extra["weight"] != 0.5 || old.Len() != 60 || len(old.Meta().Classes) != 3 {
			t.Fatalf("after appending: %d entries, %+v", x.Len(), x.Meta())
		}
		for i := range 90 {
			e, err := x.Entry(i)
			if err != nil || e.Name != entries[i].Name || !bytes.Equal(e.Thumbnail, entries[i].Thumbnail) || (i >= 60) != (e.Label == 3) {
				t.Errorf("entry %d is %+v, %v", i, e, err)
			}
			if !slices.Equal(x.Vector(i, nil), whole.Vector(i, nil)) {
				t.Errorf("vector %d changed", i)
			}
		}
		before, _ := os.ReadFile(x.Path())
		for name, change := range map[string]func(*Meta) error{
			"2 classes": func(m *Meta) error { m.Classes = m.Classes[:2]; return nil },
			"become 21": func(m *Meta) error { m.Dim = 21; return nil },
			"no more":   func(*Meta) error { return errors.New("no more") },
		} {
			if err := Rewrite(x.Path(), change); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(name, "2 ")) {
				t.Errorf("%s: the error is %v", name, err)
			}
		}
		if after, _ := os.ReadFile(x.Path()); !bytes.Equal(before, after) {
			t.Error("a refused change changed the file")
		}
		if files, _ := os.ReadDir(filepath.Dir(x.Path())); len(files) != 1 {
			t.Errorf("beside the index lies %v", files)
		}
	}
}

// What cannot be is refused in a sentence that names it.
func TestMistakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.index")
	for want, m := range map[string]Meta{
		"fp32, fp16 and int8": {Dim: 3, Precision: "fp8"},
		"0 dimensions":        {Precision: FP32},
	} {
		if _, err := Create(path, m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", want, err)
		}
	}
	w, err := Create(path, someMeta(2, FP32))
	if err != nil {
		t.Fatal(err)
	}
	infinite := float32(math.Inf(1))
	if err := w.Add([]float32{1, infinite}, []Entry{{Name: "p.png"}}); err == nil || !strings.Contains(err.Error(), "the vector of p.png holds") {
		t.Errorf("an infinite value: %v", err)
	}
	if err := w.Add([]float32{1, 2, 3}, []Entry{{}}); err == nil {
		t.Error("three values for one entry of two")
	}
	if err := w.Add([]float32{1, 2}, []Entry{{Label: 3}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "the label 3, and there are 3 classes") {
		t.Errorf("a label of no class: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a refused index was written")
	}
	x := made(t, someMeta(2, FP32), []float32{1, 2}, []Entry{{}})
	for _, c := range []struct {
		queries []float32
		k       int
	}{{[]float32{1, 2, 3}, 1}, {[]float32{1, 2}, 0}, {[]float32{1, float32(math.NaN())}, 1}} {
		if _, err := x.Search(c.queries, c.k, SearchOptions{}); err == nil {
			t.Errorf("the search of %v for %d succeeded", c.queries, c.k)
		}
	}
	empty := made(t, someMeta(2, INT8), nil, nil)
	if found, err := empty.Search([]float32{1, 2}, 3, SearchOptions{}); err != nil || len(found) != 1 || len(found[0]) != 0 {
		t.Errorf("in an empty index: %v, %v", found, err)
	}
}

// Several goroutines may ask one index.
func TestConcurrentSearches(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	x := made(t, someMeta(16, INT8), someVectors(r, 9000, 16), someEntries(9000))
	queries := someVectors(r, 4, 16)
	want, err := x.Search(queries, 5, SearchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			got, err := x.Search(queries, 5, SearchOptions{Threads: 2})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%v, %v", got, err)
			}
			if _, err := x.Entry(77); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		v := ofHalf(uint16(h))
		if v == v && halfOf(v) != uint16(h) {
			t.Fatalf("%#04x is %g and comes back as %#04x", h, v, halfOf(v))
		}
	}
	for v, want := range map[float32]uint16{1 + 1.0/2048: 0x3c00, 1 + 3.0/2048: 0x3c02, 65519: 0x7bff, 65520: 0x7c00, 1e-8: 0, -1e-8: 0x8000} {
		if got := halfOf(v); got != want {
			t.Errorf("%g becomes %#04x, want %#04x", v, got, want)
		}
	}
}
