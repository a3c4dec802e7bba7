package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// face is one font: a family in one weight, width and slant.
type face struct {
	family, style string
	// glyphs holds the outlines of those wanted characters that the font
	// really draws, in font units, y downwards from the baseline.
	glyphs map[rune]sfnt.Segments
	// letters are small pictures of A to J; see likeness. Nil where one lacks.
	letters []byte
}

// Words in the names of families and styles that draw pictures, ornaments,
// another script or letters cut out of a box in the place of letters. No table
// of a font says so reliably; the single names are fonts of Debian's packages
// fonts-urw-base35 and fonts-ukij-uyghur.
var notText = []string{
	"symbol", "dingbat", "dings", "emoji", "icon", "ornament", "initial", "keyboard", "music", "barcode", "inverted",
	"d050000l", "ukij imaret", "ukij orxun", "ukij tughra",
}

// readFaces reads the font, or the fonts of a collection (.ttc, .otc), in a
// file's bytes.
func readFaces(raw []byte, wanted []rune) ([]*face, error) {
	if len(raw) == 0 {
		return nil, errors.New("the file is empty")
	}
	collection, err := sfnt.ParseCollection(raw)
	if err != nil {
		return nil, err
	}
	var faces []*face
	for i := range collection.NumFonts() {
		font, err := collection.Font(i)
		if err != nil {
			return nil, err
		}
		f, err := readFace(font, wanted)
		if err != nil {
			return nil, err
		}
		faces = append(faces, f)
	}
	return faces, nil
}

func readFace(font *sfnt.Font, wanted []rune) (*face, error) {
	var buffer sfnt.Buffer
	f := &face{}
	// The typographic names join what the plain ones, of at most four styles
	// a family, tear apart: "Lato" and "Black", not "Lato Black" and "Regular".
	f.family = firstName(font, &buffer, sfnt.NameIDTypographicFamily, sfnt.NameIDFamily)
	f.style = firstName(font, &buffer, sfnt.NameIDTypographicSubfamily, sfnt.NameIDSubfamily)
	if f.family == "" {
		return nil, errors.New("the font has no family name")
	}
	for _, word := range notText {
		if name := f.family + " " + f.style; strings.Contains(strings.ToLower(name), word) {
			return nil, fmt.Errorf("by its name, %s is no face for text", name)
		}
	}
	outline := func(index sfnt.GlyphIndex) sfnt.Segments {
		segments, err := font.LoadGlyph(&buffer, index, fixed.Int26_6(font.UnitsPerEm()), nil)
		if err != nil {
			return nil // in a form that cannot be drawn
		}
		return append(sfnt.Segments(nil), segments...)
	}
	index := func(r rune) sfnt.GlyphIndex {
		i, err := font.GlyphIndex(&buffer, r)
		if err != nil {
			return 0
		}
		return i
	}
	f.glyphs = drawn(wanted, index, outline)
	f.letters = likeness(f)
	f.glyphs = distinct(f.glyphs)
	return f, nil
}

// drawn are the outlines of the characters that a font really draws. index
// finds a character's glyph; glyph 0 is what a font draws for characters that
// it lacks, mostly a box. Some fonts map characters to it on purpose, or to a
// copy of it, or to nothing.
func drawn(wanted []rune, index func(rune) sfnt.GlyphIndex, outline func(sfnt.GlyphIndex) sfnt.Segments) map[rune]sfnt.Segments {
	missing := fingerprint(outline(0))
	glyphs := map[rune]sfnt.Segments{}
	for _, r := range wanted {
		i := index(r)
		if i == 0 {
			continue
		}
		if segments := outline(i); !blank(segments) && fingerprint(segments) != missing {
			glyphs[r] = segments
		}
	}
	return glyphs
}

// distinct leaves out characters that the font draws alike, such as small
// letters in a face of capitals: one picture under two names.
func distinct(glyphs map[rune]sfnt.Segments) map[rune]sfnt.Segments {
	users := map[uint64]int{}
	for _, segments := range glyphs {
		users[fingerprint(segments)]++
	}
	only := map[rune]sfnt.Segments{}
	for r, segments := range glyphs {
		if users[fingerprint(segments)] == 1 {
			only[r] = segments
		}
	}
	return only
}

// firstName returns the first of the names that the font has.
func firstName(font *sfnt.Font, buffer *sfnt.Buffer, ids ...sfnt.NameID) string {
	for _, id := range ids {
		name, err := font.Name(buffer, id)
		if name = strings.Join(strings.Fields(name), " "); err == nil && name != "" {
			return name
		}
	}
	return ""
}

// has says whether the face draws every one of the characters.
func (f *face) has(characters []rune) bool {
	for _, r := range characters {
		if f.glyphs[r] == nil {
			return false
		}
	}
	return true
}

// blank says whether an outline encloses nothing.
func blank(segments sfnt.Segments) bool {
	b := segments.Bounds()
	return b.Min.X >= b.Max.X || b.Min.Y >= b.Max.Y
}

// fingerprint is equal for equal outlines, wherever they stand on their line,
// and 0 for none.
func fingerprint(segments sfnt.Segments) uint64 {
	if len(segments) == 0 {
		return 0
	}
	left := segments.Bounds().Min.X
	h := fnv.New64a()
	var raw []byte
	for _, s := range segments {
		raw = binary.LittleEndian.AppendUint32(raw[:0], uint32(s.Op))
		for _, p := range s.Args[:points(s.Op)] {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(p.X-left))
			raw = binary.LittleEndian.AppendUint32(raw, uint32(p.Y))
		}
		h.Write(raw)
	}
	return h.Sum64()
}
