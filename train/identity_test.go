package train

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"cone/recipe"
)

func TestFirstOddRank(t *testing.T) {
	text := func(change func(*recipe.Recipe)) string {
		r := tiny("data")
		change(&r)
		out, err := r.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	same := identity{
		Build: "1", Torch: "1.13.0 on linux/amd64", Kernels: "AVX512", Compute: "float32", Recipe: text(func(*recipe.Recipe) {}),
		Classes: "4 classes", Training: "250 training images", Test: "53 test images", Digests: [3]string{"a", "b", "c"},
	}
	host := func(rank int) string { return "host" + string(rune('a'+rank)) }
	if err := firstOddRank([]identity{same, same, same}, host); err != nil {
		t.Errorf("equal ranks: %v", err)
	}
	for _, c := range []struct {
		change func(*identity)
		want   string
	}{
		{func(i *identity) { i.Build = "2" }, `rank 2 \(host hostc\) has another build of cone than rank 0: 2 there, 1 on rank 0`},
		{func(i *identity) { i.Torch = "2.1" }, `another libtorch`},
		{func(i *identity) { i.Kernels = "AVX2" }, `other CPU kernels .* AVX2 there, AVX512 on rank 0`},
		{func(i *identity) { i.Compute = "bfloat16" }, `another precision than rank 0: bfloat16 there`},
		{func(i *identity) { i.Recipe = text(func(r *recipe.Recipe) { r.Seed++ }) }, `another recipe than rank 0: seed = \d+ there`},
		{func(i *identity) { i.Recipe = text(func(r *recipe.Recipe) { r.Checkpoint.EverySteps = 77 }) }, `checkpoint.every_steps = 77 there`},
		{func(i *identity) { i.Classes = "5 classes" }, `other classes`},
		{func(i *identity) { i.Digests[0] = "x" }, `other classes`},
		{func(i *identity) { i.Digests[1] = "x" }, `other data than rank 0: 250 training images \(digest x\)`},
		{func(i *identity) { i.Test = "52 test images" }, `other data than rank 0: 52 test images`},
	} {
		odd := same
		c.change(&odd)
		err := firstOddRank([]identity{same, same, odd}, host)
		if err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) || !KnownToAll(err) {
			t.Errorf("%v; want %s", err, c.want)
		}
	}
	// Where the data lies is each machine's own business.
	moved := same
	moved.Recipe = text(func(r *recipe.Recipe) { r.Data.Path, r.Data.Workers = "elsewhere", 3 })
	if err := firstOddRank([]identity{same, moved}, host); err != nil {
		t.Errorf("data at another place: %v", err)
	}
}

func TestSeedsOfRanksDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(3) {
		for rank := range 4 {
			for step := range 5 {
				s := seedOf(seed, rank, step)
				if seen[s] || s != seedOf(seed, rank, step) {
					t.Errorf("seed %d, rank %d, step %d give %d again, or not always", seed, rank, step, s)
				}
				seen[s] = true
			}
		}
	}
}

func TestLastFolder(t *testing.T) {
	root := t.TempDir()
	if got := LastFolder(root, "x"); got != filepath.Join(root, "x-001") {
		t.Errorf("of none: %s", got)
	}
	for _, name := range []string{"x-001", "x-002", "y-001"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if got := LastFolder(root, "x"); got != filepath.Join(root, "x-002") {
		t.Errorf("of two: %s", got)
	}
}

func TestAFolderOfARunThatNeverBegan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	make := func(parts ...string) {
		if err := os.MkdirAll(filepath.Join(append([]string{path}, parts...)...), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	make("logs")
	make(checkpointFolder)
	if Begun(path) {
		t.Error("it is said to have begun")
	}
	f, err := createFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	f.close()
	if err := os.WriteFile(f.checkpoint("last"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := createFolder(path); err == nil {
		t.Error("a folder with a checkpoint was taken for a new run")
	}
}
