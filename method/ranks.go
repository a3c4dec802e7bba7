package method

import (
	"cone/dist"
	"cone/tensor"
)

// ranks are the processes that train together, as a loss over the whole batch
// sees them: every image is compared with those of all. The zero value is a
// process by itself.
//
// A loss on each rank is a mean over its own N images. What the run minimises
// is the mean over all images, Σ_r N_r·L_r / Σ_r N_r: the loop scales each
// rank's loss by its share before backward and sums the gradients.
type ranks struct{ group *dist.Group }

func (r ranks) alone() bool { return r.group == nil || r.group.Alone() }

// whole is the batch over all ranks, in rank order.
type whole struct {
	embedding, labels tensor.Tensor // M×D with a gradient to each rank's own, and M
	first             int           // of this rank's images
}

// join makes the whole batch of this rank's embeddings N×D and labels N.
func (r ranks) join(embedding, labels tensor.Tensor) whole {
	if r.alone() {
		return whole{embedding: embedding, labels: labels}
	}
	rows := r.group.Rows(labels.Dim(0))
	w := whole{embedding: r.group.GatherRows(embedding, rows), labels: r.group.Gather(tensor.ForOther, rows, labels)[0]}
	for _, n := range rows[:r.group.Rank()] {
		w.first += n
	}
	return w
}

// notSelf is N×M for the N images from first on: false where an image meets
// itself.
func (w whole) notSelf(first, n int) tensor.Tensor {
	place := w.labels.ZerosLike().CopyFrom(tensor.Arange(0, w.labels.Dim(0), tensor.CPU))
	return place.Narrow(0, first, n).Unsqueeze(1).Equal(place.Unsqueeze(0)).Not()
}

// labels are those of all ranks.
func (r ranks) labels(own tensor.Tensor) tensor.Tensor {
	if r.alone() {
		return own
	}
	return r.group.AllGather(own)
}

// meanWeight is what a rank divides its sum by so that the ranks' shares add up
// to a mean weighted over all images: weight is the sum over its N own.
func (r ranks) meanWeight(weight tensor.Tensor, n int) tensor.Tensor {
	if r.alone() {
		return weight
	}
	sums := tensor.Cat([]tensor.Tensor{weight.View(1), weight.ZerosLike().Fill(float64(n)).View(1)}, 0)
	r.group.AllReduce(sums)
	return sums.Select(0, 0).Div(sums.Select(0, 1)).Scale(float64(n))
}

// entries are the bank's of all ranks, in rank order: one message for features,
// probabilities, labels and image indices. rows says how many images each rank
// has; nil asks.
func (r ranks) entries(e Entry, rows []int) Entry {
	if r.alone() {
		return e
	}
	if rows == nil {
		rows = r.group.Rows(e.label.Dim(0))
	}
	all := r.group.Gather(tensor.ForBank, rows, e.tensors()...)
	e = Entry{embedding: all[0], label: all[1], image: all[2]}
	if len(all) > 3 {
		e.probability = all[3]
	}
	return e
}
