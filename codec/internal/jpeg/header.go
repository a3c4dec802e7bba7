// Package jpeg decodes JPEG files, or windows of them, with libjpeg-turbo.
package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Header is what the markers before a JPEG's first scan say.
type Header struct {
	Height, Width int
	// Components is 1 for grey, 3 for RGB or YCbCr, 4 for CMYK or YCCK.
	Components int
	// MaxH and MaxV are the largest sampling factors of the components, so
	// that a minimum coded unit (MCU) of several components covers
	// 8·MaxV×8·MaxH pixels.
	MaxH, MaxV int
	// Arithmetic says that the entropy coding is not Huffman's.
	Arithmetic bool
	// Exif is the TIFF data of the first EXIF segment, or empty.
	Exif []byte
}

// Markers (ITU-T T.81, table B.1).
const (
	tem, rst0, soi, eoi, sos, app1 = 0x01, 0xd0, 0xd8, 0xd9, 0xda, 0xe1
)

var errTruncated = errors.New("is a truncated JPEG")

// ReadHeader reads the markers up to the first scan, as leniently as libjpeg,
// which checks all of them when it decodes.
func ReadHeader(content []byte) (Header, error) {
	var h Header
	b := content
	if len(b) < 2 || b[0] != 0xff || b[1] != soi {
		return h, errors.New("is not a JPEG")
	}
	b = b[2:]
	for {
		// Whatever stands before a marker is skipped, and a marker may be
		// preceded by any number of 0xff.
		for len(b) >= 2 && (b[0] != 0xff || b[1] == 0xff || b[1] == 0) {
			b = b[1:]
		}
		if len(b) < 2 {
			return h, errTruncated
		}
		marker := b[1]
		b = b[2:]
		if marker == eoi {
			return h, errors.New("is a JPEG without a picture")
		}
		if marker == tem || marker >= rst0 && marker <= soi {
			continue
		}
		if len(b) < 2 {
			return h, errTruncated
		}
		n := int(binary.BigEndian.Uint16(b))
		if n < 2 {
			return h, errors.New("is a damaged JPEG: a segment states a length below 2")
		}
		if n > len(b) {
			return h, errTruncated
		}
		segment := b[2:n]
		b = b[n:]
		switch {
		case marker == sos:
			if h.Components == 0 {
				return h, errors.New("is a damaged JPEG: pixels come before the header of the picture")
			}
			return h, nil
		case marker == app1 && h.Exif == nil && len(segment) >= 6 && string(segment[:5]) == "Exif\x00":
			h.Exif = segment[6:]
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			if err := h.readFrame(marker, segment); err != nil {
				return h, err
			}
		}
	}
}

// readFrame reads a SOFn segment: precision, height, width, then identifier,
// sampling factors and quantisation table of each component.
func (h *Header) readFrame(marker byte, b []byte) error {
	if h.Components != 0 {
		return errors.New("is a damaged JPEG: it has two frame headers")
	}
	if len(b) < 6 || len(b) < 6+3*int(b[5]) {
		return errors.New("is a damaged JPEG: its frame header is cut short")
	}
	switch {
	case marker >= 0xc5 && marker != 0xc9 && marker != 0xca || marker == 0xc3:
		return fmt.Errorf("is a lossless or hierarchical JPEG (SOF%d), which libjpeg-turbo does not decode", marker-0xc0)
	case b[0] != 8:
		return fmt.Errorf("is a JPEG of %d bits per sample, where only 8 can be decoded", b[0])
	}
	h.Height, h.Width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	h.Arithmetic = marker >= 0xc9
	n := int(b[5])
	if n != 1 && n != 3 && n != 4 {
		return fmt.Errorf("is a JPEG of %d components, where 1, 3 or 4 are expected", n)
	}
	h.Components = n
	for i := range n {
		factors := b[6+3*i+1]
		h.MaxH, h.MaxV = max(h.MaxH, int(factors>>4)), max(h.MaxV, int(factors&15))
	}
	if h.MaxH < 1 || h.MaxH > 4 || h.MaxV < 1 || h.MaxV > 4 {
		return errors.New("is a damaged JPEG: its sampling factors are not 1 to 4")
	}
	return nil
}
