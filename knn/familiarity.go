package knn

import (
	"fmt"
	"slices"
)

// Familiarity says how much a picture resembles the training images: the place
// of its mean similarity to its K nearest ones among those of pictures that
// certainly belong. It is what conformal prediction calls a p-value (Laxhammar
// and Falkman 2015, https://doi.org/10.1007/s10472-013-9381-7): of pictures like
// the calibration's, a share of at most p has a familiarity of at most p.
type Familiarity struct {
	// K is how many neighbours count.
	K int `json:"k"`
	// Quantiles are evenly spaced quantiles of the calibration pictures' mean
	// similarities, the smallest first.
	Quantiles []float32 `json:"quantiles"`
	// N is how many pictures the calibration had.
	N int `json:"n"`
	// HeldOut says that training had not seen them. Images that it has seen lie
	// closer together, so that new ones of the same kind look less familiar
	// than they are.
	HeldOut bool `json:"held_out"`
}

// Unfamiliar is the familiarity below which a picture is called unlike anything
// in the training set: 1 of 100 pictures that belong is.
const Unfamiliar = 0.01

// maxQuantiles bounds what a calibration stores.
const maxQuantiles = 1000

// MeanSimilarity of each picture's first k neighbours. Without neighbours it is
// −1, the smallest cosine.
func MeanSimilarity(n Neighbors, k int) []float32 {
	out := make([]float32, n.Len())
	for i := range out {
		similarity, _ := n.Row(i)
		similarity = similarity[:min(k, len(similarity))]
		sum := 0.0
		for _, s := range similarity {
			sum += float64(s)
		}
		out[i] = -1
		if len(similarity) > 0 {
			out[i] = float32(sum / float64(len(similarity)))
		}
	}
	return out
}

// CalibrateFamiliarity learns from the neighbours of pictures that belong.
func CalibrateFamiliarity(n Neighbors, k int, heldOut bool) (Familiarity, error) {
	means := MeanSimilarity(n, k)
	if len(means) == 0 {
		return Familiarity{}, fmt.Errorf("familiarity needs pictures to be calibrated on")
	}
	slices.Sort(means)
	f := Familiarity{K: k, N: len(means), HeldOut: heldOut}
	points := min(len(means), maxQuantiles)
	for q := range points {
		// The middle of the q-th of as many equal parts.
		f.Quantiles = append(f.Quantiles, means[(2*q+1)*len(means)/(2*points)])
	}
	return f, nil
}

// Of gives the familiarity of a picture with that mean similarity, above 0 and at
// most 1.
func (f Familiarity) Of(mean float32) float64 {
	at, _ := slices.BinarySearch(f.Quantiles, mean)
	for at < len(f.Quantiles) && f.Quantiles[at] == mean {
		at++ // those as similar are not more familiar
	}
	return float64(at+1) / float64(len(f.Quantiles)+1)
}

// OfNeighbors gives the familiarity of a picture whose neighbours, K or more and
// the most similar first, have these cosines.
func (f Familiarity) OfNeighbors(similarities []float32) float64 {
	n := Neighbors{K: len(similarities), Similarity: similarities, Place: make([]int64, len(similarities))}
	return f.Of(MeanSimilarity(n, f.K)[0])
}

// Valid says whether a calibration that was read from somewhere can be used.
func (f Familiarity) Valid() bool {
	return f.K >= 1 && len(f.Quantiles) > 0 && slices.IsSorted(f.Quantiles)
}
