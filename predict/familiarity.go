package predict

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cone/data"
	"cone/index"
	"cone/infer"
	"cone/knn"
)

// familiarityKey is where an index keeps its calibration.
const familiarityKey = "familiarity"

// familiarityK is how many neighbours count for familiarity, and
// maxFamiliarity how many training images stand in for held-out ones.
const (
	familiarityK   = 10
	maxFamiliarity = 2000
)

// CalibrateFamiliarity learns from the images that the model's recipe held out
// of training how similar to their neighbours pictures are that belong, and
// keeps it in the index at path. Where none were held out, training images stand
// in for them, each without itself; they lie closer to one another than new
// pictures do, which then look less familiar than they are.
func CalibrateFamiliarity(ctx context.Context, m *infer.Model, path string, o Options) (f knn.Familiarity, err error) {
	collection, err := data.Open(m.Recipe.Data)
	if err != nil {
		return f, err
	}
	defer collection.Close()
	x, err := index.Open(path)
	if err != nil {
		return f, err
	}
	defer x.Close()
	k := min(familiarityK, x.Len()-1)
	if k < 1 {
		return f, errors.New("familiarity needs at least two training images")
	}
	near := knn.Neighbors{K: k}
	add := func(found [][]index.Neighbor) {
		for _, row := range found {
			for _, n := range row {
				near.Similarity, near.Place = append(near.Similarity, n.Similarity), append(near.Place, int64(n.Entry))
			}
		}
	}
	if collection.Held != nil {
		err = Run(ctx, m, Inputs{Collection: collection.Held}, o, func(items []Item) error {
			found, err := search(x, items, k, true)
			for i, item := range items {
				if err == nil && item.Problem == nil {
					add(found[i : i+1])
				}
			}
			return err
		})
	} else {
		err = calibrateSeen(x, k, add)
	}
	if err != nil {
		return f, err
	}
	if f, err = knn.CalibrateFamiliarity(near, k, collection.Held != nil); err != nil {
		return f, err
	}
	return f, index.Rewrite(path, func(meta *index.Meta) error {
		if meta.Extra == nil {
			meta.Extra = map[string]any{}
		}
		meta.Extra[familiarityKey] = f
		return nil
	})
}

// calibrateSeen finds the neighbours of about maxFamiliarity entries, each
// without itself.
func calibrateSeen(x *index.Index, k int, add func([][]index.Neighbor)) error {
	every := (x.Len() + maxFamiliarity - 1) / maxFamiliarity
	var queries []float32
	for i := 0; i < x.Len(); i += every {
		queries = append(queries, x.Vector(i, nil)...)
	}
	found, err := x.Search(queries, k, index.SearchOptions{Exclude: func(query, entry int) bool { return entry == query*every }})
	add(found)
	return err
}

// Familiarity gives what an index knows of familiarity, by the cosines of a
// picture's neighbours; nil when it was not calibrated, or fewer neighbours are
// asked for than that takes.
func Familiarity(x *index.Index, k int) (func(similarities []float32) float64, error) {
	raw, ok := x.Meta().Extra[familiarityKey]
	if !ok {
		return nil, nil
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	var f knn.Familiarity
	if err := json.Unmarshal(text, &f); err != nil || !f.Valid() {
		return nil, fmt.Errorf("%s has a calibration of familiarity that cannot be read: build the index again", x.Path())
	}
	if k < f.K {
		return nil, nil
	}
	return f.OfNeighbors, nil
}
