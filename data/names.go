package data

import "slices"

// names holds many strings in one piece of memory: 4 bytes each beside their
// own, where a []string takes 16 and an allocation.
type names struct {
	bytes []byte
	// ends are where the strings end, modulo 2³²; wraps are the indices of the
	// strings at which that wraps around.
	ends  []uint32
	wraps []int
}

func (n *names) len() int { return len(n.ends) }

func (n *names) add(s string) {
	before := uint64(len(n.bytes))
	n.bytes = append(n.bytes, s...)
	if uint64(len(n.bytes))>>32 > before>>32 {
		n.wraps = append(n.wraps, len(n.ends))
	}
	n.ends = append(n.ends, uint32(len(n.bytes)))
}

func (n *names) get(i int) string {
	start := 0
	if i > 0 {
		start = n.end(i - 1)
	}
	return string(n.bytes[start:n.end(i)])
}

func (n *names) end(i int) int {
	high := 0
	for _, at := range n.wraps {
		if i >= at {
			high++
		}
	}
	return high<<32 | int(n.ends[i])
}

// grow makes room for so many strings of so many bytes together.
func (n *names) grow(strings, bytes int) {
	n.bytes = slices.Grow(n.bytes, max(bytes, 0))
	n.ends = slices.Grow(n.ends, strings)
}

// clip gives back memory that was taken in advance.
func (n *names) clip() { n.bytes, n.ends = clipped(n.bytes), clipped(n.ends) }

// clipped is s in memory of which it fills four fifths at least.
func clipped[T any](s []T) []T {
	if cap(s)-len(s) <= len(s)/4 {
		return s
	}
	return append(make([]T, 0, len(s)), s...)
}
