package data

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

// clip gives back memory that growing took in advance.
func (n *names) clip() {
	n.bytes = append(make([]byte, 0, len(n.bytes)), n.bytes...)
	n.ends = append(make([]uint32, 0, len(n.ends)), n.ends...)
}
