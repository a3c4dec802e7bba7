package main

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// quality of the JPEGs, as libjpeg counts it; Go's encoder halves the colours'
// resolution (4:2:0).
const quality = 90

type options struct {
	set   set
	out   string
	fonts string
	seed  uint64
}

// summary is what generate made.
type summary struct {
	train, test []typeface
	all         int // typefaces with A to J
	pictures    int
	files       int
	leftOut     []string // files, with reasons
}

// generate makes a set: out/train and out/val with a folder for each
// character, and out/typefaces.tsv.
func generate(o options) (summary, error) {
	var sum summary
	if entries, err := os.ReadDir(o.out); err == nil && len(entries) > 0 {
		return sum, fmt.Errorf("%s is not empty: remove it, or choose another folder with --out", o.out)
	}
	files, err := fontFiles(o.fonts)
	if err != nil {
		return sum, err
	}
	faces, left := loadFaces(files, o.set.characters)
	sum.files, sum.leftOut = len(files), left
	all := typefaces(faces)
	sum.all = len(all)
	var usable []typeface
	for _, t := range all {
		if t = t.with(o.set.characters); len(t.faces) > 0 {
			usable = append(usable, t)
		}
	}
	if len(usable) < 2 {
		return sum, fmt.Errorf("%d typefaces in %s hold all characters of %s, and the split needs 2 or more: install fonts (make glyphs-fonts), or name their folder with --fonts", len(usable), o.fonts, o.set.name)
	}
	sum.train, sum.test = split(usable, o.seed)
	for _, part := range []struct {
		name      string
		typefaces []typeface
	}{{"train", sum.train}, {"val", sum.test}} {
		n, err := draw(o, filepath.Join(o.out, part.name), part.typefaces)
		if err != nil {
			return sum, err
		}
		sum.pictures += n
	}
	return sum, os.WriteFile(filepath.Join(o.out, "typefaces.tsv"), table(o.set, all, sum.train, sum.test), 0o666)
}

// with is the typeface with only those faces that hold all the characters.
func (t typeface) with(characters []rune) typeface {
	t.faces = slices.DeleteFunc(slices.Clone(t.faces), func(f *face) bool { return !f.has(characters) })
	return t
}

// draw writes dir/CLASS/TYPEFACE-VARIANT.jpg for all characters of all
// typefaces and returns their number.
func draw(o options, dir string, typefaces []typeface) (int, error) {
	names := fileNames(typefaces)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, character := range o.set.characters {
		group.Go(func() error {
			folder := filepath.Join(dir, className(character))
			if err := os.MkdirAll(folder, 0o777); err != nil {
				return err
			}
			d := newDrawing()
			for i := range typefaces {
				for variant := range o.set.perFace {
					raw, err := d.jpeg(o, &typefaces[i], character, variant)
					if err != nil {
						return err
					}
					file := filepath.Join(folder, fmt.Sprintf("%s-%02d.jpg", names[i], variant))
					if err := os.WriteFile(file, raw, 0o666); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return len(o.set.characters) * len(typefaces) * o.set.perFace, group.Wait()
}

func (d *drawing) jpeg(o options, t *typeface, character rune, variant int) ([]byte, error) {
	l, noise := drawLook(o.set, o.seed, t, character, variant)
	f := t.faces[int(l.face*float64(len(t.faces)))]
	var out bytes.Buffer
	err := jpeg.Encode(&out, d.picture(o.set, f, character, l, noise), &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

// fileNames are the typefaces' names in small ASCII letters, digits and
// hyphens, each once.
func fileNames(typefaces []typeface) []string {
	used := map[string]int{}
	var names []string
	for _, t := range typefaces {
		name := strings.Trim(strings.Map(func(r rune) rune {
			if r < 128 && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9') {
				return r
			}
			return '-'
		}, strings.ToLower(t.name)), "-")
		if used[name]++; used[name] > 1 || name == "" {
			name = fmt.Sprintf("%s.%d", name, used[name])
		}
		names = append(names, name)
	}
	return names
}

// table says of every typeface on which side of the split it is, if any, and
// how many of the set's characters its best face holds.
func table(s set, all, train, test []typeface) []byte {
	side := map[string]string{}
	fonts := map[string]int{}
	for _, part := range []struct {
		name      string
		typefaces []typeface
	}{{"train", train}, {"val", test}} {
		for _, t := range part.typefaces {
			side[t.name], fonts[t.name] = part.name, len(t.faces)
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "typeface\tpart\tcharacters (of %d)\tfonts used\tfamilies of this design\n", len(s.characters))
	for _, t := range all {
		most := 0
		for _, f := range t.faces {
			held := 0
			for _, c := range s.characters {
				if f.glyphs[c] != nil {
					held++
				}
			}
			most = max(most, held)
		}
		part := side[t.name]
		if part == "" {
			part = "none"
		}
		fmt.Fprintf(&out, "%s\t%s\t%d\t%d\t%s\n", t.name, part, most, fonts[t.name], strings.Join(t.families, ", "))
	}
	return out.Bytes()
}
