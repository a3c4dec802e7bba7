package codec

import (
	"image"

	"cone/picture"
)

// fromWebP writes the pixels of a lossy WebP, which alone gives YCbCr here,
// into dst of the same size. Go's own conversion takes them as JPEG's full
// range and repeats chroma; this is libwebp's: BT.601 in the range 16–235
// (dsp/yuv.h), chroma between its samples by weights of 9, 3, 3 and 1
// sixteenths (dsp/upsampling.c), rounded where libwebp rounds.
func fromWebP(dst *picture.Image, im *image.YCbCr) {
	columns, rows := (dst.Width+1)/2, (dst.Height+1)/2
	cb, cr := make([]uint8, dst.Width), make([]uint8, dst.Width)
	for y := range dst.Height {
		// The chroma row that this row lies in, and the other that it is
		// close to.
		near, far := y/2, y/2-1+y%2*2
		far = min(max(far, 0), rows-1)
		near, far = near*im.CStride, far*im.CStride
		chromaRow(cb, im.Cb[near:near+columns], im.Cb[far:far+columns])
		chromaRow(cr, im.Cr[near:near+columns], im.Cr[far:far+columns])
		luma := im.Y[y*im.YStride:][:dst.Width]
		out := dst.Pixels[y*dst.Width*3:][:dst.Width*3]
		for x, v := range luma {
			l, u, v := int32(v)*19077>>8, int32(cb[x]), int32(cr[x])
			out[3*x] = shifted(l + v*26149>>8 - 14234)
			out[3*x+1] = shifted(l - u*6419>>8 - v*13320>>8 + 8708)
			out[3*x+2] = shifted(l + u*33050>>8 - 17685)
		}
	}
}

// shifted is v/64 within 0 to 255.
func shifted(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }

// chromaRow widens a row of chroma samples to twice the columns; far is the
// next row on the other side of the output row.
func chromaRow(out, near, far []uint8) {
	n := len(out)
	edge := func(a, b uint8) uint8 { return uint8((3*uint32(a) + uint32(b) + 2) >> 2) }
	out[0] = edge(near[0], far[0])
	for x := 1; 2*x-1 < n; x++ {
		if 2*x == n {
			out[n-1] = edge(near[x-1], far[x-1])
			break
		}
		a0, a1, b0, b1 := uint32(near[x-1]), uint32(near[x]), uint32(far[x-1]), uint32(far[x])
		sum := a0 + a1 + b0 + b1 + 8
		out[2*x-1] = uint8(((sum+2*(a1+b0))>>3 + a0) >> 1)
		out[2*x] = uint8(((sum+2*(a0+b1))>>3 + a1) >> 1)
	}
}
