package codec

import (
	"bytes"
	"encoding/binary"
)

// orientation is the EXIF orientation that the file states; anything but 1 to
// 8 means that it states none. Damaged metadata is no error.
func (f *File) orientation() int {
	switch f.header.Format {
	case "JPEG":
		return orientationOfTIFF(f.stream.Exif)
	case "TIFF":
		return orientationOfTIFF(f.content)
	case "PNG":
		return orientationOfTIFF(pngChunk(f.content, "eXIf"))
	case "WebP":
		exif := webpChunk(f.content, "EXIF")
		// Some writers keep the prefix that JPEG needs.
		return orientationOfTIFF(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
	}
	return 0
}

// orientationOfTIFF reads tag 274 of the first directory of TIFF data, the
// form in which EXIF is kept. 0 means that there is none.
func orientationOfTIFF(b []byte) int {
	if len(b) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	if order.Uint16(b) != 0x4949 && order.Uint16(b) != 0x4d4d || order.Uint16(b[2:]) != 42 {
		return 0
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0
	}
	entries := int(order.Uint16(b[at:]))
	b = b[at+2:]
	for ; entries > 0 && len(b) >= 12; entries, b = entries-1, b[12:] {
		const orientation, short = 274, 3
		if order.Uint16(b) == orientation && order.Uint16(b[2:]) == short && order.Uint32(b[4:]) == 1 {
			return int(order.Uint16(b[8:]))
		}
	}
	return 0
}

// pngChunk is the data of the first chunk of that name in a PNG.
func pngChunk(content []byte, name string) []byte {
	for b := content[8:]; len(b) >= 12; {
		n := int64(binary.BigEndian.Uint32(b))
		if n+12 > int64(len(b)) {
			return nil
		}
		if string(b[4:8]) == name {
			return b[8 : 8+n]
		}
		b = b[12+n:]
	}
	return nil
}

// webpChunk is the data of the first chunk of that name in a RIFF file.
func webpChunk(content []byte, name string) []byte {
	for b := content[12:]; len(b) >= 8; {
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		if n+8 > int64(len(b)) {
			return nil
		}
		if string(b[:4]) == name {
			return b[8 : 8+n]
		}
		// Chunks are padded to even lengths.
		b = b[min(8+n+n&1, int64(len(b))):]
	}
	return nil
}
