package train

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"cone/data"
	"cone/dist"
	"cone/recipe"
	"cone/tensor"
)

// identity is what must be the same on every rank before the first step.
type identity struct {
	Build, Torch, Kernels, Compute string
	Recipe                         string // resolved
	Classes, Training, Test        string // what data.Source holds, as a sentence's part
	Digests                        [3]string
}

// identity describes this rank.
func (r *run) identity() (identity, error) {
	text, err := r.whole.Marshal()
	_, precision := r.engine.Precision(r.recipe.Precision)
	id := identity{
		Build: r.engine.Build, Torch: tensor.TorchVersion() + " on " + runtime.GOOS + "/" + runtime.GOARCH,
		Kernels: tensor.CPUCapability(), Compute: precision.Compute.String(), Recipe: string(text),
	}
	classes := strings.Join(r.data.Train.Classes(), "\n")
	id.Classes, id.Digests[0] = fmt.Sprintf("%d classes", len(r.data.Train.Classes())), digest(func(w io.Writer) { io.WriteString(w, classes) })
	id.Training, id.Digests[1] = fmt.Sprintf("%d training images", r.data.Train.Len()), digestOf(r.data.Train, r.recipe.Data.Path)
	id.Test, id.Digests[2] = fmt.Sprintf("%d test images", r.data.Test.Len()), digestOf(r.data.Test, r.recipe.Data.Path)
	return id, err
}

func digest(write func(io.Writer)) string {
	h := sha256.New()
	write(h)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// digestOf tells collections apart by their images' names and labels. Where
// they lie may differ between machines.
func digestOf(s data.Source, root string) string {
	return digest(func(w io.Writer) {
		for i := range s.Len() {
			fmt.Fprintf(w, "%s\t%d\n", strings.TrimPrefix(s.Name(i), root), s.Label(i))
		}
	})
}

// compare ends a run whose ranks are not alike, with one sentence on each.
func (r *run) compare() error {
	g := r.engine.group()
	if g.Alone() {
		return nil
	}
	own, err := r.identity()
	if err != nil {
		return err
	}
	all, err := gatherJSON(g, own)
	if err != nil {
		return err
	}
	return firstOddRank(all, g.Host)
}

// firstOddRank names the first rank that differs from rank 0, and in what.
func firstOddRank(all []identity, host func(int) string) error {
	for rank := range all {
		what, here, there, err := all[0].differs(all[rank])
		if err != nil {
			return err
		}
		if what != "" {
			return &mismatch{fmt.Sprintf("rank %d (host %s) has %s than rank 0: %s there, %s on rank 0; start every rank with the same program, recipe and data",
				rank, host(rank), what, there, here)}
		}
	}
	return nil
}

// mismatch is what keeps ranks from training together, and each of them knows.
type mismatch struct{ sentence string }

func (m *mismatch) Error() string { return m.sentence }

// KnownToAll says whether every rank ends with this error by itself.
func KnownToAll(err error) bool {
	var m *mismatch
	return errors.Is(err, ErrInterrupted) || errors.As(err, &m)
}

// ownOfRank are the settings that may differ between ranks: where a machine has
// the data, and what is for people. When to save is not among them, for all
// ranks have a part in that.
var ownOfRank = map[string]bool{
	"name": true, "description": true, "data.path": true, "data.train": true, "data.test": true, "data.workers": true,
}

// differs names the first thing in which b is not a.
func (a identity) differs(b identity) (what, inA, inB string, err error) {
	for _, x := range []struct{ what, a, b string }{
		{"another build of cone", a.Build, b.Build},
		{"another libtorch", a.Torch, b.Torch},
		{"other CPU kernels of libtorch, which round differently,", a.Kernels, b.Kernels},
		{"another precision", a.Compute, b.Compute},
	} {
		if x.a != x.b {
			return x.what, x.a, x.b, nil
		}
	}
	if a.Recipe != b.Recipe {
		first, err := recipe.Parse("rank 0's recipe", []byte(a.Recipe))
		if err != nil {
			return "", "", "", err
		}
		second, err := recipe.Parse("another rank's recipe", []byte(b.Recipe))
		if err != nil {
			return "", "", "", err
		}
		for _, line := range recipe.Diff(second, first) {
			key, values, _ := strings.Cut(line, ": ")
			if ownOfRank[key] {
				continue
			}
			there, here, _ := strings.Cut(strings.TrimSuffix(values, " in the run"), " here, ")
			return "another recipe", key + " = " + here, key + " = " + there, nil
		}
	}
	for i, x := range []struct{ what, a, b string }{
		{"other classes", a.Classes, b.Classes}, {"other data", a.Training, b.Training}, {"other data", a.Test, b.Test},
	} {
		if x.a != x.b || a.Digests[i] != b.Digests[i] {
			return x.what, fmt.Sprintf("%s (digest %s)", x.a, a.Digests[i]), fmt.Sprintf("%s (digest %s)", x.b, b.Digests[i]), nil
		}
	}
	return "", "", "", nil
}

// checkWorld refuses numbers of processes among which the recipe's batch cannot
// be shared equally. Every rank comes to the same sentence.
func checkWorld(r recipe.Recipe, g *dist.Group) error {
	n := g.Size()
	if n == 1 {
		return nil
	}
	parts := max(1, r.Optim.Accumulate)
	if r.Batch%(n*parts) != 0 {
		accumulated := ""
		if parts > 1 {
			accumulated = fmt.Sprintf(" with optim.accumulate = %d", parts)
		}
		return &mismatch{fmt.Sprintf("batch = %d cannot be shared equally by %d processes%s: choose a multiple of %d, or another number of processes", r.Batch, n, accumulated, n*parts)}
	}
	for _, s := range r.Augment {
		if mixes := s.Mixup != nil || s.CutMix != nil || s.Mix != nil; mixes && parts%2 != 0 && r.Batch%(2*n*parts) != 0 {
			return &mismatch{fmt.Sprintf("batch = %d cannot be shared by %d processes in the pairs that augment mixes: choose a multiple of %d, or another number of processes", r.Batch, n, 2*n*parts)}
		}
	}
	return nil
}
