package main

import (
	"slices"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// rectangle is an outline.
func rectangle(left, top, right, bottom int) sfnt.Segments {
	at := func(op sfnt.SegmentOp, x, y int) sfnt.Segment {
		return sfnt.Segment{Op: op, Args: [3]fixed.Point26_6{{X: fixed.Int26_6(x), Y: fixed.Int26_6(y)}}}
	}
	return sfnt.Segments{at(sfnt.SegmentOpMoveTo, left, top), at(sfnt.SegmentOpLineTo, right, top),
		at(sfnt.SegmentOpLineTo, right, bottom), at(sfnt.SegmentOpLineTo, left, bottom)}
}

func TestDrawnCharacters(t *testing.T) {
	outlines := map[sfnt.GlyphIndex]sfnt.Segments{
		0: rectangle(50, -700, 400, 0),
		1: rectangle(10, -700, 300, 0),
		2: nil,                         // a space under a letter's name, or a glyph that cannot be drawn
		3: rectangle(90, -700, 440, 0), // glyph 0 again, elsewhere on the line
		4: rectangle(0, -700, 0, 0),    // no area
		5: rectangle(10, -500, 300, 200),
	}
	indices := map[rune]sfnt.GlyphIndex{'A': 1, 'B': 0, 'C': 2, 'D': 3, 'E': 4, 'F': 5}
	got := drawn([]rune("ABCDEFG"), func(r rune) sfnt.GlyphIndex { return indices[r] },
		func(i sfnt.GlyphIndex) sfnt.Segments { return outlines[i] })
	if len(got) != 2 || got['A'] == nil || got['F'] == nil {
		t.Errorf("%d characters: %v", len(got), got)
	}
}

func TestFacesOfRealFonts(t *testing.T) {
	wanted := []rune("ABCDEFGHIJabcÀŽ中Ạ \u00a0")
	face := func(raw []byte) *face {
		faces, err := readFaces(raw, wanted)
		if err != nil || len(faces) != 1 {
			t.Fatal(faces, err)
		}
		return faces[0]
	}
	f := face(goregular.TTF)
	if f.family != "Go" || f.style != "Regular" || len(f.letters) != 10*24*24 {
		t.Errorf("%q, %q, %d", f.family, f.style, len(f.letters))
	}
	held := ""
	for _, r := range wanted {
		if f.glyphs[r] != nil {
			held += string(r)
		}
	}
	if held != "ABCDEFGHIJabcÀŽ" { // neither spaces nor what the font lacks
		t.Errorf("Go Regular draws %q", held)
	}
	// Latin A, Greek Α and Cyrillic А are one outline.
	wanted = append(slices.Clone(capitals), 'Α', 'А')
	if f = face(goregular.TTF); f.glyphs['A'] != nil || f.glyphs['А'] != nil || f.glyphs['B'] == nil || f.letters == nil {
		t.Error("characters drawn alike were kept")
	}
	// A small capital is no capital.
	wanted = []rune("Aa")
	if f = face(gosmallcaps.TTF); !f.has(wanted) {
		t.Error("small capitals count as capitals")
	}
	for _, raw := range [][]byte{nil, []byte("no font"), goregular.TTF[:100], goregular.TTF[:len(goregular.TTF)/2]} {
		if _, err := readFaces(raw, wanted); err == nil {
			t.Errorf("%d bytes of a font were read", len(raw))
		}
	}
}
