package dist

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"cone/tensor"
)

// Named is a tensor of which every rank has one.
type Named struct {
	Name  string
	Value tensor.Tensor
}

// Align makes every rank's tensors those of rank 0: it compares their names,
// types, shapes and layouts, sends rank 0's values, and compares checksums of
// what arrived. An error names what differs.
func (g *Group) Align(list []Named) error {
	if g.Alone() {
		return nil
	}
	if err := g.sameKind(list); err != nil {
		return err
	}
	values := make([]tensor.Tensor, len(list))
	for i, n := range list {
		values[i] = n.Value
	}
	g.Broadcast(0, values...)
	return g.Compare(list)
}

// sameKind compares the tensors' descriptions: by digest, and line by line only
// where these differ.
func (g *Group) sameKind(list []Named) error {
	lines := make([]string, len(list))
	for i, n := range list {
		lines[i] = fmt.Sprintf("%s, %v, strides %v", n.Name, n.Value, n.Value.Strides())
	}
	text := strings.Join(lines, "\n")
	digest := sha256.Sum256([]byte(text))
	digests, err := g.Exchange("tensors", digest[:])
	if err != nil {
		return err
	}
	same := true
	for _, d := range digests {
		same = same && string(d) == string(digests[0])
	}
	if same {
		return nil
	}
	texts, err := g.Exchange("tensor lines", []byte(text))
	if err != nil {
		return err
	}
	for rank, t := range texts {
		if here, there, found := difference(string(texts[0]), string(t)); found {
			return fmt.Errorf("rank 0 and rank %d (host %s) have different networks: %s on rank 0, %s on rank %d", rank, g.hosts[rank], here, there, rank)
		}
	}
	return nil
}

// difference is the first line in which two texts differ.
func difference(a, b string) (inA, inB string, found bool) {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	at := func(lines []string, i int) string {
		if i < len(lines) && lines[i] != "" {
			return lines[i]
		}
		return "nothing"
	}
	for i := range max(len(x), len(y)) {
		if at(x, i) != at(y, i) {
			return at(x, i), at(y, i), true
		}
	}
	return "", "", false
}

// Compare says whether all ranks' tensors are, bit by bit, those of rank 0, by
// checksums: a pass over the tensors and one small message. The error names the
// first rank and tensor that differ; every rank gets the same. Several tensors
// that a network has beside its weights, such as the running statistics of batch
// norms that are not synchronised, are no business of it.
func (g *Group) Compare(list []Named) error {
	if g.Alone() || len(list) == 0 {
		return nil
	}
	sums := make([]int64, len(list))
	for i, n := range list {
		n.Value.Bytes(func(b []byte) {
			digest := sha256.Sum256(b)
			sums[i] = int64(binary.LittleEndian.Uint64(digest[:]))
		})
	}
	var all []int64
	tensor.Scope(func() {
		all = tensor.To[int64](g.cpu.AllGather(tensor.ForOther, tensor.From(sums, len(sums))))
	})
	for i, sum := range all {
		if rank, j := i/len(list), i%len(list); sum != all[j] {
			return fmt.Errorf("%s on rank %d (host %s) is not that of rank 0: check that host's memory and network, and that every rank runs the same program",
				list[j].Name, rank, g.hosts[rank])
		}
	}
	return nil
}
