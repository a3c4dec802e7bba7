package index

import (
	"encoding/binary"
	"math"
)

// dot is the product of a row as a file holds it and a query, in float64, term
// by term.
func dot(row []byte, p Precision, query []float32) (sum float64) {
	switch p {
	case FP32:
		for d, q := range query {
			sum += float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*d:]))) * float64(q)
		}
	case FP16:
		for d, q := range query {
			sum += float64(ofHalf(binary.LittleEndian.Uint16(row[2*d:]))) * float64(q)
		}
	case INT8:
		for d, q := range query {
			sum += float64(int8(row[d])) * float64(q)
		}
	}
	return sum
}
