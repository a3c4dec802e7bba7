package data

import (
	"fmt"
	"math"
	"slices"

	"cone/augment"
	"cone/recipe"
)

// Visit is one use of an image in an epoch.
type Visit struct {
	// Index of the image in its Source.
	Index int32
	// Repeat counts the image's earlier visits in the same epoch, so that each
	// of them is augmented differently.
	Repeat int32
}

// Sampler says which images an epoch visits, in which order: a pure function
// of the seed, the epoch and the labels.
type Sampler struct {
	settings recipe.Sampling
	seed     uint64
	batch    int
	images   int
	fixed    []Visit   // the same in every epoch, where it is not nil
	shards   []int     // first indices, for order "shards"
	byClass  [][]int32 // images of every class that has some, for the orders by class
	weights  []float64 // of the classes in byClass, cumulative, ending with 1
}

// NewSampler checks the settings against the images and the batch, which is
// that of all processes together.
func NewSampler(s recipe.Sampling, seed uint64, src Source, batch int) (*Sampler, error) {
	n := src.Len()
	if n > math.MaxInt32 {
		return nil, fmt.Errorf("the data has %d images, more than the %d this version can visit", n, math.MaxInt32)
	}
	sampler := &Sampler{settings: s, seed: seed, batch: batch, images: n}
	switch s.Order {
	case "shuffle":
	case "shards":
		sampler.shards = []int{0}
		if sharded, ok := src.(Sharded); ok {
			sampler.shards = sharded.Shards()
		}
	case "class-balanced", "weighted", "per-class":
		sampler.group(src)
	default:
		return nil, fmt.Errorf("data.sampling.order %q is unknown: choose shuffle, shards, class-balanced, per-class or weighted", s.Order)
	}
	if s.Order == "per-class" {
		classes := len(sampler.byClass)
		switch {
		case s.PerClass < 1:
			return nil, fmt.Errorf("data.sampling.per_class is %d; order per-class needs at least 1", s.PerClass)
		case batch%s.PerClass != 0:
			return nil, fmt.Errorf("data.sampling.per_class = %d does not divide the batch of %d; choose a divisor", s.PerClass, batch)
		case batch/s.PerClass > classes:
			return nil, fmt.Errorf("a batch of %d with data.sampling.per_class = %d needs %d classes, but %d have images; choose a smaller batch or more per class",
				batch, s.PerClass, batch/s.PerClass, classes)
		}
	}
	return sampler, nil
}

// Visiting is a sampler that visits the given images in that order, in every
// epoch: to look at them.
func Visiting(indices []int) *Sampler { return &Sampler{fixed: once(indices)} }

// group lists the images by class and sets the classes' chances.
func (s *Sampler) group(src Source) {
	all := make([][]int32, len(src.Classes()))
	for i := range s.images {
		c := src.Label(i)
		all[c] = append(all[c], int32(i))
	}
	s.byClass = slices.DeleteFunc(all, func(images []int32) bool { return len(images) == 0 })
	power := 0.0
	if s.settings.Order == "weighted" {
		power = s.settings.Power
	}
	sum := 0.0
	for _, images := range s.byClass {
		sum += math.Pow(float64(len(images)), power)
		s.weights = append(s.weights, sum)
	}
	for i := range s.weights {
		s.weights[i] /= sum
	}
	s.weights[len(s.weights)-1] = 1
}

// Visits returns the visits of an epoch in order. There are as many as images,
// whatever the order; only repeats that do not divide them leave a rest out.
func (s *Sampler) Visits(epoch int) []Visit {
	if s.fixed != nil {
		return s.fixed
	}
	var visits []Visit
	switch s.settings.Order {
	case "shuffle":
		visits = once(Order(s.seed, epoch, s.images))
	case "shards":
		visits = once(s.throughShards(epoch))
	case "per-class":
		visits = s.perClass(epoch)
	default:
		visits = s.byWeight(epoch)
	}
	if s.settings.Repeats > 1 {
		visits = repeat(visits, s.settings.Repeats)
	}
	return visits
}

// Len is the number of visits of every epoch.
func (s *Sampler) Len() int {
	if s.fixed != nil {
		return len(s.fixed)
	}
	n := s.images
	if s.settings.Order == "per-class" {
		n = n / s.batch * s.batch
	}
	if r := s.settings.Repeats; r > 1 {
		n = n / r * r
	}
	return n
}

