package train

import (
	"context"
	"math"

	"cone/data"
	"cone/infer"
	"cone/knn"
	"cone/report"
	"cone/tensor"
)

// maxSimilarities bounds the similarities (images × training images) that are
// in memory at a time.
const maxSimilarities = 1 << 26

// vote counts every test image by the training images that are most similar
// to it (Wu et al. 2018, https://arxiv.org/abs/1805.01978): each of the k
// nearest votes exp(cosine/τ) for its class.
func (j judge) vote(ctx context.Context) (result report.Result, err error) {
	tensor.Scope(func() {
		var index tensor.Tensor
		var labels []int64
		if index, labels, err = j.embed(ctx); err != nil {
			return
		}
		result, err = j.count(ctx, func(b *data.Batch) (scores []float32) {
			tensor.Scope(func() { scores = j.scores(b, index, labels) })
			return scores
		})
	})
	return result, err
}

// embed gives the normalised embeddings of all training images, M×D in
// float32, and their labels.
func (j judge) embed(ctx context.Context) (embeddings tensor.Tensor, labels []int64, err error) {
	var all []float32
	var indices []int64
	err = infer.Each(ctx, j.index, func(b *data.Batch) error {
		all = append(all, j.model.Forward(b, infer.Embedding)[0]...)
		labels, indices = append(labels, b.Labels...), append(indices, b.Indices...)
		return nil
	})
	if err := j.agree(err); err != nil {
		return embeddings, nil, err
	}
	all, labels = j.everyEmbedding(all, labels, indices, j.model.Encoder.Dim())
	embeddings = tensor.From(all, len(labels), len(all)/len(labels)).ToDevice(j.model.Input.Device())
	return embeddings, labels, nil
}

// scores are the logarithms of the classes' shares of the votes, N×C.
func (j judge) scores(b *data.Batch, index tensor.Tensor, labels []int64) []float32 {
	k := min(j.settings.K, len(labels))
	raw := j.model.Forward(b, infer.Embedding)[0]
	images := tensor.From(raw, b.N, len(raw)/b.N).ToDevice(j.model.Input.Device())
	var out []float32
	rows := max(1, maxSimilarities/len(labels))
	for from := 0; from < b.N; from += rows {
		tensor.Scope(func() {
			similarity, place := tensor.Nearest(images.Narrow(0, from, min(rows, b.N-from)), index, k)
			out = append(out, j.shares(tensor.To[float32](similarity.ToDevice(tensor.CPU)),
				tensor.To[int64](place.ToDevice(tensor.CPU)), labels, k)...)
		})
	}
	return out
}

// shares turns n×k similarities and places into n×C scores.
func (j judge) shares(similarity []float32, place, labels []int64, k int) (out []float32) {
	votes := make([]float64, len(j.classes))
	for i := 0; i < len(place); i += k {
		knn.Vote(votes, similarity[i:i+k], place[i:i+k], labels, j.settings.Temperature)
		for _, share := range votes {
			out = append(out, float32(math.Log(max(share, knn.LeastShare))))
		}
	}
	return out
}
