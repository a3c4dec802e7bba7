package dist

import "cone/tensor"

// Stats are what this process has sent so far, by purpose.
type Stats struct{ Gradients, BatchNorm, Bank, Other tensor.Traffic }

// Stats tells what this process has sent so far.
func (g *Group) Stats() Stats {
	if g.Alone() {
		return Stats{}
	}
	sum := map[tensor.Purpose]tensor.Traffic{}
	for _, c := range []*tensor.Collectives{g.cpu, g.fast} {
		for p, t := range c.Traffic() {
			s := sum[p]
			sum[p] = tensor.Traffic{Calls: s.Calls + t.Calls, Bytes: s.Bytes + t.Bytes, Busy: s.Busy + t.Busy, Waited: s.Waited + t.Waited}
		}
	}
	return Stats{sum[tensor.ForGradients], sum[tensor.ForBatchNorm], sum[tensor.ForBank], sum[tensor.ForOther]}
}
