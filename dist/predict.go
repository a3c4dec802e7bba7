package dist

// Step is a training step as far as it is sent.
type Step struct {
	// Parameters is how many values learn, Value the bytes of one.
	Parameters, Value int
	// Norms are the channels of each batch norm of one network, where batch norm
	// is synchronised. Networks is how many run them forward: 2 with a key
	// encoder; one goes backward.
	Norms    []int
	Networks int
	// Rows is how many images the largest rank has. Dim and Classes are those of
	// the bank's entries; without a bank Dim is 0.
	Rows, Dim, Classes int
}

// Bytes is what each rank hands to collectives in a step, on CPUs:
//
//   - of gradients, every value once;
//   - of batch norm, for each layer and network 2·channels+1 sums of float64 on
//     the way forward, and 2·channels on the way back;
//   - of the bank, for each row an embedding, class probabilities, and label and
//     index of 8 bytes each. Ranks with fewer rows fill up.
func (s Step) Bytes() (gradients, batchNorm, bank int64) {
	gradients = int64(s.Parameters) * int64(s.Value)
	for _, c := range s.Norms {
		batchNorm += 8 * int64(s.Networks*(2*c+1)+2*c)
	}
	if s.Dim > 0 {
		bank = int64(s.Rows) * int64(s.Value*(s.Dim+s.Classes)+16)
	}
	return gradients, batchNorm, bank
}

// Summed is what one of so many ranks sends for a sum of so many bytes in a ring:
// each rank's part goes round once to be added up and once to be known.
func Summed(bytes int64, ranks int) float64 {
	return 2 * float64(bytes) * float64(ranks-1) / float64(ranks)
}

// Gathered is what one of so many ranks sends where each has so many bytes that
// all must know.
func Gathered(bytes int64, ranks int) float64 { return float64(bytes) * float64(ranks-1) }
