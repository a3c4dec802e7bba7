package knn

import "math"

// LeastShare is the smallest probability that a class is given, so that the
// negative log-likelihood stays finite.
const LeastShare = 1e-6

// Vote writes the C classes' shares of one picture's votes (Wu et al. 2018,
// https://arxiv.org/abs/1805.01978): each neighbour votes exp(cosine/τ) for its
// class. labels are those of all training images. Without neighbours every
// class has the same share.
func Vote(shares []float64, similarity []float32, place, labels []int64, temperature float64) {
	clear(shares)
	if len(place) == 0 {
		for c := range shares {
			shares[c] = 1 / float64(len(shares))
		}
		return
	}
	// The largest is moved to 1: nothing overflows, and shares stay the same.
	most, total := similarity[0], 0.0
	for _, s := range similarity {
		most = max(most, s)
	}
	for n, at := range place {
		vote := math.Exp(float64(similarity[n]-most) / temperature)
		shares[labels[at]] += vote
		total += vote
	}
	for c := range shares {
		shares[c] /= total
	}
}

// Votes are the shares of all pictures, N×C.
func Votes(n Neighbors, labels []int64, classes int, temperature float64) []float64 {
	out := make([]float64, n.Len()*classes)
	for i := range n.Len() {
		similarity, place := n.Row(i)
		Vote(out[i*classes:(i+1)*classes], similarity, place, labels, temperature)
	}
	return out
}

// Softmax are the probabilities of N×C logits.
func Softmax(logits []float32, classes int) []float64 {
	out := make([]float64, len(logits))
	for i := 0; i < len(logits); i += classes {
		row, p := logits[i:i+classes], out[i:i+classes]
		most, total := math.Inf(-1), 0.0
		for _, v := range row {
			most = max(most, float64(v))
		}
		for c, v := range row {
			p[c] = math.Exp(float64(v) - most)
			total += p[c]
		}
		for c := range p {
			p[c] /= total
		}
	}
	return out
}

// Top is the class with the largest share of a row, the lower one among equals.
func Top(shares []float64) int {
	top := 0
	for c, v := range shares {
		if v > shares[top] {
			top = c
		}
	}
	return top
}

// Accuracy is the share of pictures whose true class has the largest of N×C
// shares. Of leave-one-out votes it says how well the neighbours know a
// collection.
func Accuracy(shares []float64, labels []int64) float64 {
	classes, correct := len(shares)/max(len(labels), 1), 0
	for i, label := range labels {
		if Top(shares[i*classes:(i+1)*classes]) == int(label) {
			correct++
		}
	}
	return float64(correct) / float64(len(labels))
}
