package index

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkSearch is what one search among 10⁵ × 256 takes. bench/index prints
// more sizes, beside other programs.
func BenchmarkSearch(b *testing.B) {
	const n, dim = 100_000, 256
	r := rand.New(rand.NewPCG(1, 1))
	vectors := make([]float32, n*dim)
	for i := range vectors {
		vectors[i] = float32(r.NormFloat64())
	}
	for _, p := range precisions {
		x := made(b, someMeta(dim, p), vectors, make([]Entry, n))
		for _, q := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", p, q), func(b *testing.B) {
				b.SetBytes(int64(n * x.meta.stride()))
				for b.Loop() {
					if _, err := x.Search(vectors[:q*dim], 10, SearchOptions{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
