package train

import (
	"context"
	"crypto/sha256"

	"cone/data"
	"cone/knn"
	"cone/tensor"
)

// AuditOptions say how training labels are audited.
type AuditOptions struct {
	// K neighbours vote, or all others where there are fewer, with temperature τ;
	// 0 is knn.AuditVoters.
	K           int
	Temperature float64
	// Classifier is the weight of the classifier's own probabilities beside the
	// vote, from 0 to 1. It has learnt the labels that it is to judge.
	Classifier float64
	// Embedded are the training images' features where they are known already;
	// else the model makes them.
	Embedded *Features
}

// Audit is what a model's neighbours say of the labels that it learnt.
type Audit struct {
	// Ranked are all training images that could be decoded, the most suspicious
	// first. Image is a row of the fields below.
	Ranked []knn.Suspicion
	// Near are their neighbours, as rows: never an image itself nor a copy of
	// it, which would vote for its own label.
	Near knn.Neighbors
	// Features are those of the training images.
	Features Features
	// Copies are for each row the other rows with exactly the same picture;
	// nil for most.
	Copies [][]int
	// LeaveOneOut is the share of images whose label the vote of their
	// neighbours agrees with.
	LeaveOneOut float64
}

// moreNeighbors is how many copies of a picture may be among its neighbours
// before it is left with fewer than K.
const moreNeighbors = 16

// AuditLabels ranks the training images of a collection by how much their
// neighbours contradict their labels. It changes nothing. When ctx ends before it
// does, it returns ErrInterrupted.
func AuditLabels(ctx context.Context, c *Checkpoint, e Engine, collection *data.Collection, o AuditOptions) (a Audit, err error) {
	r := c.Recipe.FinalStage()
	if err := checkFits(c, collection.Train, r.Data.Path); err != nil {
		return a, err
	}
	if o.Embedded != nil {
		a.Features = *o.Embedded
	} else {
		features, err := ModelFeatures(ctx, c, e, o.Classifier > 0, collection.Train)
		if err != nil {
			return a, err
		}
		a.Features = features[0]
	}
	picture, err := pictures(ctx, collection.Train, a.Features.Indices)
	if err != nil {
		return a, err
	}
	a.Copies = copies(picture)
	if o.K == 0 {
		o.K = knn.AuditVoters(a.Features.Labels)
	}
	o.K = min(o.K, max(a.Features.Len()-1, 1))
	var near knn.Neighbors
	err = tensor.Run(func() error {
		e.Prepare()
		near = nearest(a.Features, a.Features, o.K+1+moreNeighbors, e.Device)
		return nil
	})
	if err != nil {
		return a, err
	}
	a.Near = near.Keep(o.K, func(i int, place int64) bool { return picture[i] != picture[place] })
	shares := knn.Votes(a.Near, a.Features.Labels, len(c.Classes), o.Temperature)
	a.LeaveOneOut = knn.Accuracy(shares, a.Features.Labels)
	if o.Classifier > 0 {
		for i, p := range knn.Softmax(a.Features.Logits, len(c.Classes)) {
			shares[i] = o.Classifier*p + (1-o.Classifier)*shares[i]
		}
	}
	a.Ranked = knn.Audit(shares, a.Features.Labels)
	return a, nil
}

// pictures numbers the images at the indices so that equal numbers are equal
// pictures, byte by byte.
func pictures(ctx context.Context, s data.Source, indices []int64) ([]int, error) {
	first := make(map[[sha256.Size]byte]int, len(indices))
	out := make([]int, len(indices))
	var buffer []byte
	for row, i := range indices {
		if ctx.Err() != nil {
			return nil, ErrInterrupted
		}
		content, err := s.Read(int(i), &buffer)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		if _, ok := first[sum]; !ok {
			first[sum] = row
		}
		out[row] = first[sum]
	}
	return out, nil
}

// copies are for each row the others with the same picture.
func copies(picture []int) [][]int {
	groups := map[int][]int{}
	for row, number := range picture {
		groups[number] = append(groups[number], row)
	}
	out := make([][]int, len(picture))
	for row, number := range picture {
		for _, other := range groups[number] {
			if other != row {
				out[row] = append(out[row], other)
			}
		}
	}
	return out
}
