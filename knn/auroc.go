package knn

import (
	"cmp"
	"math"
	"slices"
)

// AUROC is the area under the receiver operating characteristic: the
// probability that a score of inside is larger than one of outside, equals
// counting half (Hanley and McNeil 1982,
// https://doi.org/10.1148/radiology.143.1.7063747). It is NaN when either is
// empty.
func AUROC(inside, outside []float64) float64 {
	type score struct {
		value  float64
		inside bool
	}
	all := make([]score, 0, len(inside)+len(outside))
	for _, v := range inside {
		all = append(all, score{v, true})
	}
	for _, v := range outside {
		all = append(all, score{v, false})
	}
	if len(inside) == 0 || len(outside) == 0 {
		return math.NaN()
	}
	slices.SortFunc(all, func(a, b score) int { return cmp.Compare(a.value, b.value) })
	won, below := 0.0, 0
	for from := 0; from < len(all); {
		to, ins, outs := from, 0, 0
		for ; to < len(all) && all[to].value == all[from].value; to++ {
			if all[to].inside {
				ins++
			} else {
				outs++
			}
		}
		won += float64(ins) * (float64(below) + float64(outs)/2)
		below, from = below+outs, to
	}
	return won / (float64(len(inside)) * float64(len(outside)))
}
