package knn

import (
	"cmp"
	"maps"
	"slices"
)

// Suspicion is a training image whose label its neighbours may contradict.
type Suspicion struct {
	// Image is its place among the training images.
	Image int
	// Given is its label, and Suggested the class that the others see in it.
	Given, Suggested int
	// Score is what the label's own probability lacks to 1: at 1 nobody else
	// has the label.
	Score float64
	// GivenShare and SuggestedShare are the two classes' probabilities.
	GivenShare, SuggestedShare float64
}

// Outvoted says that the suggested class has more probability than the given one.
func (s Suspicion) Outvoted() bool { return s.SuggestedShare > s.GivenShare }

// Audit ranks all training images by how much N×C probabilities that owe nothing
// to their own labels, such as leave-one-out votes, contradict the N labels. The
// most suspicious comes first: that with the least probability of its own label,
// the self-confidence of confident learning (Northcutt et al. 2021,
// https://arxiv.org/abs/1911.00068), and of equals the surer suggestion, the
// likeliest class other than the label. The margin between the two finds fewer
// wrong labels, for it also puts first what is hard to tell apart, where the
// neighbours are sure of one class and yet some have the other.
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
			Score: 1 - row[given], GivenShare: row[given], SuggestedShare: row[other]}
	}
	slices.SortStableFunc(all, func(a, b Suspicion) int {
		return cmp.Or(cmp.Compare(a.GivenShare, b.GivenShare), cmp.Compare(b.SuggestedShare, a.SuggestedShare))
	})
	return all
}

// AuditVoters is how many neighbours should vote in an audit of N labels: a fifth
// of the images of the median class, between 10 and 200. A label that is nowhere
// among 200 neighbours is wrong more surely than one that is nowhere among 20, but
// among more than its class has it is rare anyway.
func AuditVoters(labels []int64) int {
	count := map[int64]int{}
	for _, label := range labels {
		count[label]++
	}
	if len(count) == 0 {
		return leastVoters
	}
	sizes := slices.Sorted(maps.Values(count))
	return max(leastVoters, min(mostVoters, sizes[len(sizes)/2]/5))
}

const leastVoters, mostVoters = 10, 200

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
