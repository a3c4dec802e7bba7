package method

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"cone/tensor"
)

// run is tensor.Run for tests; it sees to it that every tensor is freed.
func run(t *testing.T, f func()) {
	t.Helper()
	before := tensor.Live()
	if err := tensor.Run(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
	if after := tensor.Live(); after != before {
		t.Errorf("%d tensors leaked", after-before)
	}
}

// slot is one entry of the plain ring: everything follows from the number of
// the image that was written.
type slot struct {
	embedding, probability []float32
	label, image           int64
}

func slotOf(image, dim, classes int) slot {
	s := slot{label: int64(image % classes), image: int64(image)}
	for d := range dim {
		s.embedding = append(s.embedding, float32(image)+float32(d)/16)
	}
	for c := range classes {
		s.probability = append(s.probability, -float32(image)-float32(c)/16)
	}
	return s
}

// entry is a batch of consecutive images.
func entry(first, n, dim, classes int) Entry {
	var embedding, probability []float32
	var labels, images []int64
	for i := range n {
		s := slotOf(first+i, dim, classes)
		embedding, probability = append(embedding, s.embedding...), append(probability, s.probability...)
		labels, images = append(labels, s.label), append(images, s.image)
	}
	return Entry{
		embedding: tensor.From(embedding, n, dim), probability: tensor.From(probability, n, classes),
		label: tensor.From(labels, n), image: tensor.From(images, n),
	}
}

// slots reads a bank back.
func slots(b *Bank) []slot {
	embedding, probability := tensor.To[float32](b.embedding.Value), tensor.To[float32](b.probability.Value)
	labels, images := tensor.To[int64](b.label.Value), tensor.To[int64](b.image.Value)
	out := make([]slot, b.Size())
	dim, classes := b.embedding.Value.Dim(1), b.probability.Value.Dim(1)
	for i := range out {
		out[i] = slot{embedding[i*dim : (i+1)*dim], probability[i*classes : (i+1)*classes], labels[i], images[i]}
	}
	return out
}

// TestBankIsARing writes batches of all sizes and compares with a plain ring
// that takes one image after the other. The memory itself must stay in place:
// checkpoints and the training step hold on to it.
func TestBankIsARing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for trial := range 60 {
		size, dim, classes := 1+random.IntN(12), 1+random.IntN(4), 1+random.IntN(4)
		var sizes []int
		for range 5 {
			sizes = append(sizes, random.IntN(3*size+2))
		}
		t.Run(fmt.Sprintf("%d/K=%d,N=%v", trial, size, sizes), func(t *testing.T) {
			run(t, func() {
				bank := NewBank(size, dim, classes, tensor.Float32, tensor.CPU)
				defer bank.Free()
				ring, next, image := slots(bank), 0, 0
				memory := handles(bank)
				for _, n := range sizes {
					live := tensor.Live()
					tensor.Scope(func() { bank.Write(entry(image, n, dim, classes)) })
					if after := tensor.Live(); after != live {
						t.Errorf("a write left %d tensors behind", after-live)
					}
					for range n {
						ring[next] = slotOf(image, dim, classes)
						next, image = (next+1)%size, image+1
					}
					if got := slots(bank); !reflect.DeepEqual(got, ring) {
						t.Fatalf("after %d images the bank is\n%v, want\n%v", image, got, ring)
					}
					if got := bank.position.Value.Item(); got != float64(next) {
						t.Fatalf("after %d images the position is %v, want %d", image, got, next)
					}
				}
				if !reflect.DeepEqual(handles(bank), memory) {
					t.Error("a write replaced the bank's memory")
				}
			})
		})
	}
}

// handles are the names of a bank's entries and the tensors behind them.
func handles(b *Bank) map[string]tensor.Tensor {
	out := map[string]tensor.Tensor{}
	for _, e := range b.Entries() {
		out[e.Name] = e.Value
	}
	return out
}

// TestFreshBank: normalised noise, label 0, no image anywhere.
func TestFreshBank(t *testing.T) {
	run(t, func() {
		bank := NewBank(9, 5, 3, tensor.Float64, tensor.CPU)
		defer bank.Free()
		for i, norm := range tensor.To[float64](bank.embedding.Value.NormDim(1)) {
			if math.Abs(norm-1) > 1e-12 {
				t.Errorf("embedding %d has length %v", i, norm)
			}
		}
		for i := range 9 {
			if l, m := tensor.To[int64](bank.label.Value)[i], tensor.To[int64](bank.image.Value)[i]; l != 0 || m != -1 {
				t.Errorf("slot %d has label %d and image %d, want 0 and -1", i, l, m)
			}
		}
		if bank.Size() != 9 || bank.position.Value.Item() != 0 {
			t.Errorf("size %d, position %v", bank.Size(), bank.position.Value.Item())
		}
		for _, e := range bank.Entries() {
			if !e.Buffer || e.Value.RequiresGrad() {
				t.Errorf("%s learns", e.Name)
			}
		}
	})
}

// TestBankGoesOnAfterRestoring: a bank that takes up another's entries
// continues as the other one would.
func TestBankGoesOnAfterRestoring(t *testing.T) {
	run(t, func() {
		first, second := NewBank(7, 2, 3, tensor.Float32, tensor.CPU), NewBank(7, 2, 3, tensor.Float32, tensor.CPU)
		defer first.Free()
		defer second.Free()
		first.Write(entry(0, 10, 2, 3))
		for i, e := range second.Entries() {
			e.Value.CopyFrom(first.Entries()[i].Value)
		}
		second.Restored()
		for _, b := range []*Bank{first, second} {
			b.Write(entry(10, 5, 2, 3))
		}
		if got, want := slots(second), slots(first); !reflect.DeepEqual(got, want) {
			t.Errorf("after restoring the bank is\n%v, want\n%v", got, want)
		}
	})
}
