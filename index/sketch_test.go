package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cone/index/internal/kernel"
)

// A similarity is never further above that to its sketch than the file says, for
// any kernel, margin aside; and the bound is not idle.
func TestSketchesBound(t *testing.T) {
	defer func() { kernel.Active = kernel.Best }()
	r := rand.New(rand.NewPCG(21, 22))
	closest := math.Inf(1)
	for _, dim := range []int{1, 2, 5, 64, 100, 256} {
		m := Meta{Dim: dim, Precision: FP32}
		thin := m.sketchStride()
		for range 200 {
			vector, query := make([]float32, dim), make([]float32, thin)
			spread := math.Exp(3 * r.NormFloat64()) // from alike to one that stands out
			for d := range dim {
				vector[d] = float32(math.Copysign(math.Pow(math.Abs(r.NormFloat64()), spread), r.NormFloat64()))
			}
			if err := normalise(vector, vector); err != nil {
				continue
			}
			row, scale, bound := sketch(nil, vector, &m)
			if len(row) != thin {
				t.Fatalf("%d bytes, not %d", len(row), thin)
			}
			for d := range dim { // what is rounded off is the direction of the largest error
				query[d] = vector[d] - scale*float32(int8(row[d]))
				if r.IntN(2) == 0 {
					query[d] = float32(r.NormFloat64())
				}
			}
			if err := normalise(query[:dim], query[:dim]); err != nil {
				t.Fatal(err)
			}
			var exact float64
			for d, v := range vector {
				exact += float64(v) * float64(query[d])
			}
			bits := math.Float32bits(scale)
			scales := []byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)}
			for kernel.Active = kernel.Portable; kernel.Active <= kernel.Best; kernel.Active++ {
				score := make([]float32, 1)
				kernel.Scores(kernel.Int8, kernel.Block{Rows: row, Stride: thin, Count: 1, Scales: scales}, query, score)
				room := float64(score[0]) + float64(bound) + margin(dim) - exact
				if room < 0 {
					t.Fatalf("%s, %d dimensions: similarity %v, to the sketch %v ± %v", kernel.Active, dim, exact, score[0], bound)
				}
				closest = min(closest, room/float64(bound))
			}
		}
	}
	if closest > 0.5 {
		t.Errorf("no similarity comes near its bound: %v of it is left", closest)
	}
}

// Vectors so alike that their sketches cannot tell them apart are told apart, be
// there few or many of them in a block.
func TestSketchesOfAlikes(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	const n, dim = blockRows*chunk + 500, 40
	for _, every := range []int{1, 3, 50} {
		vectors := someVectors(r, n, dim)
		for i := 0; i < n; i += every {
			for d := range dim {
				vectors[i*dim+d] = 1 + float32(1e-4*r.NormFloat64())
			}
		}
		x := made(t, someMeta(dim, FP32), vectors, someEntries(n))
		query := slices.Repeat([]float32{1}, dim)
		found, err := x.Search(query, 30, SearchOptions{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteForce(x, query, 30, nil); !slices.Equal(found[0], want) {
			t.Errorf("one in %d alike: %v, want %v", every, found[0], want)
		}
	}
}
