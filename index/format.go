package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A file is a header of 512 bytes and twelve sections, each at the next multiple
// of 64 behind the one before, all little-endian. The header:
//
//	0   "coneidx\n"
//	8   version, uint32: 2
//	12  CRC-32C of the header's bytes from 16 on
//	16  for each section its offset and length, uint64, its CRC-32C, uint32, and 4 zero bytes
const (
	magic      = "coneidx\n"
	version    = 2
	headerSize = 512
	alignment  = 64
	sectionAt  = 16
	perSection = 24
)

// The sections, in their order.
const (
	metaSection         = iota // Meta as JSON
	labelSection               // N int32
	addedSection               // N bytes, 0 or 1
	scaleSection               // N float32 with int8, else of the sketches
	errorSection               // N float32, how far sketches are off; with int8 nothing
	nameEndSection             // N uint64: where each name ends
	nameSection                // names, UTF-8
	thumbnailEndSection        // N uint64
	thumbnailSection           // JPEG or PNG files
	sketchSection              // N×sketchStride bytes; with int8 nothing
	vectorSection              // N×stride bytes
	graphSection               // as kernel/graph.cc saves it, or nothing
	sectionCount
)

var sectionNames = [sectionCount]string{"description", "labels", "marks of added entries", "scales", "errors of sketches", "ends of names", "names", "ends of thumbnails", "thumbnails", "sketches", "vectors", "graph"}

type section struct {
	offset, length uint64
	sum            uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func aligned(n uint64) uint64 { return (n + alignment - 1) &^ (alignment - 1) }

// layOut gives sections with lengths their offsets.
func layOut(sections *[sectionCount]section) {
	at := uint64(headerSize)
	for i := range sections {
		sections[i].offset = at
		at = aligned(at + sections[i].length)
	}
}

func encodeHeader(sections *[sectionCount]section) []byte {
	h := make([]byte, headerSize)
	copy(h, magic)
	binary.LittleEndian.PutUint32(h[8:], version)
	for i, s := range sections {
		at := h[sectionAt+perSection*i:]
		binary.LittleEndian.PutUint64(at, s.offset)
		binary.LittleEndian.PutUint64(at[8:], s.length)
		binary.LittleEndian.PutUint32(at[16:], s.sum)
	}
	binary.LittleEndian.PutUint32(h[12:], crc32.Checksum(h[sectionAt:], castagnoli))
	return h
}

// parseHeader reads the sections of a file of size bytes. They lie in the file,
// and do not overlap.
func parseHeader(h []byte, size uint64) (sections [sectionCount]section, err error) {
	switch {
	case len(h) < headerSize || string(h[:len(magic)]) != magic:
		return sections, errors.New("it is no index")
	case binary.LittleEndian.Uint32(h[8:]) != version:
		return sections, fmt.Errorf("it is of version %d, and this program reads version %d", binary.LittleEndian.Uint32(h[8:]), version)
	case binary.LittleEndian.Uint32(h[12:]) != crc32.Checksum(h[sectionAt:headerSize], castagnoli):
		return sections, errors.New("its header is damaged")
	}
	end := uint64(headerSize)
	for i := range sections {
		at := h[sectionAt+perSection*i:]
		s := section{binary.LittleEndian.Uint64(at), binary.LittleEndian.Uint64(at[8:]), binary.LittleEndian.Uint32(at[16:])}
		switch {
		case s.offset != aligned(end):
			return sections, fmt.Errorf("its %s begin at byte %d, not at %d", sectionNames[i], s.offset, aligned(end))
		case s.offset > size || s.length > size-s.offset:
			return sections, fmt.Errorf("its %s would end behind its end; the file may be cut off", sectionNames[i])
		}
		sections[i], end = s, s.offset+s.length
	}
	if end != size {
		return sections, fmt.Errorf("it should end at byte %d, not at %d", end, size)
	}
	return sections, nil
}
