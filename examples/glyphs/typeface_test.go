package main

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

func readAll(t *testing.T, fonts ...[]byte) (faces []*face) {
	t.Helper()
	for _, raw := range fonts {
		f, err := readFaces(raw, capitals)
		if err != nil {
			t.Fatal(err)
		}
		faces = append(faces, f...)
	}
	return faces
}

// clone is a face under another name, its outlines wider and in other units.
func clone(f *face, name string, wider float64) *face {
	c := &face{family: name, style: f.style, glyphs: map[rune]sfnt.Segments{}}
	for r, segments := range f.glyphs {
		for _, s := range segments {
			for i := range s.Args {
				s.Args[i].X = fixed.Int26_6(10 * wider * float64(s.Args[i].X))
				s.Args[i].Y *= 10
			}
			c.glyphs[r] = append(c.glyphs[r], s)
		}
	}
	c.letters = likeness(c)
	return c
}

func TestTypefaces(t *testing.T) {
	faces := readAll(t, goregular.TTF, gobold.TTF, gomedium.TTF, gosmallcaps.TTF, gomono.TTF,
		liberationsansregular.TTF, liberationsansbold.TTF, liberationserifregular.TTF)
	faces = append(faces,
		clone(faces[5], "Copied Sans", 1), clone(faces[5], "Narrowed", 0.7), // of Liberation Sans
		&face{family: "Liberation Serif Condensed", style: "Regular", letters: faces[4].letters}, // by name its own, by looks Go Mono
		&face{family: "No Letters"})
	faces = append(faces, faces[:3]...) // some are installed twice
	want := `Go: 4 [Go Go Medium Go Smallcaps]
Go Mono: 3 [Go Mono Liberation Serif Liberation Serif Condensed]
Liberation Sans: 4 [Copied Sans Liberation Sans Narrowed]
`
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		random.Shuffle(len(faces), func(i, j int) { faces[i], faces[j] = faces[j], faces[i] })
		got := ""
		for _, face := range typefaces(faces) {
			got += fmt.Sprintf("%s: %d %v\n", face.name, len(face.faces), face.families)
		}
		if got != want {
			t.Fatalf("got\n%swant\n%s", got, want)
		}
	}
}

func TestDesignName(t *testing.T) {
	for family, want := range map[string]string{
		"DejaVu Sans Condensed": "dejavu sans", "Lato": "lato", "Roboto Slab": "roboto slab", "Latin Modern Mono": "latin modern mono",
		"Source-Sans Semi Bold Italic": "source sans", "Bold": "bold", "Book Antiqua": "book antiqua",
	} {
		if got := designName(family); got != want {
			t.Errorf("%q is %q", family, got)
		}
	}
}

func TestSplitShares(t *testing.T) {
	var all []typeface
	for i := range 61 {
		all = append(all, typeface{name: fmt.Sprint(i)})
	}
	train, test := split(all, 0)
	if len(train) != 49 || len(test) != 12 {
		t.Errorf("%d and %d", len(train), len(test))
	}
	// One typeface more moves at most one other.
	was := map[string]bool{}
	for _, face := range test {
		was[face.name] = true
	}
	moved := 0
	_, test = split(append(all, typeface{name: "new"}), 0)
	for _, face := range test {
		if !was[face.name] {
			moved++
		}
	}
	if moved > 1 {
		t.Errorf("%d moved", moved)
	}
	_, other := split(all, 1)
	same := 0
	for _, face := range other {
		if was[face.name] {
			same++
		}
	}
	if same == 12 {
		t.Error("the seed changes nothing")
	}
	if train, test = split(all[:2], 0); len(train) != 1 || len(test) != 1 {
		t.Errorf("of two typefaces, %d and %d", len(train), len(test))
	}
}
