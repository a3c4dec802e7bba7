package predict

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cone/data"
	"cone/index"
	"cone/knn"
)

// gather lists the names that inputs give, in chunks.
func gather(t *testing.T, in Inputs) (names, problems []string, sizes []int, err error) {
	t.Helper()
	err = in.each(&chunks{
		visit: func(s data.Source, labelled bool) error {
			if labelled {
				t.Error("files have labels")
			}
			sizes = append(sizes, s.Len())
			for i := range s.Len() {
				names = append(names, s.Name(i))
			}
			return nil
		},
		problem: func(name string, err error) error {
			names, problems = append(names, "!"+name), append(problems, err.Error())
			return nil
		},
	})
	return names, problems, sizes, err
}

func TestInputsKeepTheirOrder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b/2.png", "b/10.png", "b/a/1.jpg", "a.jpg", ".hidden.jpg", "notes.txt", "c/x.PNG"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	empty := t.TempDir()
	names, problems, _, err := gather(t, Inputs{
		Arguments: []string{"z.jpg", dir, empty, Standard, "a.jpg"}, Stdin: strings.NewReader("one.jpg\r\n\ntwo three.jpg"),
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	want := []string{"z.jpg", in("a.jpg"), in("b/10.png"), in("b/2.png"), in("b/a/1.jpg"), in("c/x.PNG"), "!" + empty, "one.jpg", "two three.jpg", "a.jpg"}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("the order is %q, want %q: %v", names, want, err)
	}
	if len(problems) != 1 || !strings.Contains(problems[0], "holds no pictures") {
		t.Errorf("the problems are %q", problems)
	}
}

func TestListsAreTakenInChunks(t *testing.T) {
	var list strings.Builder
	const n = 2*chunkFiles + 5
	for i := range n {
		fmt.Fprintf(&list, "%d.jpg\n", i)
	}
	names, _, sizes, err := gather(t, Inputs{Arguments: []string{Standard}, Stdin: strings.NewReader(list.String())})
	if err != nil || !slices.Equal(sizes, []int{chunkFiles, chunkFiles, 5}) || len(names) != n || names[n-1] != fmt.Sprintf("%d.jpg", n-1) {
		t.Errorf("chunks of %v: %v", sizes, err)
	}
}

func TestStandardInputMayBeAPicture(t *testing.T) {
	names, _, _, err := gather(t, Inputs{Arguments: []string{Standard}, Stdin: strings.NewReader("\xff\xd8\xff and the rest of it")})
	if err != nil || !slices.Equal(names, []string{Standard}) {
		t.Errorf("%q: %v", names, err)
	}
	for _, bad := range []string{"\x00\x01\x02 something", strings.Repeat("x", maxPath+1)} {
		if _, _, _, err := gather(t, Inputs{Arguments: []string{Standard}, Stdin: strings.NewReader(bad)}); err == nil {
			t.Errorf("%.20q is taken for a list", bad)
		}
	}
}

func TestTop(t *testing.T) {
	got := Top(knn.Softmax([]float32{1, 3, 3, 0}, 4), []string{"a", "b", "c", "d"}, 3)
	if len(got) != 3 || got[0].Name != "b" || got[1].Name != "c" || got[2].Name != "a" {
		t.Errorf("the top is %v", got)
	}
	if p := got[0].Probability; p < 0.4576 || p > 0.4577 { // e³/(2e³ + e + 1), by hand
		t.Errorf("its probability is %v", p)
	}
}

// Two votes at distance τ·ln 2 weigh 2 to 1.
func TestVote(t *testing.T) {
	labels := []int32{0, 1, 1}
	shares := vote([]index.Neighbor{{Entry: 0, Similarity: 0.9}, {Entry: 2, Similarity: 0.9 - 0.0693147}},
		func(i int) int32 { return labels[i] }, 3, 0.1)
	for c, want := range []float64{2. / 3, 1. / 3, 0} {
		if d := shares[c] - want; d > 1e-5 || d < -1e-5 {
			t.Errorf("share %d is %v, want %v", c, shares[c], want)
		}
	}
}
