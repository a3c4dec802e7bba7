package main

import (
	"context"
	"os"
	"strconv"

	"cone/dist"
	"cone/internal/golden"
	"cone/method"
	"cone/model"
	"cone/tensor"
)

// options are what a step of several ranks may leave out.
type options struct {
	method        string
	sync, overlap bool
}

// join makes this process the rank that RANK and WORLD_SIZE say, if they do;
// rank 0 keeps the store at MASTER_PORT of this host.
func join() (*dist.Group, error) {
	number := func(name string) int {
		n, _ := strconv.Atoi(os.Getenv(name))
		return n
	}
	if os.Getenv("WORLD_SIZE") == "" {
		return dist.Alone(), nil
	}
	return dist.Join(context.Background(), dist.Config{
		Rank: number("RANK"), Size: number("WORLD_SIZE"), Address: "127.0.0.1", Port: number("MASTER_PORT"),
	})
}

// learning are the encoder's parameters.
func learning(e *model.Encoder) (out []tensor.Tensor) {
	for _, p := range e.Tree.Parameters() {
		out = append(out, p.Value)
	}
	return out
}

// cut is this rank's part of the batch, and its share of the loss.
func cut(b method.Batch, g *dist.Group) (method.Batch, float64) {
	if g.Alone() {
		return b, 1
	}
	n := b.Labels.Dim(0)
	from, to := n*g.Rank()/g.Size(), n*(g.Rank()+1)/g.Size()
	b.Views[0] = b.Views[0].Narrow(0, from, to-from)
	b.Labels = b.Labels.Narrow(0, from, to-from)
	b.Indices = b.Labels
	b.Rows = g.Rows(to - from)
	return b, g.Share(b.Rows)
}

// fillBank gives the bank the problem's entries.
func fillBank(c *method.CoNe, p problem) {
	golden.FillBank(p.tag, p.bank, p.dim, p.classes, func(embedding, probability, label tensor.Tensor) {
		for _, e := range c.Bank().Entries() {
			switch e.Name {
			case "embedding":
				e.Value.CopyFrom(embedding)
			case "probability":
				e.Value.CopyFrom(probability)
			case "label":
				e.Value.CopyFrom(label)
			}
		}
	})
}
