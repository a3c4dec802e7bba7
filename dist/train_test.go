package dist_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"cone/dist"
	"cone/internal/processes"
	"cone/tensor"
)

// random is the same on every rank.
func random(seed uint64, d tensor.DType, shape ...int) tensor.Tensor {
	tensor.Seed(seed)
	return tensor.Empty(d, tensor.CPU, shape...).Normal(0, 1)
}

// far is the largest difference, relative to the largest of b's values or 1.
func far(a, b tensor.Tensor) float64 {
	x, y := tensor.To[float64](a.Detach().ToDType(tensor.Float64)), tensor.To[float64](b.Detach().ToDType(tensor.Float64))
	if len(x) != len(y) {
		return math.Inf(1)
	}
	most, size := 0.0, 1.0
	for i := range x {
		most, size = max(most, math.Abs(x[i]-y[i])), max(size, math.Abs(y[i]))
		if math.IsNaN(x[i]) || math.IsNaN(y[i]) {
			return math.NaN()
		}
	}
	return most / size
}

// check complains of what lies further apart than the tolerance.
func check(what string, tolerance float64, got, want tensor.Tensor) error {
	if d := far(got, want); !(d <= tolerance) {
		return fmt.Errorf("%s: %v apart", what, d)
	}
	return nil
}

func first(errs ...error) error {
	for _, e := range errs {
		if e != nil {
			return e
		}
	}
	return nil
}

// mine is this rank's part of rows that all ranks have.
func mine(g *dist.Group, rows []int, t tensor.Tensor) tensor.Tensor {
	before := 0
	for _, n := range rows[:g.Rank()] {
		before += n
	}
	return t.Narrow(0, before, rows[g.Rank()])
}

// layouts of a batch of 6 images: ranks have 1, 2 and 3 of them.
var layouts = []struct {
	name         string
	weights, x   tensor.DType
	shape        []int
	channelsLast bool
	tolerance    float64
}{
	{"matrix, float64", tensor.Float64, tensor.Float64, []int{6, 5}, false, 1e-12},
	{"planes, float64", tensor.Float64, tensor.Float64, []int{6, 5, 3, 4}, false, 1e-12},
	{"channels last, float64", tensor.Float64, tensor.Float64, []int{6, 5, 3, 4}, true, 1e-12},
	{"planes, float32", tensor.Float32, tensor.Float32, []int{6, 5, 3, 4}, false, 2e-6},
	{"channels last, float32", tensor.Float32, tensor.Float32, []int{6, 40, 3, 4}, true, 2e-6},
	{"channels last, bfloat16", tensor.Float32, tensor.BFloat16, []int{6, 5, 3, 4}, true, 2e-2},
}

