package main

import (
	"bytes"
	"image/jpeg"
	"math"
	"testing"

	"codeberg.org/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// Every picture shows its character: whole, with solid ink whose colour stands
// out from what lies around it, also after the JPEG's losses.
func TestPicturesAreLegible(t *testing.T) {
	d := newDrawing()
	for _, s := range []set{sets[0], {characters: []rune("AÅĢ.lфшΰ@"), smallest: 0.42, largest: 0.52, wander: 0.06}} {
		faces := readAll(t, goregular.TTF, gobolditalic.TTF, liberationserifregular.TTF)
		if s.name == "" {
			faces = nil
			for _, raw := range [][]byte{goregular.TTF, gobolditalic.TTF, liberationserifregular.TTF} {
				read, err := readFaces(raw, append([]rune("H"), s.characters...))
				if err != nil {
					t.Fatal(err)
				}
				faces = append(faces, read...)
			}
		}
		for _, f := range faces {
			tf := typeface{name: f.family, faces: []*face{f}}
			for _, r := range s.characters {
				if f.glyphs[r] == nil {
					continue // Go's fonts lack some
				}
				for variant := range 12 {
					l, noise := drawLook(s, 5, &tf, r, variant)
					checkPicture(t, d, s, f, r, l)
					if t.Failed() {
						t.Fatalf("%s %q, variant %d: %+v", f.family, r, variant, l)
					}
					picture := d.picture(s, f, r, l, noise)
					var out bytes.Buffer
					if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: quality}); err != nil {
						t.Fatal(err)
					}
					lossy, err := jpeg.Decode(&out)
					if err != nil {
						t.Fatal(err)
					}
					ink := d.ink(s, f, r, l)
					var on, around colour
					var n, m float64
					for at, share := range ink {
						x, y := at%pictureSize, at/pictureSize
						red, green, blue, _ := lossy.At(x, y).RGBA()
						c := colour{float64(red >> 8), float64(green >> 8), float64(blue >> 8)}
						switch {
						case share > 0.8:
							on, n = add(on, c), n+1
						case share == 0 && near(ink, x, y):
							around, m = add(around, c), m+1
						}
					}
					// Small characters have few such pixels, whose colour the JPEG
					// shares with their neighbours.
					if n < 12 {
						continue
					}
					if got := contrast(scale(on, 1/n), scale(around, 1/m)); got < 2 {
						t.Fatalf("%s %q, variant %d: contrast %.2f", f.family, r, variant, got)
					}
				}
			}
		}
	}
}

// near says whether ink lies within 3 pixels.
func near(ink []float64, x, y int) bool {
	for j := max(0, y-3); j <= min(pictureSize-1, y+3); j++ {
		for i := max(0, x-3); i <= min(pictureSize-1, x+3); i++ {
			if ink[j*pictureSize+i] > 0.5 {
				return true
			}
		}
	}
	return false
}

