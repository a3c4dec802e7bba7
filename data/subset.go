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

// split divides a collection in two: of every class a random share, at least
// one image where there are two, is taken. What goes where depends on nothing
// but the labels, the share, the seed and the purpose, one of package augment's.
func split(s Source, share float64, seed, purpose uint64) (left, taken Source) {
	return draw(s, seed, purpose, func(images int) int {
		if images < 2 {
			return 0 // nothing to spare
		}
		return max(min(int(math.Round(share*float64(images))), images-1), 1)
	})
}

// Fraction keeps a random share of every class, and at least one image of each
// that has any; all of them when the share is 0 or at least 1. It depends on nothing but the labels, the share and the seed,
// and a smaller share keeps a part of what a larger one does.
func Fraction(s Source, share float64, seed uint64) Source {
	if share <= 0 || share >= 1 {
		return s
	}
	_, part := draw(s, seed, augment.PurposePart, func(images int) int {
		return min(images, max(1, int(math.Round(share*float64(images)))))
	})
	return part
}

// draw takes as many random images of every class as count says for its number
// of images.
func draw(s Source, seed, purpose uint64, count func(images int) int) (left, taken Source) {
	byClass := make([][]int, len(s.Classes()))
	for i := range s.Len() {
		c := s.Label(i)
		byClass[c] = append(byClass[c], i)
	}
	chosen := make([]bool, s.Len())
	for c, images := range byClass {
		n := count(len(images))
		if n == 0 {
			continue
		}
		random := augment.NewStream(seed, purpose, uint64(c))
		for _, at := range permutation(&random, len(images))[:n] {
			chosen[images[at]] = true
		}
	}
	var others, drawn []int
	for i, out := range chosen {
		if out {
			drawn = append(drawn, i)
		} else {
			others = append(others, i)
		}
	}
	return Subset(s, others), Subset(s, drawn)
}
