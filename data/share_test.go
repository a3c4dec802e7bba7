package data

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"cone/recipe"
)

// Whatever the number of ranks, what they get together for every part of a
// batch is what one process gets for it: pictures, mixed ones too, labels,
// partners and shares.
func TestRanksShareParts(t *testing.T) {
	f := pngs(t, 103)
	mixed := append(slices.Clone(cropToSix), policies(t, "  - mix: {mode: pair, mixup_alpha: 0.8, cutmix_alpha: 1, probability: 0.8}\n")...)
	for _, c := range []struct {
		batch, parts int
		augment      []recipe.Step
		worlds       []int
	}{
		{24, 2, cropToSix, []int{2, 3, 4}},
		{24, 3, cropToSix, []int{2, 4}},
		{24, 1, mixed, []int{2, 3, 4}},
		{24, 2, mixed, []int{2, 3, 4}},
		{36, 3, mixed, []int{2, 3}},
	} {
		t.Run(fmt.Sprintf("batch %d, parts %d, steps %d", c.batch, c.parts, len(c.augment)), func(t *testing.T) {
			o := Options{Batch: c.batch, Seed: 6, Augment: c.augment, DropLast: true, Parts: c.parts}
			whole := pictures(t, f, o)
			if len(whole) != 103/c.batch*c.batch {
				t.Fatalf("one process sees %d pictures", len(whole))
			}
			for _, world := range c.worlds {
				seen := map[string]int{}
				for rank := range world {
					o.Rank, o.World = rank, world
					for _, p := range pictures(t, f, o) {
						seen[p]++
					}
				}
				for _, p := range whole {
					seen[p]--
				}
				for p, n := range seen {
					if n != 0 {
						t.Fatalf("%d ranks see a picture %+d times more: %.60s", world, n, p)
					}
				}
			}
		})
	}
}

// pictures are all of an epoch, each with its batch, its part and everything
// that is said of it.
func pictures(t *testing.T, s Source, o Options) (all []string) {
	e, err := open(t, s, o).Epoch(context.Background(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := e.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		size := len(b.Images) / b.N
		for i := range b.N {
			said := fmt.Sprint(b.Number, i*o.Parts/b.N, b.Indices[i], b.Labels[i])
			if b.Partners != nil {
				said += fmt.Sprint(" ", b.Partners[i], b.Shares[i])
			}
			all = append(all, said+fmt.Sprint(b.Images[i*size:(i+1)*size]))
		}
	}
}

func TestSharesThatCannotBe(t *testing.T) {
	f := pngs(t, 103)
	mixed := append(slices.Clone(cropToSix), policies(t, "  - mix: {mode: batch, mixup_alpha: 0.8}\n")...)
	for _, o := range []Options{
		{Batch: 20, World: 3, Parts: 2, DropLast: true},
		{Batch: 20, World: 4, Parts: 2},
		{Batch: 20, World: 4, DropLast: true, Augment: mixed},                    // 5 each: half a pair
		{Batch: 20, World: 2, DropLast: true, Augment: mixed, OnError: LeaveOut}, // pairs would lose one
		{Batch: 24, World: 4, Parts: 3, DropLast: true, Augment: mixed},          // 2 of the middle part each: fine, but for 36
		{Batch: 36, World: 4, Parts: 3, DropLast: true, Augment: mixed},          // 3 of the middle part
	} {
		if o.Augment == nil {
			o.Augment = cropToSix
		}
		l, err := NewLoader(f, o)
		fits := o.Batch == 24
		if fits != (err == nil) {
			t.Errorf("%+v: %v", o, err)
		}
		if err == nil {
			l.Close()
		}
	}
}