func once(order []int) []Visit {
	visits := make([]Visit, len(order))
	for i, index := range order {
		visits[i].Index = int32(index)
	}
	return visits
}

// repeat gives each of the first visits a number of appearances side by side,
// so that they share a batch, as in repeated augmentation's RASampler
// (https://github.com/facebookresearch/deit, samplers.py).
func repeat(visits []Visit, times int) []Visit {
	out := make([]Visit, 0, len(visits)/times*times)
	for _, v := range visits[:len(visits)/times] {
		for i := range times {
			out = append(out, Visit{v.Index, v.Repeat*int32(times) + int32(i)})
		}
	}
	return out
}

// throughShards visits the shards in random order, each from its start to its
// end, through a buffer from which the next image is drawn at random: what
// WebDataset's shuffling does, as a pure function.
func (s *Sampler) throughShards(epoch int) []int {
	random := augment.NewStream(s.seed, augment.PurposeOrder, uint64(epoch))
	shards := slices.Clone(s.shards)
	for i := len(shards) - 1; i > 0; i-- {
		j := random.IntN(i + 1)
		shards[i], shards[j] = shards[j], shards[i]
	}
	order := make([]int, 0, s.images)
	buffer := make([]int, 0, max(s.settings.Buffer, 1))
	draw := func() int {
		j := random.IntN(len(buffer))
		drawn := buffer[j]
		buffer[j] = buffer[len(buffer)-1]
		buffer = buffer[:len(buffer)-1]
		return drawn
	}
	for _, first := range shards {
		for i := first; i < s.shardEnd(first); i++ {
			if len(buffer) == cap(buffer) {
				order = append(order, draw())
			}
			buffer = append(buffer, i)
		}
	}
	for len(buffer) > 0 {
		order = append(order, draw())
	}
	return order
}

// shardEnd is the index after the last image of the shard that begins at first.
func (s *Sampler) shardEnd(first int) int {
	if next, _ := slices.BinarySearch(s.shards, first+1); next < len(s.shards) {
		return s.shards[next]
	}
	return s.images
}

// byWeight draws a class for every visit, and then that class's next image.
func (s *Sampler) byWeight(epoch int) []Visit {
	random := augment.NewStream(s.seed, augment.PurposeOrder, uint64(epoch))
	cycles := s.cycles(epoch)
	visits := make([]Visit, s.images)
	for i := range visits {
		// The first class whose cumulative weight lies above a draw in [0, 1).
		draw := random.Float64()
		c, _ := slices.BinarySearchFunc(s.weights, draw, func(w, x float64) int {
			if w <= x {
				return -1
			}
			return 1
		})
		visits[i] = cycles[c].next()
	}
	return visits
}

// perClass fills every batch with M images of each of batch/M classes, which
// are drawn without replacement.
func (s *Sampler) perClass(epoch int) []Visit {
	random := augment.NewStream(s.seed, augment.PurposeOrder, uint64(epoch))
	cycles := s.cycles(epoch)
	classes := make([]int, len(cycles))
	for c := range classes {
		classes[c] = c
	}
	visits := make([]Visit, 0, s.Len())
	for range s.images / s.batch {
		for i := range s.batch / s.settings.PerClass {
			j := i + random.IntN(len(classes)-i)
			classes[i], classes[j] = classes[j], classes[i]
			for range s.settings.PerClass {
				visits = append(visits, cycles[classes[i]].next())
			}
		}
	}
	return visits
}

// cycle goes through the images of one class again and again, so that none is
// visited twice before every other was visited once.
type cycle struct {
	images []int32
	order  []int
	visits int
}

func (s *Sampler) cycles(epoch int) []*cycle {
	cycles := make([]*cycle, len(s.byClass))
	for c, images := range s.byClass {
		random := augment.NewStream(s.seed, augment.PurposeOrder, uint64(epoch), uint64(c)+1)
		cycles[c] = &cycle{images: images, order: permutation(&random, len(images))}
	}
	return cycles
}

func (c *cycle) next() Visit {
	n := len(c.images)
	v := Visit{c.images[c.order[c.visits%n]], int32(c.visits / n)}
	c.visits++
	return v
}
