package codec

import (
	"errors"
	"fmt"
	"io"

	"cone/picture"
)

// pnmHeader is the header of a PBM, PGM or PPM file (Netpbm, P1 to P6).
type pnmHeader struct {
	kind          byte // '1' to '6'
	height, width int
	most          int // the value that means white
	pixels        int // where the pixels begin
}

func (h pnmHeader) channels() int {
	if h.kind == '3' || h.kind == '6' {
		return 3
	}
	return 1
}

func (h pnmHeader) colour() string {
	if h.channels() == 3 {
		return "RGB"
	}
	return "grey"
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// pnmNumber reads a decimal number after white space and comments, and
// returns where it ends.
func pnmNumber(b []byte, at int) (value, end int, err error) {
	for at < len(b) && (isSpace(b[at]) || b[at] == '#') {
		if b[at] == '#' {
			for at < len(b) && b[at] != '\n' {
				at++
			}
			continue
		}
		at++
	}
	start := at
	for at < len(b) && b[at] >= '0' && b[at] <= '9' {
		value = value*10 + int(b[at]-'0')
		if value > 1<<31 {
			return 0, at, errors.New("is a damaged PNM: a number is too large")
		}
		at++
	}
	switch {
	case at > start:
		return value, at, nil
	case at == len(b):
		return 0, at, errors.New("is a truncated PNM")
	}
	return 0, at, fmt.Errorf("is a damaged PNM: %q stands where a number is expected", b[at:min(at+4, len(b))])
}

func readPNMHeader(b []byte) (h pnmHeader, err error) {
	h.kind, h.most = b[1], 1
	numbers := []*int{&h.width, &h.height}
	if h.kind != '1' && h.kind != '4' {
		numbers = append(numbers, &h.most)
	}
	at := 2
	for _, n := range numbers {
		if *n, at, err = pnmNumber(b, at); err != nil {
			return h, err
		}
	}
	if h.most < 1 || h.most > 65535 {
		return h, fmt.Errorf("is a damaged PNM: its largest value is %d, not 1 to 65535", h.most)
	}
	// One white space character ends the header.
	h.pixels = at + 1
	return h, nil
}

// readPNM fills dst, which has the header's size.
func readPNM(dst *picture.Image, content []byte) error {
	h, err := readPNMHeader(content)
	if err != nil {
		return err
	}
	next, err := h.samples(content)
	if err != nil {
		return err
	}
	white := uint32(h.most)
	out := dst.Pixels
	for range dst.Height {
		for x := range dst.Width {
			for c := range h.channels() {
				v, err := next(x)
				if err != nil {
					return err
				}
				out[c] = scaleSample(min(v, white), white)
			}
			if h.channels() == 1 {
				out[1], out[2] = out[0], out[0]
			}
			out = out[3:]
		}
	}
	return nil
}

// scaleSample is 255·v/white, halves rounded to the even number as Pillow does.
func scaleSample(v, white uint32) uint8 {
	q, rest := 255*v/white, 255*v%white
	if 2*rest > white || 2*rest == white && q%2 == 1 {
		q++
	}
	return uint8(q)
}

// samples gives a function that returns one sample after the other; its
// argument is the sample's column.
func (h pnmHeader) samples(content []byte) (next func(column int) (uint32, error), err error) {
	rest := content[min(h.pixels, len(content)):]
	// Samples of binary files are complete before the first is read.
	sample := 1
	if h.most > 255 {
		sample = 2
	}
	need := h.height * h.width * h.channels() * sample
	switch h.kind {
	case '4':
		need = h.height * ((h.width + 7) / 8)
	case '1', '2', '3':
		need = 0
	}
	if need > len(rest) {
		return nil, io.ErrUnexpectedEOF
	}
	at := 0
	switch h.kind {
	case '1': // Digits that need no space between them; 1 is black.
		return func(int) (uint32, error) {
			for at < len(rest) && isSpace(rest[at]) {
				at++
			}
			if at == len(rest) {
				return 0, io.ErrUnexpectedEOF
			}
			at++
			switch rest[at-1] {
			case '0':
				return 1, nil
			case '1':
				return 0, nil
			}
			return 0, fmt.Errorf("%q stands where 0 or 1 is expected", rest[at-1])
		}, nil
	case '4': // Bits, rows padded to bytes; 1 is black.
		return func(column int) (uint32, error) {
			bit := rest[at] >> (7 - column%8) & 1
			if column%8 == 7 || column == h.width-1 {
				at++
			}
			return uint32(bit ^ 1), nil
		}, nil
	case '2', '3':
		return func(int) (uint32, error) {
			v, end, err := pnmNumber(rest, at)
			at = end
			return uint32(v), err
		}, nil
	}
	return func(int) (uint32, error) {
		v := uint32(rest[at])
		if sample == 2 {
			v = v<<8 | uint32(rest[at+1])
		}
		at += sample
		return v, nil
	}, nil
}
