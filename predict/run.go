package predict

import (
	"context"
	"fmt"
	"sync"

	"cone/augment"
	"cone/data"
	"cone/infer"
	"cone/picture"
)

// Item is what a model makes of one picture. Its slices are valid until visit
// returns.
type Item struct {
	Name string
	// Label is the picture's true class, where a collection knows it, or empty.
	Label string
	// Problem says why there is nothing else: the picture cannot be decoded.
	Problem error

	Logits    []float32     // C
	Embedding []float32     // D, of length 1
	Picture   picture.Image // as the network sees it, before normalisation
}

// Options of a run.
type Options struct {
	// Batch is how many pictures go through the network at a time; 0 means the
	// recipe's evaluation batch, at most maxBatch.
	Batch int
	// Size is what pictures are resized to before the recipe's transform, where
	// the model was trained on pixels of one size; not Known, it is the model's.
	Size picture.Size
}

// maxBatch bounds the batch unless it is asked for: more costs memory and is no
// faster.
const maxBatch = 256

// Run visits all pictures in the order of the inputs, batch by batch, pictures
// with a problem included. When ctx ends before it does, it returns
// infer.ErrInterrupted.
func Run(ctx context.Context, m *infer.Model, in Inputs, o Options, visit func([]Item) error) error {
	r := runner{ctx: ctx, model: m, options: o, visit: visit}
	return in.each(&chunks{visit: r.chunk, problem: func(name string, err error) error {
		return visit([]Item{{Name: name, Problem: err}})
	}})
}

type runner struct {
	ctx     context.Context
	model   *infer.Model
	options Options
	visit   func([]Item) error
	size    picture.Size // of pixels; found when it is needed
}

// chunk runs the model on a collection.
func (r *runner) chunk(source data.Source, labelled bool) error {
	prepared, err := r.prepare(source)
	if err != nil {
		return err
	}
	var lost problems
	o := infer.LoaderOptions(r.model.Recipe)
	if o.Batch = min(o.Batch, maxBatch); r.options.Batch > 0 {
		o.Batch = r.options.Batch
	}
	o.OnError, o.OnLost = data.LeaveOut, lost.add
	loader, err := data.NewLoader(prepared, o)
	if err != nil {
		return fmt.Errorf("the pictures cannot be prepared: %w", err)
	}
	defer loader.Close()
	next := 0
	skipped := func(items []Item, until int) []Item {
		for ; next < until; next++ {
			items = append(items, Item{Name: source.Name(next), Problem: lost.take(next)})
		}
		return items
	}
	err = r.model.Run(r.ctx, loader, func(b *data.Batch, out infer.Output) error {
		var items []Item
		classes, dim := len(out.Logits)/b.N, len(out.Embedding)/b.N
		size := picture.Size{Height: b.H, Width: b.W, Channels: b.C}
		for i := range b.N {
			items = skipped(items, int(b.Indices[i]))
			item := Item{
				Name:   source.Name(next),
				Logits: out.Logits[i*classes : (i+1)*classes], Embedding: out.Embedding[i*dim : (i+1)*dim],
				Picture: picture.Image{Size: size, Pixels: b.Images[i*size.Bytes() : (i+1)*size.Bytes()]},
			}
			if labelled {
				item.Label = source.Classes()[b.Labels[i]]
			}
			items = append(items, item)
			next++
		}
		return r.visit(items)
	})
	if err != nil {
		return err
	}
	if rest := skipped(nil, source.Len()); len(rest) > 0 {
		return r.visit(rest)
	}
	return nil
}

// prepare makes the collection's pictures what the recipe's transform takes.
func (r *runner) prepare(s data.Source) (data.Source, error) {
	m := r.model
	if s.Size().Known() {
		if s.Size().Channels != m.Channels {
			return nil, fmt.Errorf("the pictures have %d channels, but the model takes %d", s.Size().Channels, m.Channels)
		}
		return s, nil
	}
	if m.Channels == 3 && !r.options.Size.Known() && !m.Size.Known() && takesAll(m) {
		return s, nil
	}
	if !r.size.Known() {
		size, err := pixelSize(m, r.options.Size)
		if err != nil {
			return nil, err
		}
		size.Channels = m.Channels
		r.size = size
	}
	return data.Pixels(s, r.size, infer.CodecOptions(m.Recipe.Data)), nil
}

// takesAll says whether the model's transform makes one size of any picture.
func takesAll(m *infer.Model) bool {
	_, err := augment.Compile(m.Recipe.Evaluate.Transform, picture.Size{Channels: 3}, augment.Options{Exact: true})
	return err == nil
}

// pixelSize is the size of the pictures that a model was trained on.
func pixelSize(m *infer.Model, asked picture.Size) (picture.Size, error) {
	switch {
	case asked.Known():
		return asked, nil
	case m.Size.Known():
		return m.Size, nil
	}
	// Checkpoints of older versions do not tell, but their data does.
	c, err := data.Open(m.Recipe.Data)
	if err != nil {
		return picture.Size{}, fmt.Errorf("the recipe does not say how large pictures must be, and its data cannot be asked (%w): give their side with --input-size", err)
	}
	defer c.Close()
	if !c.Test.Size().Known() {
		return picture.Size{}, fmt.Errorf("the recipe does not say how large pictures must be: give their side with --input-size")
	}
	return c.Test.Size(), nil
}

// problems are why pictures were left out, until they are told.
type problems struct {
	mutex   sync.Mutex
	reasons map[int]error
}

func (p *problems) add(index int, reason error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.reasons == nil {
		p.reasons = map[int]error{}
	}
	p.reasons[index] = reason
}

func (p *problems) take(index int) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	reason := p.reasons[index]
	delete(p.reasons, index)
	return reason
}