func add(a, b colour) colour { return colour{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

func scale(a colour, by float64) colour { return colour{by * a[0], by * a[1], by * a[2]} }

func checkPicture(t *testing.T, d *drawing, s set, f *face, r rune, l look) {
	t.Helper()
	if !l.legible() {
		t.Error("illegible")
	}
	ink := d.ink(s, f, r, l)
	if solidity(ink) < 0.5 || total(ink) < 3 {
		t.Errorf("solidity %.2f, ink %.1f", solidity(ink), total(ink))
	}
	for i := range pictureSize {
		for _, at := range []int{i, i * pictureSize, i*pictureSize + pictureSize - 1, (pictureSize-1)*pictureSize + i} {
			if ink[at] > 0 {
				t.Errorf("the character touches the border at %d", at)
				return
			}
		}
	}
}

// Lines much finer than a pixel become bolder, and none is thinned away.
func TestHairlines(t *testing.T) {
	d := newDrawing()
	for _, width := range []int{4, 20, 30, 40, 50} {
		f := &face{glyphs: map[rune]sfnt.Segments{'H': rectangle(0, -700, width, 0)}}
		for _, height := range []float64{25, 50} {
			for _, weight := range []float64{-0.012, 0, 0.01} {
				ink := d.ink(sets[0], f, 'H', look{height: height, weight: weight})
				plain := height * height * float64(width) / 700
				if solidity(ink) < 0.55 || total(ink) < 0.69*plain {
					t.Errorf("width %d, height %g, weight %g: solidity %.2f, ink %.1f of %.1f", width, height, weight, solidity(ink), total(ink), plain)
				}
			}
		}
	}
}

func TestLegible(t *testing.T) {
	black, white, grey, red, green := colour{}, colour{255, 255, 255}, colour{118, 118, 118}, colour{255, 0, 0}, colour{0, 128, 0}
	for _, c := range []struct {
		ink, from, to colour
		want          bool
	}{
		{black, white, white, true}, {white, black, black, true}, {white, grey, grey, true}, {black, grey, grey, true},
		{grey, black, white, false}, // the ink lies between
		{red, green, green, false},  // other hues, but equally light
		{black, white, black, false},
	} {
		l := look{ink: c.ink, background: background{from: c.from, to: c.to}}
		if l.legible() != c.want {
			t.Errorf("%v on %v to %v: %v", c.ink, c.from, c.to, !c.want)
		}
	}
	// W3C's own figures: black on white 21, #767676 on white 4.54.
	if got := contrast(black, white); math.Abs(got-21) > 1e-9 {
		t.Error(got)
	}
	if got := contrast(grey, white); math.Abs(got-4.54) > 0.005 {
		t.Error(got)
	}
}

func TestBackgroundKeepsBetweenItsColours(t *testing.T) {
	b := background{from: colour{10, 20, 30}, to: colour{110, 220, 130}, direction: 4}
	for i := range b.clouds {
		b.clouds[i] = float64(i%7) / 6
	}
	for b.kind = range kinds {
		seen := map[colour]bool{}
		for y := 0.0; y <= 1; y += 0.125 {
			for x := 0.0; x <= 1; x += 0.125 {
				c := b.at(x, y)
				seen[c] = true
				for i := range c {
					if c[i] < b.from[i]-1e-9 || c[i] > b.to[i]+1e-9 {
						t.Fatalf("kind %d at %g, %g: %v", b.kind, x, y, c)
					}
				}
			}
		}
		if (len(seen) == 1) != (b.kind == plain) {
			t.Errorf("kind %d has %d colours", b.kind, len(seen))
		}
	}
}

func TestThicken(t *testing.T) {
	disc := make([]byte, fineSize*fineSize)
	const middle, radius = fineSize / 2, 20
	for at := range disc {
		if math.Hypot(float64(at%fineSize-middle), float64(at/fineSize-middle)) < radius {
			disc[at] = 255
		}
	}
	for _, by := range []float64{-3, -1.5, -0.5, 0, 0.5, 1, 2.25, 4} {
		area := total(shrink(thicken(disc, by))) * fine * fine
		want := math.Pi * (radius + by) * (radius + by)
		if math.Abs(area-want) > 2*math.Pi*radius*0.6 { // to 0.6 pixels of its edge
			t.Errorf("by %g: area %.0f, not %.0f", by, area, want)
		}
	}
	if !bytes.Equal(thicken(disc, 0), disc) {
		t.Error("by 0 changes the picture")
	}
}

// A look is a function of seed, typeface, character and variant, each of which
// changes it.
func TestLooks(t *testing.T) {
	one, two := &typeface{name: "one"}, &typeface{name: "two"}
	base, stream := drawLook(sets[0], 1, one, 'A', 0)
	again, twin := drawLook(sets[0], 1, one, 'A', 0)
	if base != again || stream != twin {
		t.Error("a look depends on more than its arguments")
	}
	for name, other := range map[string]func() (look, any){
		"seed":      func() (look, any) { l, s := drawLook(sets[0], 2, one, 'A', 0); return l, s },
		"typeface":  func() (look, any) { l, s := drawLook(sets[0], 1, two, 'A', 0); return l, s },
		"character": func() (look, any) { l, s := drawLook(sets[0], 1, one, 'B', 0); return l, s },
		"variant":   func() (look, any) { l, s := drawLook(sets[0], 1, one, 'A', 1); return l, s },
	} {
		if l, s := other(); l.height == base.height || l.ink == base.ink || s == any(stream) {
			t.Errorf("%s changes nothing", name)
		}
	}
}
