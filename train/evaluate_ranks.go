package train

import (
	"cmp"
	"errors"
	"slices"

	"cone/data"
	"cone/dist"
	"cone/report"
	"cone/tensor"
)

// Test images are dealt out to the ranks, none twice, none left out. What each
// rank found is put in the order of the images before it is added up, so that
// the figures are those of one process.

// agree brings the ranks together after their parts. One that was interrupted
// interrupts all; one that failed gets its own error, the others one that names
// it.
func (j judge) agree(err error) error {
	if j.group.Alone() {
		return err
	}
	said := ""
	if err != nil {
		said = err.Error()
	}
	for rank, text := range gatherBytes(j.group, []byte(said)) {
		switch {
		case err != nil && !errors.Is(err, ErrInterrupted):
			return err
		case string(text) == ErrInterrupted.Error():
			err = ErrInterrupted
		case len(text) > 0:
			return &dist.PeerError{Rank: rank, Host: j.group.Host(rank), Reason: "stopped: " + string(text)}
		}
	}
	return err
}

// everyImage joins the ranks' images, in order.
func (j judge) everyImage(own []report.Judged) []report.Judged {
	if j.group.Alone() {
		return own
	}
	var out []report.Judged
	tensor.Scope(func() {
		var numbers []float64
		for _, image := range own {
			numbers = append(numbers, image.Numbers()...)
		}
		const width = report.JudgedNumbers
		all := tensor.To[float64](j.group.AllGather(rowsOf(numbers, len(own), width)))
		for i := 0; i < len(all); i += width {
			out = append(out, report.JudgedFrom(all[i:i+width]))
		}
	})
	slices.SortFunc(out, func(a, b report.Judged) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// rowsOf makes a matrix that may have no rows.
func rowsOf[E tensor.Element](numbers []E, rows, width int) tensor.Tensor {
	if rows == 0 {
		return tensor.From(make([]E, width), 1, width).Narrow(0, 0, 0)
	}
	return tensor.From(numbers, rows, width)
}

// everyEmbedding joins the ranks' embeddings, of D numbers each, and labels, in
// the order of the images.
func (j judge) everyEmbedding(embeddings []float32, labels, indices []int64, dim int) ([]float32, []int64) {
	if j.group.Alone() {
		return embeddings, labels
	}
	var allLabels []int64
	all := make([]float32, 0, len(embeddings)*j.group.Size())
	tensor.Scope(func() {
		rows := j.group.Rows(len(labels))
		joined := j.group.Gather(tensor.ForOther, rows, rowsOf(embeddings, len(labels), dim),
			rowsOf(labels, len(labels), 1), rowsOf(indices, len(labels), 1))
		values, classes, places := tensor.To[float32](joined[0]), tensor.To[int64](joined[1]), tensor.To[int64](joined[2])
		order := make([]int, len(places))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(places[a], places[b]) })
		for _, i := range order {
			all = append(all, values[i*dim:(i+1)*dim]...)
			allLabels = append(allLabels, classes[i])
		}
	})
	return all, allLabels
}

// shareLost makes every rank know of the pictures that the others could not
// decode.
func (r *run) shareLost() error {
	if r.alone() {
		return nil
	}
	type pictures struct{ Training, Test []data.Lost }
	all, err := gatherJSON(r.engine.group(), pictures{r.loader.Lost(), r.testLoader.Lost()})
	if err != nil {
		return err
	}
	for rank, p := range all {
		if rank != r.engine.group().Rank() {
			r.loader.Recall(p.Training)
			r.testLoader.Recall(p.Test)
		}
	}
	return nil
}
