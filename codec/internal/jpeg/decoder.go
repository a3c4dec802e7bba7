package jpeg

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -ljpeg
#include "decoder.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Window is a part of a picture that libjpeg can decode: whole rows and
// columns of the picture at a scale of Eighths/8. Its outermost columns may
// differ from those of the whole picture.
type Window struct {
	Top, Left, Height, Width int
	Eighths                  int
}

// WindowAround is the smallest window that holds the exact pixels of a part of
// the picture, which is given in whole pixels at scale 1.
func WindowAround(h Header, top, left, height, width, eighths int) Window {
	scaled := func(n int) int { return (n*eighths + 7) / 8 }
	w := Window{Eighths: eighths}
	// jpeg_crop_scanline begins at an MCU. Its outermost columns are
	// upsampled as if they were the picture's; a chroma sample reaches two
	// columns at most.
	const margin = 2
	unit := eighths
	if h.Components > 1 {
		unit *= h.MaxH
	}
	w.Left = max(left*eighths/8-margin, 0) / unit * unit
	w.Width = min(scaled(left+width)+margin, scaled(h.Width)) - w.Left
	w.Top = top * eighths / 8
	w.Height = scaled(top+height) - w.Top
	return w
}

// Decoder holds libjpeg's memory; it is created by the first Decode.
type Decoder struct {
	// Plain leaves all to libjpeg, Huffman codes too: the same pixels, slower.
	Plain bool

	state *C.cone_jpeg
}

// Close frees libjpeg's memory.
func (d *Decoder) Close() {
	C.cone_jpeg_free(d.state)
	d.state = nil
}

// mostWork bounds scans × pixels of a JPEG of many scans, a few seconds' work,
// and mostScans their number: a few bytes of scan can cost a pass over the
// whole picture. Encoders write about 10 scans.
const (
	mostWork  = 1 << 32
	mostScans = 1000
)

// Decode writes a window of the JPEG in content, whose header is h, into out,
// window height × width × 3 bytes of RGB. The pixels are those of Pillow: the
// accurate integer DCT, triangle-filtered chroma.
func (d *Decoder) Decode(out, content []byte, h Header, w Window) error {
	if len(out) != w.Height*w.Width*3 || len(out) == 0 {
		return errors.New("internal error: the window's memory has another size")
	}
	if d.state == nil {
		if d.state = C.cone_jpeg_new(); d.state == nil {
			return errors.New("cannot be decoded: libjpeg has no memory or is of another version than the one cone was built with")
		}
	}
	request := C.cone_jpeg_window{
		picture_height: C.int(h.Height),
		picture_width:  C.int(h.Width),
		components:     C.int(h.Components),
		eighths:        C.int(w.Eighths),
		top:            C.int(w.Top),
		left:           C.int(w.Left),
		height:         C.int(w.Height),
		width:          C.int(w.Width),
		most_scans:     C.int(max(1, min(mostScans, mostWork/(h.Height*h.Width)))),
	}
	if d.Plain {
		request.plain = 1
	}
	outcome := C.cone_jpeg_decode(d.state,
		(*C.uchar)(unsafe.Pointer(unsafe.SliceData(content))), C.size_t(len(content)),
		&request, (*C.uchar)(unsafe.Pointer(unsafe.SliceData(out))))
	runtime.KeepAlive(content)
	switch outcome {
	case C.CONE_JPEG_DONE:
		return nil
	case C.CONE_JPEG_TRUNCATED:
		return errTruncated
	case C.CONE_JPEG_TOO_MANY_SCANS:
		return fmt.Errorf("is a progressive JPEG of more than %d scans, which no encoder writes at %d×%d pixels",
			request.most_scans, h.Height, h.Width)
	}
	return fmt.Errorf("is a damaged JPEG: %s", C.GoString(C.cone_jpeg_message(d.state)))
}

// Warnings is the number of flaws that libjpeg passed over in the last Decode:
// damaged entropy-coded data, junk between markers.
func (d *Decoder) Warnings() int {
	if d.state == nil {
		return 0
	}
	return int(C.cone_jpeg_warnings(d.state))
}
