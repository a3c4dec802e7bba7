package data

import (
	"math"
	"slices"

	"cone/augment"
)

// Subset is the images of a collection at the given indices, in that order.
// It shares the collection, which stays open until the subset is closed.
func Subset(s Source, indices []int) Source {
	sub := &subset{Source: s, indices: make([]int32, len(indices))}
	for i, at := range indices {
		sub.indices[i] = int32(at)
	}
	return sub
}

// First is the first n images of a collection; all of them when n is 0 or
// more than there are.
func First(s Source, n int) Source {
	if n <= 0 || n >= s.Len() {
		return s
	}
	indices := make([]int, n)
	for i := range indices {
		indices[i] = i
	}
	return Subset(s, indices)
}

type subset struct {
	Source
	indices []int32
}

func (s *subset) Len() int          { return len(s.indices) }
func (s *subset) Label(i int) int   { return s.Source.Label(int(s.indices[i])) }
func (s *subset) Name(i int) string { return s.Source.Name(int(s.indices[i])) }
func (s *subset) Read(i int, buffer *[]byte) ([]byte, error) {
	return s.Source.Read(int(s.indices[i]), buffer)
}

// Shards are where the images begin to come from another file.
func (s *subset) Shards() []int {
	shards := []int{0}
	sharded, ok := s.Source.(Sharded)
	if !ok {
		return shards
	}
	first := sharded.Shards()
	shard := func(i int) int {
		at, exact := slices.BinarySearch(first, int(s.indices[i]))
		if !exact {
			at--
		}
		return at
	}
	for i := 1; i < len(s.indices); i++ {
		if shard(i) != shard(i-1) {
			shards = append(shards, i)
		}
	}
	return shards
}

// split divides a collection into training and test images: of every class a
// random share, at least one image where there are two, goes to the test
// images. What goes where depends on nothing but the labels, the share and the
// seed.
func split(s Source, share float64, seed uint64) (train, test Source) {
	byClass := make([][]int, len(s.Classes()))
	for i := range s.Len() {
		c := s.Label(i)
		byClass[c] = append(byClass[c], i)
	}
	held := make([]bool, s.Len())
	for c, images := range byClass {
		if len(images) < 2 {
			continue // a class that has nothing to spare, or nothing at all
		}
		random := augment.NewStream(seed, augment.PurposeSplit, uint64(c))
		n := int(math.Round(share * float64(len(images))))
		n = max(min(n, len(images)-1), 1)
		for _, at := range permutation(&random, len(images))[:n] {
			held[images[at]] = true
		}
	}
	var kept, tested []int
	for i, out := range held {
		if out {
			tested = append(tested, i)
		} else {
			kept = append(kept, i)
		}
	}
	return Subset(s, kept), Subset(s, tested)
}
