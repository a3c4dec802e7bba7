// Package knn turns the most similar training images of a picture into figures:
// a vote on its class, alone or mixed with a classifier's, how familiar the
// picture is, and which training labels their neighbours contradict. It works on
// plain numbers; who finds the neighbours does not matter.
//
// Shape legend: N pictures, C classes, K neighbours of each, M training images.
package knn

import (
	"cmp"
	"math"
	"slices"
)

// Neighbors are the K most similar training images of each of N pictures, the
// most similar first. Where there are fewer, the rest of a row has the place −1.
type Neighbors struct {
	K int
	// Similarity has N×K cosines.
	Similarity []float32
	// Place has N×K indices of training images, from 0 to M−1, or −1.
	Place []int64
}

// Len is N.
func (n Neighbors) Len() int { return len(n.Place) / max(n.K, 1) }

// Row is the neighbours of picture i, without absent ones.
func (n Neighbors) Row(i int) (similarity []float32, place []int64) {
	similarity, place = n.Similarity[i*n.K:(i+1)*n.K], n.Place[i*n.K:(i+1)*n.K]
	if end := slices.Index(place, -1); end >= 0 {
		return similarity[:end], place[:end]
	}
	return similarity, place
}

// Sort puts each row's most similar image first, and the lower place first
// among equals.
func (n Neighbors) Sort() {
	order := make([]int, n.K)
	for i := range n.Len() {
		similarity, place := n.Row(i)
		order = order[:len(place)]
		for at := range order {
			order[at] = at
		}
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(similarity[b], similarity[a]), cmp.Compare(place[a], place[b]))
		})
		s, p := slices.Clone(similarity), slices.Clone(place)
		for at, from := range order {
			similarity[at], place[at] = s[from], p[from]
		}
	}
}

// Keep gives the first k neighbours of each picture that keep says yes to.
func (n Neighbors) Keep(k int, keep func(picture int, place int64) bool) Neighbors {
	rows := n.Len()
	out := Neighbors{K: k, Similarity: make([]float32, rows*k), Place: make([]int64, rows*k)}
	for i := range rows {
		similarity, place := n.Row(i)
		at := i * k
		for j, p := range place {
			if at < (i+1)*k && keep(i, p) {
				out.Similarity[at], out.Place[at] = similarity[j], p
				at++
			}
		}
		for ; at < (i+1)*k; at++ {
			out.Similarity[at], out.Place[at] = float32(math.Inf(-1)), -1
		}
	}
	return out
}

// First gives the first k neighbours of each picture.
func (n Neighbors) First(k int) Neighbors {
	return n.Keep(min(k, n.K), func(int, int64) bool { return true })
}
