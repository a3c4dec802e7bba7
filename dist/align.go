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
	if odd := g.Differing(values...); odd >= 0 {
		return fmt.Errorf("the weights that rank 0 sent did not arrive as they were on rank %d (host %s): check its network and memory", odd, g.hosts[odd])
	}
	return nil
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

// Differing is the first rank whose tensors are not, bit by bit, those of rank
// 0; −1 if all are the same. One small message, and a pass over the tensors.
func (g *Group) Differing(ts ...tensor.Tensor) int {
	if g.Alone() {
		return -1
	}
	h := sha256.New()
	for _, t := range ts {
		t.Bytes(func(b []byte) { h.Write(b) })
	}
	own := int64(binary.LittleEndian.Uint64(h.Sum(nil)))
	odd := -1
	tensor.Scope(func() {
		all := tensor.To[int64](g.cpu.AllGather(tensor.ForOther, tensor.From([]int64{own}, 1)))
		for i, sum := range all {
			if sum != all[0] {
				odd = i
				break
			}
		}
	})
	return odd
}
