package data

import (
	"math"
	"slices"
	"strings"
	"testing"

	"cone/picture"
	"cone/recipe"
)

// labelled is a Source of which only labels and shards count.
type labelled struct {
	labels []int
	names  []string
	shards []int
}

func (l *labelled) Len() int                          { return len(l.labels) }
func (l *labelled) Classes() []string                 { return l.names }
func (l *labelled) Label(i int) int                   { return l.labels[i] }
func (l *labelled) Name(int) string                   { return "" }
func (l *labelled) Size() picture.Size                { return picture.Size{} }
func (l *labelled) Read(int, *[]byte) ([]byte, error) { return nil, nil }
func (l *labelled) Close() error                      { return nil }
func (l *labelled) Shards() []int                     { return l.shards }

// longTail has 4 classes of 600, 300, 100 and 0 images, in this order.
func longTail() *labelled {
	l := &labelled{names: []string{"a", "b", "c", "none"}, shards: []int{0, 100, 250, 900}}
	for c, n := range []int{600, 300, 100} {
		for range n {
			l.labels = append(l.labels, c)
		}
	}
	return l
}

func sampler(t *testing.T, s recipe.Sampling, src Source, batch int) *Sampler {
	t.Helper()
	out, err := NewSampler(s, 7, src, batch)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestShuffleVisitsEveryImageOnce(t *testing.T) {
	for _, settings := range []recipe.Sampling{{Order: "shuffle"}, {Order: "shards", Buffer: 37}, {Order: "shards", Buffer: 2}, {Order: "shards", Buffer: 5000}} {
		s := sampler(t, settings, longTail(), 10)
		first := s.Visits(3)
		if len(first) != 1000 || s.Len() != 1000 {
			t.Errorf("%+v: %d visits, Len %d", settings, len(first), s.Len())
		}
		seen := make([]int, 1000)
		for _, v := range first {
			seen[v.Index]++
			if v.Repeat != 0 {
				t.Fatalf("%+v: %+v", settings, v)
			}
		}
		if slices.Max(seen) != 1 || slices.Min(seen) != 1 {
			t.Errorf("%+v: an image comes %d to %d times", settings, slices.Min(seen), slices.Max(seen))
		}
		if !slices.Equal(first, s.Visits(3)) || slices.Equal(first, s.Visits(4)) {
			t.Errorf("%+v: the order is no function of the epoch, or does not depend on it", settings)
		}
	}
}

func TestShuffleIsOrder(t *testing.T) {
	for i, v := range sampler(t, recipe.Sampling{Order: "shuffle"}, longTail(), 10).Visits(5) {
		if want := Order(7, 5, 1000)[i]; int(v.Index) != want {
			t.Fatalf("visit %d is image %d, want %d", i, v.Index, want)
		}
	}
}

// Through a small buffer, an image comes soon after its neighbours in the file.
func TestShardsAreReadInRuns(t *testing.T) {
	src := longTail()
	visits := sampler(t, recipe.Sampling{Order: "shards", Buffer: 20}, src, 10).Visits(0)
	open := map[int]bool{}
	var shards []int
	changes := 0
	for i, v := range visits {
		at, exact := slices.BinarySearch(src.shards, int(v.Index))
		if !exact {
			at--
		}
		if !open[at] {
			open[at] = true
			shards = append(shards, at)
		}
		if i > 0 && v.Index != visits[i-1].Index+1 {
			changes++
		}
	}
	if len(shards) != 4 || changes < 500 {
		t.Errorf("shards in order %v, %d breaks of the sequence", shards, changes)
	}
	orders := map[string]bool{}
	for epoch := range 20 {
		first := sampler(t, recipe.Sampling{Order: "shards", Buffer: 1}, src, 10).Visits(epoch)[0].Index
		at, _ := slices.BinarySearch(src.shards, int(first)+1)
		orders[string(rune('0'+at))] = true
	}
	if len(orders) < 3 {
		t.Errorf("20 epochs began with %d different shards", len(orders))
	}
	// A buffer of one image keeps each shard's own order.
	visits = sampler(t, recipe.Sampling{Order: "shards", Buffer: 1}, src, 10).Visits(0)
	breaks := 0
	for i := 1; i < len(visits); i++ {
		if visits[i].Index != visits[i-1].Index+1 {
			breaks++
		}
	}
	if breaks > 3 {
		t.Errorf("%d breaks between 4 shards", breaks)
	}
}

// counts are the visits by class, and the highest repeat of an image.
func counts(src Source, visits []Visit) (classes []float64, repeats int32) {
	classes = make([]float64, len(src.Classes()))
	for _, v := range visits {
		classes[src.Label(int(v.Index))]++
		repeats = max(repeats, v.Repeat)
	}
	return classes, repeats
}

func TestClassesAreDrawnByWeight(t *testing.T) {
	src := longTail()
	root := math.Sqrt(6) + math.Sqrt(3) + 1
	for _, test := range []struct {
		settings recipe.Sampling
		shares   []float64
	}{
		{recipe.Sampling{Order: "class-balanced", Power: 1}, []float64{1. / 3, 1. / 3, 1. / 3, 0}},
		{recipe.Sampling{Order: "weighted", Power: 1}, []float64{0.6, 0.3, 0.1, 0}},
		{recipe.Sampling{Order: "weighted", Power: 0}, []float64{1. / 3, 1. / 3, 1. / 3, 0}},
		{recipe.Sampling{Order: "weighted", Power: 0.5}, []float64{math.Sqrt(6) / root, math.Sqrt(3) / root, 1 / root, 0}},
	} {
		s := sampler(t, test.settings, src, 10)
		sum := make([]float64, 4)
		for epoch := range 30 {
			got, _ := counts(src, s.Visits(epoch))
			for c := range sum {
				sum[c] += got[c] / 30_000
			}
		}
		for c := range sum {
			// 30,000 draws: a standard deviation below 0.003.
			if math.Abs(sum[c]-test.shares[c]) > 0.012 {
				t.Errorf("%+v: class %d is %.4f of the visits, want %.4f", test.settings, c, sum[c], test.shares[c])
			}
		}
	}
}

// No image of a class comes again before all others of it have come, and each
// coming has a number of its own.
func TestCyclesCountRepeats(t *testing.T) {
	src := longTail()
	visits := sampler(t, recipe.Sampling{Order: "class-balanced"}, src, 10).Visits(0)
	next := map[int32]int32{}
	for _, v := range visits {
		if v.Repeat != next[v.Index] {
			t.Fatalf("image %d has repeat %d, want %d", v.Index, v.Repeat, next[v.Index])
		}
		next[v.Index]++
	}
	least, most := int32(99), int32(0)
	for i := int32(900); i < 1000; i++ {
		least, most = min(least, next[i]), max(most, next[i])
	}
	if least < 2 || most-least > 1 {
		t.Errorf("the images of the small class come %d to %d times", least, most)
	}
}

func TestPerClass(t *testing.T) {
	src := longTail()
	s := sampler(t, recipe.Sampling{Order: "per-class", PerClass: 4}, src, 12)
	visits := s.Visits(1)
	if len(visits) != 996 || s.Len() != 996 {
		t.Fatalf("%d visits, Len %d", len(visits), s.Len())
	}
	for b := range 83 {
		got, _ := counts(src, visits[12*b:12*b+12])
		if !slices.Equal(got, []float64{4, 4, 4, 0}) {
			t.Fatalf("batch %d has %v images by class", b, got)
		}
	}
	for _, test := range []struct {
		settings recipe.Sampling
		batch    int
		want     string
	}{
		{recipe.Sampling{Order: "per-class", PerClass: 5}, 12, "does not divide the batch of 12"},
		{recipe.Sampling{Order: "per-class", PerClass: 0}, 12, "needs at least 1"},
		{recipe.Sampling{Order: "per-class", PerClass: 3}, 12, "needs 4 classes, but 3 have images"},
		{recipe.Sampling{Order: "random"}, 12, "choose shuffle, shards, class-balanced, per-class or weighted"},
	} {
		if _, err := NewSampler(test.settings, 0, src, test.batch); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.settings, err)
		}
	}
}

