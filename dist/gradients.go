package dist

import "cone/tensor"

// The sizes of buckets in bytes, as in PyTorch's DistributedDataParallel: the
// first is small so that sending starts early.
const (
	firstBucket = 1 << 20
	bucket      = 25 << 20
)

// Gradients sums the gradients of parameters over all ranks: once per optimizer
// step, after the last backward pass and before the gradients are clipped or
// used.
//
// The sum is the gradient of the whole batch's mean loss if every rank scales
// its own mean loss by its share of the images before it goes backward: see
// Share.
type Gradients struct {
	groups []*tensor.Buckets // nil in a group of one
	bytes  int64
}

// Gradients makes the buckets of the parameters, which are taken in reverse:
// backward makes the last layer's gradients first. With overlap a bucket sets
// out as soon as its gradients are there; otherwise after backward, which needs
// nothing of autograd. The parameters must not be freed before the buckets.
func (g *Group) Gradients(parameters []tensor.Tensor, overlap bool) *Gradients {
	out := &Gradients{}
	if g.Alone() {
		return out
	}
	var list []tensor.Tensor
	var ends []int
	flush := func() {
		if len(list) > 0 {
			out.groups = append(out.groups, g.fast.NewBuckets(list, append(ends, len(list)), overlap))
		}
		list, ends = nil, nil
	}
	size, limit := 0, firstBucket
	for i := len(parameters) - 1; i >= 0; i-- {
		p := parameters[i]
		if !p.RequiresGrad() {
			continue
		}
		bytes := p.Len() * p.DType().Size()
		if len(list) > 0 && p.DType() != list[0].DType() {
			flush()
			size = 0
		}
		if size > 0 && size+bytes > limit {
			ends = append(ends, len(list))
			size, limit = 0, bucket
		}
		list = append(list, p)
		size += bytes
		out.bytes += int64(bytes)
	}
	flush()
	return out
}

// Bytes is what each step hands to the sums.
func (s *Gradients) Bytes() int64 { return s.bytes }

// Arm says that the next backward pass is the step's last.
func (s *Gradients) Arm() {
	for _, b := range s.groups {
		b.Arm()
	}
}

// Sum leaves the sums over all ranks as the parameters' gradients.
func (s *Gradients) Sum() {
	for _, b := range s.groups {
		b.Finish()
	}
}

// Close ends the buckets.
func (s *Gradients) Close() {
	for _, b := range s.groups {
		b.Close()
	}
	s.groups = nil
}

// Share is this rank's part of the images of all ranks: what its mean loss
// counts in the mean over all.
func (g *Group) Share(rows []int) float64 {
	sum := 0
	for _, n := range rows {
		sum += n
	}
	return float64(rows[g.rank]) / float64(sum)
}

// BatchNorm is batch norm in training over the images of all ranks: see
// nn.Tree.Synchronize.
func (g *Group) BatchNorm(x, weight, bias, runningMean, runningVar tensor.Tensor, momentum, eps float64) tensor.Tensor {
	return g.on(x).SyncBatchNorm(x, weight, bias, runningMean, runningVar, momentum, eps)
}

// GatherRows joins the ranks' rows along dimension 0, with a gradient: that of
// this rank's rows is the sum over what all ranks made of them. rows says how
// many each has.
func (g *Group) GatherRows(t tensor.Tensor, rows []int) tensor.Tensor {
	if g.Alone() {
		return t
	}
	return g.on(t).GatherRows(t, rows)
}