func init() {
	parts["batch norm"] = func(g *dist.Group) error {
		rows := g.Rows(g.Rank() + 1)
		for i, c := range layouts {
			channels := c.shape[1]
			laid := func(t tensor.Tensor) tensor.Tensor {
				if c.channelsLast {
					return t.ChannelsLast()
				}
				return t.Contiguous()
			}
			// Values far from zero, of which squares lose the most.
			whole := random(uint64(i), c.weights, c.shape...).AddNumber(3).ToDType(c.x)
			dy := random(uint64(100+i), c.weights, c.shape...).ToDType(c.x)
			type state struct{ x, w, b, mean, variance, y tensor.Tensor }
			fresh := func(x tensor.Tensor) state {
				return state{x: laid(x.Clone()).Detach().SetRequiresGrad(true),
					w:        random(200, c.weights, channels).SetRequiresGrad(true),
					b:        random(201, c.weights, channels).SetRequiresGrad(true),
					mean:     tensor.Full(0.5, c.weights, tensor.CPU, channels),
					variance: tensor.Full(2, c.weights, tensor.CPU, channels)}
			}
			one, part := fresh(whole), fresh(mine(g, rows, whole))
			one.y = one.x.BatchNorm(one.w, one.b, one.mean, one.variance, true, 0.1, 1e-5)
			part.y = g.BatchNorm(part.x, part.w, part.b, part.mean, part.variance, 0.1, 1e-5)
			if part.y.DType() != one.y.DType() {
				return fmt.Errorf("%s: %v, not %v", c.name, part.y, one.y)
			}
			tensor.BackwardFrom([]tensor.Tensor{one.y}, []tensor.Tensor{laid(dy)}, false)
			tensor.BackwardFrom([]tensor.Tensor{part.y}, []tensor.Tensor{laid(mine(g, rows, dy))}, false)
			dw, db := part.w.Grad(), part.b.Grad()
			g.AllReduce(dw, db)
			if err := first(
				check("output", c.tolerance, part.y, mine(g, rows, one.y)),
				check("running mean", c.tolerance, part.mean, one.mean),
				check("running variance", c.tolerance, part.variance, one.variance),
				check("gradient", c.tolerance, part.x.Grad(), mine(g, rows, one.x.Grad())),
				check("weight's gradient", c.tolerance, dw, one.w.Grad()),
				check("bias's gradient", c.tolerance, db, one.b.Grad()),
			); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return nil
	}

	// A loss that compares every row with every other.
	parts["gather rows"] = func(g *dist.Group) error {
		rows := g.Rows(g.Rank() + 1)
		whole := random(1, tensor.Float64, 6, 3)
		loss := func(own, all tensor.Tensor) tensor.Tensor {
			return own.Linear(all, tensor.Tensor{}).Softmax(1).Log().Sum()
		}
		one := whole.Clone().SetRequiresGrad(true)
		loss(one, one).Backward()
		part := mine(g, rows, whole).Clone().SetRequiresGrad(true)
		l := loss(part, g.GatherRows(part, rows))
		l.Backward()
		return check("gradient", 1e-12, part.Grad(), mine(g, rows, one.Grad()))
	}

	parts["gradients"] = func(g *dist.Group) error {
		for _, overlap := range []bool{false, true} {
			// Two buckets and more: a first one of 1 MB, then 25 MB.
			x := tensor.Full(float64(g.Rank()+1), tensor.Float32, tensor.CPU, 1)
			shapes := [][]int{{3, 2, 3, 3}, {3000, 1000}, {2000, 2000}, {1000, 100}, {7}}
			var ps []tensor.Tensor
			for i, s := range shapes {
				p := random(uint64(i), tensor.Float32, s...)
				if len(s) == 4 {
					p = p.ChannelsLast()
				}
				ps = append(ps, p.Detach().SetRequiresGrad(true))
			}
			frozen := random(9, tensor.Float32, 5)
			unused := random(10, tensor.Float32, 5).SetRequiresGrad(true)
			s := g.Gradients(append(append([]tensor.Tensor{frozen}, ps...), unused), overlap)
			for step := range 2 {
				// Two accumulated passes, of which the last is sent.
				for pass := range 2 {
					if pass == 1 {
						s.Arm()
					}
					var sum tensor.Tensor
					for i, p := range ps {
						t := p.Mul(p).Sum().Mul(x).Sum().Scale(float64(i + 1))
						if i > 0 {
							t = t.Add(sum)
						}
						sum = t
					}
					sum.Backward()
				}
				s.Sum()
				ranks := float64(g.Size()*(g.Size()+1)) / 2
				for i, p := range ps {
					want := p.Detach().Scale(2 * 2 * float64(i+1) * ranks)
					if err := check(fmt.Sprintf("overlap %v, step %d, parameter %d", overlap, step, i), 1e-6, p.Grad(), want); err != nil {
						return err
					}
					if a, b := fmt.Sprint(p.Grad().Strides()), fmt.Sprint(p.Strides()); a != b {
						return fmt.Errorf("the gradient lies %s, its parameter %s", a, b)
					}
					p.ClearGrad()
				}
				if frozen.Grad().Defined() || far(unused.Grad(), unused.Detach().ZerosLike()) != 0 {
					return fmt.Errorf("frozen or unused parameters have gradients")
				}
				unused.ClearGrad()
			}
			if sent := g.Stats().Gradients; overlap && (sent.Bytes != 4*s.Bytes() || sent.Calls != 4*3) {
				return fmt.Errorf("%+v sent, of %d a step", sent, s.Bytes())
			}
			s.Close()
		}
		return nil
	}

	parts["align"] = func(g *dist.Group) error {
		a, b := random(uint64(g.Rank()), tensor.Float32, 4, 2, 3, 3).ChannelsLast(), random(uint64(g.Rank()), tensor.Float64, 7)
		list := []dist.Named{{"a", a}, {"b", b}}
		fmt.Println(g.Compare(list))
		if err := g.Align(list); err != nil {
			return err
		}
		if err := first(g.Compare(list), check("a", 0, a, random(0, tensor.Float32, 4, 2, 3, 3))); err != nil {
			return err
		}
		if g.Rank() == 2 {
			b.Fill(1)
		}
		fmt.Println(g.Compare(list))
		fmt.Println(g.Align([]dist.Named{{"a", a}, {"c", random(0, tensor.Float32, 3+g.Rank()/2)}}))
		return nil
	}
}

// TestSyncBatchNorm: three ranks with 1, 2 and 3 images see and learn what one
// process with all six does.
func TestSyncBatchNorm(t *testing.T) { processes.Together(t, 3, "batch norm") }

func TestGatherRowsHasTheGradientOfAllRanks(t *testing.T) { processes.Together(t, 3, "gather rows") }

// TestGradients: sums over ranks, after accumulation, in several buckets, with
// and without overlap, in the parameters' own layout.
func TestGradients(t *testing.T) { processes.Together(t, 2, "gradients") }

// TestAlign: all ranks become like rank 0, and say of what is not which rank's
// it is.
func TestAlign(t *testing.T) {
	for i, out := range processes.Together(t, 3, "align") {
		lines := strings.Split(out, "\n")
		for j, want := range []string{
			"a on rank 1 (host ", "b on rank 2 (host ",
			"rank 0 and rank 2 (host ",
		} {
			if j >= len(lines) || !strings.HasPrefix(lines[j], want) {
				t.Errorf("rank %d printed %q; line %d should begin with %q", i, lines, j, want)
			}
		}
		if want := "c, float32[3], strides [1] on rank 0, c, float32[4], strides [1] on rank 2"; !strings.HasSuffix(out, want) {
			t.Errorf("rank %d printed %q, which should end with %q", i, out, want)
		}
	}
}