func TestRepeats(t *testing.T) {
	src := longTail()
	s := sampler(t, recipe.Sampling{Order: "shuffle", Repeats: 3}, src, 10)
	visits := s.Visits(0)
	if len(visits) != 999 || s.Len() != 999 {
		t.Fatalf("%d visits, Len %d", len(visits), s.Len())
	}
	for i := 0; i < len(visits); i += 3 {
		a, b, c := visits[i], visits[i+1], visits[i+2]
		if a.Index != b.Index || b.Index != c.Index || a.Repeat != 0 || b.Repeat != 1 || c.Repeat != 2 {
			t.Fatalf("visits %d…: %v %v %v", i, a, b, c)
		}
	}
	// Over many epochs every image has its turn.
	seen := map[int32]bool{}
	for epoch := range 30 {
		for _, v := range s.Visits(epoch) {
			seen[v.Index] = true
		}
	}
	if len(seen) < 990 {
		t.Errorf("%d of 1000 images were ever visited", len(seen))
	}
	// Visits that repeat already stay distinct.
	both := sampler(t, recipe.Sampling{Order: "class-balanced", Repeats: 2}, src, 10).Visits(0)
	distinct := map[Visit]bool{}
	for _, v := range both {
		if distinct[v] {
			t.Fatalf("%+v comes twice", v)
		}
		distinct[v] = true
	}
}
