package predict

import (
	"context"
	"fmt"
	"slices"

	"cone/index"
	"cone/infer"
	"cone/knn"
)

// AddOptions say how a class is added.
type AddOptions struct {
	Options
	// K neighbours vote in the test.
	K int
	// Thumbnails have sides of at most so many pixels; 0 keeps none.
	Thumbnails int
	// Problem is told of a picture that is left out.
	Problem func(error)
}

// Added says how well a new class is recognised by k neighbours, each picture
// being left out of its own vote.
type Added struct {
	Class string `json:"class"`
	// N pictures were added, of which Correct are recognised.
	N       int `json:"n"`
	Correct int `json:"correct"`
	// Of Old entries of the other classes, evenly spread over the index, Before
	// were recognised, After are now, and Lost are taken for the new class now.
	Old    int `json:"old_n"`
	Before int `json:"old_before"`
	After  int `json:"old_after"`
	Lost   int `json:"old_lost"`
}

// maxOld is how many old entries the test asks at most.
const maxOld = 2000

// Add embeds pictures of a class that the index at path does not know, appends
// them, and tests the votes.
func Add(ctx context.Context, m *infer.Model, path, class string, in Inputs, o AddOptions) (out Added, err error) {
	x, err := OpenIndex(path, m)
	if err != nil {
		return out, err
	}
	defer x.Close()
	classes := x.Meta().Classes
	if slices.Contains(classes, class) {
		return out, fmt.Errorf("%s has the class %q already: give the new one a name of its own", path, class)
	}
	var vectors []float32
	var entries []index.Entry
	err = Run(ctx, m, in, o.Options, func(items []Item) error {
		for _, item := range items {
			if item.Problem != nil {
				o.Problem(item.Problem)
				continue
			}
			e := index.Entry{Name: item.Name, Label: int32(len(classes)), Added: true}
			if o.Thumbnails > 0 {
				var err error
				if e.Thumbnail, err = Thumbnail(item.Picture, o.Thumbnails); err != nil {
					return err
				}
			}
			vectors, entries = append(vectors, item.Embedding...), append(entries, e)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	if len(entries) == 0 {
		return out, fmt.Errorf("there is no picture to add as %q", class)
	}
	out = Added{Class: class, N: len(entries)}
	t := tester{k: o.K, temperature: m.Recipe.Evaluate.KNN.Temperature}
	old := spread(x.Len(), maxOld)
	out.Old = len(old)
	if out.Before, _, err = t.test(x, old, -1); err != nil {
		return out, err
	}
	err = index.Append(path, vectors, entries, func(meta *index.Meta) error {
		meta.Classes = append(slices.Clone(meta.Classes), class)
		return nil
	})
	if err != nil {
		return out, err
	}
	grown, err := index.Open(path)
	if err != nil {
		return out, err
	}
	defer grown.Close()
	if out.After, out.Lost, err = t.test(grown, old, int32(len(classes))); err != nil {
		return out, err
	}
	added := make([]int, len(entries))
	for i := range added {
		added[i] = x.Len() + i
	}
	out.Correct, _, err = t.test(grown, added, -1)
	return out, err
}

// spread gives at most most of n places, evenly spaced.
func spread(n, most int) []int {
	out := make([]int, min(n, most))
	for i := range out {
		out[i] = i * n / len(out)
	}
	return out
}

// tester lets entries of an index be recognised by the others.
type tester struct {
	k           int
	temperature float64
}

// test counts the entries that are recognised, and those of another class that
// are taken for the given one.
func (t tester) test(x *index.Index, entries []int, class int32) (correct, taken int, err error) {
	var queries []float32
	for _, e := range entries {
		queries = append(queries, x.Vector(e, nil)...)
	}
	found, err := x.Search(queries, t.k, index.SearchOptions{Exclude: func(query, entry int) bool { return entries[query] == entry }})
	if err != nil {
		return 0, 0, err
	}
	for i, neighbors := range found {
		shares := vote(neighbors, x.Label, len(x.Meta().Classes), t.temperature)
		voted := knn.Top(shares)
		switch truth := x.Label(entries[i]); {
		case len(neighbors) == 0:
		case int32(voted) == truth:
			correct++
		case int32(voted) == class:
			taken++
		}
	}
	return correct, taken, nil
}
