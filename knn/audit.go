package knn

import (
	"cmp"
	"slices"
)

// Suspicion is a training image whose label its neighbours may contradict.
type Suspicion struct {
	// Image is its place among the training images.
	Image int
	// Given is its label, and Suggested the class that the others see in it.
	Given, Suggested int
	// Score is the suggested class's probability less the given one's: above 0
	// the others outvote the label, and at 1 they are certain.
	Score float64
	// GivenShare and SuggestedShare are those probabilities.
	GivenShare, SuggestedShare float64
}

// Audit ranks all training images by how much N×C probabilities that owe nothing
// to their own labels, such as leave-one-out votes, contradict the N labels. The
// most suspicious comes first. The score is the normalised margin of confident
// learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068) with its
// sign turned, and the suggestion the likeliest class other than the label.
func Audit(shares []float64, labels []int64) []Suspicion {
	if len(labels) == 0 {
		return nil
	}
	classes := len(shares) / len(labels)
	all := make([]Suspicion, len(labels))
	for i, label := range labels {
		row := shares[i*classes : (i+1)*classes]
		given := int(label)
		other := 0
		if given == 0 {
			other = 1
		}
		for c, v := range row {
			if c != given && v > row[other] {
				other = c
			}
		}
		all[i] = Suspicion{Image: i, Given: given, Suggested: other,
			Score: row[other] - row[given], GivenShare: row[given], SuggestedShare: row[other]}
	}
	slices.SortStableFunc(all, func(a, b Suspicion) int { return cmp.Compare(b.Score, a.Score) })
	return all
}

// PrecisionAt is the share of the first n of a ranking whose label is wrong.
func PrecisionAt(ranked []Suspicion, n int, wrong func(image int) bool) float64 {
	found := 0
	for _, s := range ranked[:n] {
		if wrong(s.Image) {
			found++
		}
	}
	return float64(found) / float64(n)
}
