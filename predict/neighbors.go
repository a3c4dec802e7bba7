package predict

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"cone/index"
	"cone/infer"
)

// OpenIndex opens an index and makes sure that its vectors can be compared with
// what the model makes.
func OpenIndex(path string, m *infer.Model) (*index.Index, error) {
	x, err := index.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no index %s: make it with cone index build", path)
	}
	if err != nil {
		return nil, err
	}
	meta := x.Meta()
	switch {
	case meta.Model != m.Digest():
		err = fmt.Errorf("%s was built with other weights than those in %s: build it anew with cone index build, or choose the checkpoint it was built with", path, m.Path)
	case meta.Transform != m.Preparation():
		err = fmt.Errorf("%s was built with pictures prepared otherwise (%s) than %s has it (%s): build it anew with cone index build", path, meta.Transform, m.Path, m.Preparation())
	}
	if err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

// AddedClasses says whether an index knows classes that the model was not
// trained on.
func AddedClasses(x *index.Index, m *infer.Model) bool { return len(x.Meta().Classes) > len(m.Classes) }

// leastTemperature keeps a vote defined.
const leastTemperature = 1e-6

// vote gives every class its share of the votes of entries, each of which
// counts exp(cosine/τ) (Wu et al. 2018, https://arxiv.org/abs/1805.01978).
func vote(neighbors []index.Neighbor, label func(entry int) int32, classes int, temperature float64) []float64 {
	shares, total := make([]float64, classes), 0.0
	for _, n := range neighbors {
		// The nearest is moved to 1: nothing overflows, and shares stay the same.
		v := math.Exp(float64(n.Similarity-neighbors[0].Similarity) / max(temperature, leastTemperature))
		shares[label(n.Entry)] += v
		total += v
	}
	for c := range shares {
		if total > 0 {
			shares[c] /= total
		}
	}
	return shares
}

// Neighbor is an entry of an index that resembles a picture.
type Neighbor struct {
	Rank       int     `json:"rank"` // from 1
	Class      string  `json:"class"`
	Similarity float32 `json:"similarity"` // cosine
	Name       string  `json:"name"`
	Thumbnail  []byte  `json:"-"`
}

// search finds the k nearest entries of every item that has an embedding; the
// others get none.
func search(x *index.Index, items []Item, k int) ([][]index.Neighbor, error) {
	var queries []float32
	var places []int
	for i, item := range items {
		if item.Problem == nil {
			queries, places = append(queries, item.Embedding...), append(places, i)
		}
	}
	out := make([][]index.Neighbor, len(items))
	if len(places) == 0 {
		return out, nil
	}
	found, err := x.Search(queries, k, index.SearchOptions{})
	if err != nil {
		return nil, err
	}
	for i, place := range places {
		out[place] = found[i]
	}
	return out, nil
}

// describe tells what the neighbours are.
func describe(x *index.Index, neighbors []index.Neighbor) ([]Neighbor, error) {
	classes := x.Meta().Classes
	out := make([]Neighbor, len(neighbors))
	for i, n := range neighbors {
		e, err := x.Entry(n.Entry)
		if err != nil {
			return nil, err
		}
		out[i] = Neighbor{i + 1, classes[e.Label], n.Similarity, e.Name, e.Thumbnail}
	}
	return out, nil
}
