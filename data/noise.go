package data

import (
	"encoding/csv"
	"io"
	"strconv"

	"cone/augment"
	"cone/recipe"
)

// Noisy is a collection of which some labels were made wrong on purpose, to see
// what they do to training and whether an audit finds them.
type Noisy struct {
	Source
	given []int32
}

// WithNoise makes labels wrong as the settings say. Which ones, and what they
// become, is a pure function of the settings' seed, the image's index and its
// label, so it can be rebuilt elsewhere: from augment.NewStream(seed,
// augment.PurposeNoise, index), Float64 below the rate makes the label wrong;
// then IntN(C−1), plus one where that is not below the label, is the new class
// of "symmetric", and "pair" takes the next class, after the last the first.
func WithNoise(s Source, n recipe.LabelNoise) *Noisy {
	classes := len(s.Classes())
	noisy := &Noisy{Source: s, given: make([]int32, s.Len())}
	for i := range noisy.given {
		label := s.Label(i)
		random := augment.NewStream(n.Seed, augment.PurposeNoise, uint64(i))
		if random.Float64() < n.Rate {
			if n.Kind == "pair" {
				label = (label + 1) % classes
			} else if other := random.IntN(classes - 1); other >= label {
				label = other + 1
			} else {
				label = other
			}
		}
		noisy.given[i] = int32(label)
	}
	return noisy
}

// Label is the class that image i is said to be of.
func (n *Noisy) Label(i int) int { return int(n.given[i]) }

// True is the class of image i before it was made wrong.
func (n *Noisy) True(i int) int { return n.Source.Label(i) }

// Shards are where the images begin to come from another file.
func (n *Noisy) Shards() []int {
	if s, ok := n.Source.(Sharded); ok {
		return s.Shards()
	}
	return []int{0}
}

// Flipped are the images whose label is wrong, in order.
func (n *Noisy) Flipped() []int {
	var flipped []int
	for i, label := range n.given {
		if int(label) != n.True(i) {
			flipped = append(flipped, i)
		}
	}
	return flipped
}

// WriteRecord lists the wrong labels as CSV: index, name, given and true class.
func (n *Noisy) WriteRecord(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"index", "name", "given", "true"}) // Error tells below
	for _, i := range n.Flipped() {
		out.Write([]string{strconv.Itoa(i), n.Name(i), n.Classes()[n.Label(i)], n.Classes()[n.True(i)]})
	}
	out.Flush()
	return out.Error()
}
