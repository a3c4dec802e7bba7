// Index measures searches among vectors: ours, comparing with all and through a
// graph, and other programs' on the same vectors.
//
//	go run ./bench/index --out DIR                            # exact, ours: 10⁴, 10⁵, 10⁶
//	go run ./bench/index --out DIR --graph --sizes 100000     # and through a graph
//	PYTHON bench/index/peers.py DIR 100000                    # numpy, faiss, after it
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"cone/index"
	"cone/report"
)

const (
	clusters = 1000
	latent   = 16 // dimensions in which a cluster's vectors differ much
	queries  = 256
	k        = 10
)

type settings struct {
	out     string
	sizes   []int
	dim     int
	threads int
	turns   int
	graph   bool
	kinds   []index.Precision
}

func main() {
	var s settings
	var sizes, precisions string
	flag.StringVar(&s.out, "out", "", "a folder for vectors and indices: up to 4 GB for 10⁶ × 256")
	flag.StringVar(&sizes, "sizes", "10000,100000,1000000", "numbers of vectors")
	flag.StringVar(&precisions, "precisions", "fp32,fp16,int8", "types of the vectors in the file")
	flag.IntVar(&s.dim, "dim", 256, "dimensions")
	flag.IntVar(&s.threads, "threads", 2, "threads")
	flag.IntVar(&s.turns, "turns", 20, "searches of which the median counts")
	flag.BoolVar(&s.graph, "graph", false, "build and measure a graph too")
	flag.Parse()
	for p := range strings.SplitSeq(precisions, ",") {
		s.kinds = append(s.kinds, index.Precision(p)) // index.Create names an unknown one
	}
	err := s.run(sizes)
	if err != nil {
		fmt.Fprintln(os.Stderr, "index:", err)
		os.Exit(1)
	}
}

func (s *settings) run(sizes string) error {
	if s.out == "" || s.turns < 1 || s.dim < 1 {
		return fmt.Errorf("give a folder with --out, and at least one turn and dimension")
	}
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of vectors", text)
		}
		s.sizes = append(s.sizes, n)
	}
	exact := report.NewTable("vectors", "precision", "queries", "ms per query", "GB of vectors/s")
	graphs := report.NewTable("vectors", "precision", "build s", "MB", "effort", "recall@10", "ms per query", "exact ms", "ratio")
	for _, n := range s.sizes {
		vectors := s.vectors(n + queries)
		if err := writeRaw(filepath.Join(s.out, fmt.Sprintf("vectors-%d.f32", n)), vectors); err != nil {
			return err
		}
		for _, p := range s.kinds {
			if err := s.measure(n, p, vectors, exact, graphs); err != nil {
				return err
			}
		}
	}
	if _, err := exact.WriteTo(os.Stdout); err != nil || !s.graph {
		return err
	}
	fmt.Println()
	_, err := graphs.WriteTo(os.Stdout)
	return err
}

// vectors are n points of Gaussian clusters. Each cluster is wide in a space of
// its own of few dimensions, and there is a little noise in all: as a trained
// network's embeddings, and unlike plain Gaussian noise, they have near and far.
func (s *settings) vectors(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	gaussian := func(count int) []float32 {
		v := make([]float32, count)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	centres, spaces := gaussian(clusters*s.dim), gaussian(clusters*latent*s.dim)
	v := make([]float32, n*s.dim)
	for i := range n {
		c, row := r.IntN(clusters), v[i*s.dim:][:s.dim]
		copy(row, centres[c*s.dim:])
		for l := range latent {
			weight := float32(0.2 * r.NormFloat64())
			for d, x := range spaces[(c*latent+l)*s.dim:][:s.dim] {
				row[d] += weight * x
			}
		}
		for d := range row {
			row[d] += float32(0.1 * r.NormFloat64())
		}
	}
	return v
}

// writeRaw leaves the vectors to peers.py, as float32 without a header.
func writeRaw(path string, vectors []float32) error {
	return os.WriteFile(path, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(vectors))), 4*len(vectors)), 0o666)
}

func (s *settings) measure(n int, p index.Precision, vectors []float32, exact, graphs *report.Table) error {
	path := filepath.Join(s.out, fmt.Sprintf("%s-%d.index", p, n))
	w, err := index.Create(path, index.Meta{Dim: s.dim, Precision: p, Classes: []string{"any"}})
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Add(vectors[:n*s.dim], make([]index.Entry, n)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	x, err := index.Open(path)
	if err != nil {
		return err
	}
	defer x.Close()
	asked := vectors[n*s.dim:]
	single := 0.0
	for _, q := range []int{1, 16} {
		ms, err := s.time(x, asked, q, index.SearchOptions{Threads: s.threads})
		if err != nil {
			return err
		}
		if q == 1 {
			single = ms
		}
		bytes := float64(n*s.dim) * map[index.Precision]float64{index.FP32: 4, index.FP16: 2, index.INT8: 1}[p]
		exact.Row(n, string(p), q, fmt.Sprintf("%.3f", ms), fmt.Sprintf("%.1f", bytes/(ms*float64(q))/1e6))
	}
	if !s.graph {
		return nil
	}
	size, start := fileSize(path), time.Now()
	if err := index.BuildGraph(context.Background(), path, index.GraphOptions{Threads: s.threads}); err != nil {
		return err
	}
	built := time.Since(start).Seconds()
	g, err := index.Open(path)
	if err != nil {
		return err
	}
	defer g.Close()
	truth, err := x.Search(asked, k, index.SearchOptions{Threads: s.threads})
	if err != nil {
		return err
	}
	for _, effort := range []int{16, 32, 64, 128, 256} {
		o := index.SearchOptions{Threads: s.threads, Approximate: true, Effort: effort}
		found, err := g.Search(asked, k, o)
		if err != nil {
			return err
		}
		ms, err := s.time(g, asked, 1, o)
		if err != nil {
			return err
		}
		graphs.Row(n, string(p), fmt.Sprintf("%.0f", built), fmt.Sprintf("%.0f", (fileSize(path)-size)/1e6), effort,
			fmt.Sprintf("%.4f", recall(found, truth)), fmt.Sprintf("%.3f", ms), fmt.Sprintf("%.3f", single), fmt.Sprintf("%.1f", single/ms))
	}
	return nil
}

func fileSize(path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return float64(info.Size())
}

// time is the median, in milliseconds for a query, of searches of q queries.
func (s *settings) time(x *index.Index, asked []float32, q int, o index.SearchOptions) (float64, error) {
	var took []float64
	for turn := range s.turns + 1 {
		at := turn * q % (queries - q + 1) * s.dim
		start := time.Now()
		if _, err := x.Search(asked[at:][:q*s.dim], k, o); err != nil {
			return 0, err
		}
		if turn > 0 { // the first reads the file
			took = append(took, time.Since(start).Seconds()*1e3/float64(q))
		}
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

func recall(found, truth [][]index.Neighbor) float64 {
	hits, all := 0, 0
	for q := range truth {
		all += len(truth[q])
		for _, t := range truth[q] {
			if slices.ContainsFunc(found[q], func(f index.Neighbor) bool { return f.Entry == t.Entry }) {
				hits++
			}
		}
	}
	return float64(hits) / float64(all)
}
