package dist_test

import (
	"fmt"
	"strings"
	"testing"

	"cone/dist"
	"cone/internal/processes"
	"cone/tensor"
)

func init() {
	parts["collectives"] = func(g *dist.Group) error {
		r := float64(g.Rank())
		a := tensor.Full(r+1, tensor.Float64, tensor.CPU, 2)
		b := tensor.Full(10*r, tensor.Float32, tensor.CPU, 1, 2)
		g.AllReduce(a, b)
		fmt.Println("sum", values(a), values(b))

		// Rank r has r+1 rows.
		rows := tensor.Arange(0, 2*(g.Rank()+1), tensor.CPU).View(g.Rank()+1, 2)
		fmt.Println("gathered", g.AllGather(rows), values(g.AllGather(rows)))
		n := g.Rows(g.Rank() + 1)
		packed := g.Gather(tensor.ForBank, n, tensor.Full(r, tensor.Float32, tensor.CPU, g.Rank()+1, 3),
			tensor.Full(-r, tensor.Int64, tensor.CPU, g.Rank()+1))
		fmt.Println("packed", n, packed[0], values(packed[0]), packed[1], values(packed[1]))

		c := tensor.Full(r, tensor.Float32, tensor.CPU, 2)
		g.Broadcast(1, c)
		fmt.Println("broadcast", values(c))
		g.Barrier()
		for range 2 {
			names, err := g.Exchange("name", []byte(fmt.Sprintf("rank %d", g.Rank())))
			if err != nil {
				return err
			}
			fmt.Printf("names %q\n", names)
		}
		return nil
	}
}

// TestCollectives of three ranks, each seeing the same.
func TestCollectives(t *testing.T) {
	out := processes.Together(t, 3, "collectives")
	want := strings.TrimSpace(`
sum [6 6] [30 30]
gathered int64[6 2] [0 1 0 1 2 3 0 1 2 3 4 5]
packed [1 2 3] float32[6 3] [0 0 0 1 1 1 1 1 1 2 2 2 2 2 2 2 2 2] int64[6] [0 -1 -1 -2 -2 -2]
broadcast [1 1]
names ["rank 0" "rank 1" "rank 2"]
names ["rank 0" "rank 1" "rank 2"]`)
	for i, got := range out {
		if got != want {
			t.Errorf("rank %d printed\n%s\nwant\n%s", i, got, want)
		}
	}
}
