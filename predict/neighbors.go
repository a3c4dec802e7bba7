package predict

import (
	"errors"
	"fmt"
	"io/fs"

	"cone/index"
	"cone/infer"
	"cone/knn"
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

// vote gives every class its share of the votes of entries (see knn.Vote).
func vote(neighbors []index.Neighbor, label func(entry int) int32, classes int, temperature float64) []float64 {
	shares := make([]float64, classes)
	similarity, place, labels := make([]float32, len(neighbors)), make([]int64, len(neighbors)), make([]int64, len(neighbors))
	for i, n := range neighbors {
		similarity[i], place[i], labels[i] = n.Similarity, int64(i), int64(label(n.Entry))
	}
	knn.Vote(shares, similarity, place, labels, max(temperature, leastTemperature))
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
// others get none. Unless it is to be exact, it takes the index's graph where
// there is one.
func search(x *index.Index, items []Item, k int, exact bool) ([][]index.Neighbor, error) {
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
	found, err := x.Search(queries, k, index.SearchOptions{Approximate: !exact})
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
