package main

import (
	"image"
	"math"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/vector"
)

// affine maps (x, y) to (a·x + b·y + c, d·x + e·y + f).
type affine struct{ a, b, c, d, e, f float64 }

func (m affine) apply(x, y float64) (float64, float64) {
	return m.a*x + m.b*y + m.c, m.d*x + m.e*y + m.f
}

// then is m followed by n.
func (m affine) then(n affine) affine {
	x, y := n.apply(m.c, m.f)
	return affine{
		a: n.a*m.a + n.b*m.d, b: n.a*m.b + n.b*m.e, c: x,
		d: n.d*m.a + n.e*m.d, e: n.d*m.b + n.e*m.e, f: y,
	}
}

// box is a rectangle with corners (x0, y0) and (x1, y1).
type box struct{ x0, y0, x1, y1 float64 }

// extent is the box of a mapped outline's points. Control points may lie a
// little outside of the curve, which only leaves more room.
func extent(segments sfnt.Segments, m affine) box {
	b := box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, s := range segments {
		for _, p := range s.Args[:points(s.Op)] {
			x, y := m.apply(float64(p.X), float64(p.Y))
			b = box{min(b.x0, x), min(b.y0, y), max(b.x1, x), max(b.y1, y)}
		}
	}
	return b
}

// coverage draws a mapped outline into size×size pixels: how much of each it
// covers, from 0 to 255.
func coverage(r *vector.Rasterizer, segments sfnt.Segments, m affine, size int) []byte {
	r.Reset(size, size)
	at := func(s sfnt.Segment, i int) (float32, float32) {
		x, y := m.apply(float64(s.Args[i].X), float64(s.Args[i].Y))
		return float32(x), float32(y)
	}
	for _, s := range segments {
		x0, y0 := at(s, 0)
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			r.ClosePath()
			r.MoveTo(x0, y0)
		case sfnt.SegmentOpLineTo:
			r.LineTo(x0, y0)
		case sfnt.SegmentOpQuadTo:
			x1, y1 := at(s, 1)
			r.QuadTo(x0, y0, x1, y1)
		case sfnt.SegmentOpCubeTo:
			x1, y1 := at(s, 1)
			x2, y2 := at(s, 2)
			r.CubeTo(x0, y0, x1, y1, x2, y2)
		}
	}
	r.ClosePath()
	mask := image.NewAlpha(image.Rect(0, 0, size, size))
	r.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	return mask.Pix
}

// points is the number of points that a segment adds to an outline.
func points(op sfnt.SegmentOp) int {
	switch op {
	case sfnt.SegmentOpQuadTo:
		return 2
	case sfnt.SegmentOpCubeTo:
		return 3
	}
	return 1
}
