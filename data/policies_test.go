package data

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"cone/recipe"
)

// policies reads the steps of a recipe that has one of every policy.
func policies(t *testing.T, more string) []recipe.Step {
	t.Helper()
	r, err := recipe.Parse("test", []byte(`
data: {path: none}
method: {name: cross-entropy}
augment:
  - random_resized_crop: {size: 9, interpolation: random}
  - random_crop: {padding: 2, border: reflect}
  - vertical_flip: {}
  - color_jitter: {}
  - random_grey: {}
  - gaussian_blur: {kernel: 5}
  - auto_augment: {}
  - rand_augment: {config: rand-m9-mstd0.5-inc1}
  - trivial_augment_wide: {}
  - random_erasing: {value: pixel}
`+more))
	if err != nil {
		t.Fatal(err)
	}
	return r.Augment
}

// slopes are n files whose augmented pictures differ.
func slopes(t *testing.T, n int) *files {
	t.Helper()
	f := &files{names: []string{"even", "odd"}}
	for i := range n {
		f.contents, f.labels = append(f.contents, slope(t, i)), append(f.labels, i%2)
	}
	return f
}

// viewsOf are the batches of an epoch from one on, view by view.
func viewsOf(t *testing.T, l *Loader, number, start int) (views [][][]uint8) {
	t.Helper()
	e, err := l.Epoch(context.Background(), number, start)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for {
		b, err := e.Next()
		if err != nil {
			return views
		}
		var all [][]uint8
		for v := range b.V {
			all = append(all, slices.Clone(b.View(v)))
		}
		views = append(views, all)
		b.Release()
	}
}

// TestFirstViewIsTheOnlyOne compares a loader of two views with one of one.
func TestFirstViewIsTheOnlyOne(t *testing.T) {
	f, steps := slopes(t, 23), policies(t, "")
	one := viewsOf(t, open(t, f, Options{Batch: 6, Seed: 3, Augment: steps}), 2, 0)
	two := viewsOf(t, open(t, f, Options{Batch: 6, Seed: 3, Augment: steps, Views: 2}), 2, 0)
	if len(one) != 4 || len(two) != 4 {
		t.Fatalf("%d and %d batches, want 4", len(one), len(two))
	}
	pixels := 9 * 9 * 3
	for b := range one {
		if !slices.Equal(two[b][0], one[b][0]) {
			t.Errorf("batch %d: the first view is not that of a loader with one", b)
		}
		different := 0
		for at := 0; at < len(one[b][0]); at += pixels {
			if !slices.Equal(two[b][0][at:at+pixels], two[b][1][at:at+pixels]) {
				different++
			}
		}
		if n := len(one[b][0]) / pixels; different != n {
			t.Errorf("batch %d: the second view differs in %d of %d images", b, different, n)
		}
	}
}

// TestPoliciesWhateverTheWorkers prepares the same batches, mixed, with
// different numbers of workers and batches ahead, and from the middle on.
func TestPoliciesWhateverTheWorkers(t *testing.T) {
	f := slopes(t, 40)
	for _, mode := range []string{"batch", "pair", "elem"} {
		steps := policies(t, fmt.Sprintf("  - mix: {mode: %s}\n", mode))
		var first [][][]uint8
		for _, workers := range []int{1, 2, 5} {
			l := open(t, f, Options{Batch: 8, Seed: 3, Augment: steps, Workers: workers, Prefetch: workers})
			got := viewsOf(t, l, 1, 0)
			if first == nil {
				first = got
			}
			if len(got) != 5 || !slices.EqualFunc(got, first, func(a, b [][]uint8) bool { return slices.Equal(a[0], b[0]) }) {
				t.Errorf("%s: %d workers prepare other batches than 1", mode, workers)
			}
			if resumed := viewsOf(t, l, 1, 3); len(resumed) != 2 || !slices.Equal(resumed[0][0], first[3][0]) || !slices.Equal(resumed[1][0], first[4][0]) {
				t.Errorf("%s: the epoch goes on otherwise from batch 3", mode)
			}
		}
	}
}
