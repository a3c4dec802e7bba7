package main

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"golang.org/x/image/vector"

	"cone/augment"
)

// typeface is one design: what must not stand on both sides of the split.
//
// A family's weights and slants are one design. So are families whose names
// differ only in such words (DejaVu Sans Condensed), and families whose
// letters look the same: fonts are published again under other names (Arimo is
// Liberation Sans; Nimbus Sans, TeX Gyre Heros and FreeSans go back to one
// Helvetica), and families for other scripts borrow their Latin letters.
// Outlines alone do not tell, for copies are rescaled and converted between
// formats; small pictures of the letters do.
type typeface struct {
	name     string // of the family with most faces
	families []string
	faces    []*face
}

const (
	// letterSize is the height and width of a letter's picture in likeness.
	letterSize = 24
	// sameDesign is the mean difference of pictures, of 1, up to which two
	// faces count as one design. Copies of a font lie below 0.01, converted or
	// narrowed ones below 0.03; Arial's and Helvetica's descendants are 0.039
	// apart.
	sameDesign = 0.03
)

// likeness draws A to J, each stretched to a square, which takes size and
// width out of the comparison. It is nil where the face lacks one.
func likeness(f *face) []byte {
	if !f.has(capitals) {
		return nil
	}
	r := vector.NewRasterizer(letterSize, letterSize)
	var letters []byte
	for _, c := range capitals {
		b := extent(f.glyphs[c], affine{a: 1, e: 1})
		x, y := letterSize/(b.x1-b.x0), letterSize/(b.y1-b.y0)
		letters = append(letters, coverage(r, f.glyphs[c], affine{a: x, c: -b.x0 * x, e: y, f: -b.y0 * y}, letterSize)...)
	}
	return letters
}

// looksLike says whether two faces with letters are of one design.
func (f *face) looksLike(g *face) bool {
	left := int(sameDesign * 255 * float64(len(f.letters)))
	const step = letterSize * letterSize
	for at := 0; at < len(f.letters) && left >= 0; at += step { // most differ in the first letter
		for i, a := range f.letters[at : at+step] {
			b := g.letters[at+i]
			left -= int(max(a, b) - min(a, b))
		}
	}
	return left >= 0
}

// typefaces sorts faces that hold A to J into designs; the others are left
// out. Neither the order of faces nor doublets among them matter.
func typefaces(faces []*face) []typeface {
	faces = slices.DeleteFunc(slices.Clone(faces), func(f *face) bool { return f.letters == nil })
	slices.SortFunc(faces, func(a, b *face) int {
		return cmp.Or(cmp.Compare(a.family, b.family), cmp.Compare(a.style, b.style),
			cmp.Compare(len(b.glyphs), len(a.glyphs)), slices.Compare(a.letters, b.letters))
	})
	faces = slices.CompactFunc(faces, func(a, b *face) bool { return a.family == b.family && a.style == b.style })

	// Disjoint sets: parent leads from each face to the first of its design.
	parent := make([]int, len(faces))
	root := func(i int) int {
		for parent[i] != i {
			i = parent[i]
		}
		return i
	}
	join := func(i, j int) {
		if i, j = root(i), root(j); i != j {
			parent[max(i, j)] = min(i, j)
		}
	}
	first := map[string]int{}
	for i, f := range faces {
		parent[i] = i
		name := designName(f.family)
		if at, ok := first[name]; ok {
			join(at, i)
		} else {
			first[name] = i
		}
	}
	for i := range faces {
		for j := range i {
			if root(i) != root(j) && faces[i].looksLike(faces[j]) {
				join(i, j)
			}
		}
	}
	members := map[int][]*face{}
	for i, f := range faces {
		members[root(i)] = append(members[root(i)], f)
	}
	var out []typeface
	for _, m := range members {
		out = append(out, newTypeface(m))
	}
	slices.SortFunc(out, func(a, b typeface) int { return cmp.Compare(a.name, b.name) })
	return out
}

func newTypeface(faces []*face) typeface {
	t := typeface{faces: faces}
	counts := map[string]int{}
	for _, f := range faces {
		if counts[f.family]++; counts[f.family] == 1 {
			t.families = append(t.families, f.family)
		}
	}
	t.name = slices.MaxFunc(t.families, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
	return t
}

// designWords name a weight, width or slant.
var designWords = strings.Fields(`thin hairline extralight ultralight light book regular normal medium text semibold
	demibold demi bold extrabold ultrabold heavy black italic oblique slanted condensed semicondensed extracondensed
	cond narrow wide expanded extended semi extra ultra`)

// designName is a family's name without trailing words for weight and the like.
func designName(family string) string {
	words := strings.Fields(strings.ToLower(strings.ReplaceAll(family, "-", " ")))
	for len(words) > 1 && slices.Contains(designWords, words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	return strings.Join(words, " ")
}

// key numbers a typeface by its name, so that one more on a machine does not
// change the pictures of the others.
func (t *typeface) key() uint64 {
	h := fnv.New64a()
	h.Write([]byte(t.name))
	return h.Sum64()
}

// testShare is the share of the typefaces that test pictures come in.
const testShare = 0.2

// split draws the typefaces for testing, at least one. Both results keep order.
func split(all []typeface, seed uint64) (train, test []typeface) {
	drawn := slices.Clone(all)
	rank := func(t typeface) uint64 {
		stream := augment.NewStream(seed, purposeSplit, t.key())
		return stream.Uint64()
	}
	slices.SortFunc(drawn, func(a, b typeface) int { return cmp.Compare(rank(a), rank(b)) })
	isTest := map[string]bool{}
	for _, t := range drawn[:max(1, int(testShare*float64(len(drawn))+0.5))] {
		isTest[t.name] = true
	}
	for _, t := range all {
		if isTest[t.name] {
			test = append(test, t)
		} else {
			train = append(train, t)
		}
	}
	return train, test
}
