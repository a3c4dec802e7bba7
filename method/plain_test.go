package method

import (
	"math"
	"math/rand/v2"
	"slices"

	"cone/recipe"
	"cone/tensor"
)

// example is the input of CoNe's losses in plain Go, all float64.
type example struct {
	settings                   recipe.CoNe
	smoothing                  float64
	query, key, logits         [][]float64 // N×D before normalisation, N×D, N×C
	labels                     []int64
	bank, bankProbability      [][]float64 // K×D normalised, K×C
	bankLabels                 []int64
	embeddingCount, classCount int
}

func newExample(random *rand.Rand, n, dim, classes, size, neighbors int) example {
	matrix := func(rows, columns int) [][]float64 {
		m := make([][]float64, rows)
		for i := range m {
			for range columns {
				m[i] = append(m[i], random.NormFloat64())
			}
		}
		return m
	}
	ex := example{
		settings: recipe.CoNe{
			BankSize: size, Neighbors: neighbors, NeighborTemperature: 0.2, ConsistencyTemperature: 0.3,
			CenterWeight: 1, NeighborWeight: 0.7, ConsistencyWeight: 0.4, Guards: true,
		},
		query: matrix(n, dim), key: matrix(n, dim), logits: matrix(n, classes),
		bank: matrix(size, dim), bankProbability: matrix(size, classes),
		embeddingCount: dim, classCount: classes,
	}
	for i := range ex.bank {
		ex.bank[i] = unit(ex.bank[i])
		ex.bankProbability[i] = softmax(ex.bankProbability[i])
		ex.bankLabels = append(ex.bankLabels, int64(random.IntN(classes)))
	}
	for range n {
		ex.labels = append(ex.labels, int64(random.IntN(classes)))
	}
	return ex
}

// plainLosses are the same numbers as terms, written from METHOD's formulas
// without tensors.
type plainLosses struct {
	neighbor, centre, consistency, total float64
	neighborProbability                  []float64
	target                               [][]float64
}

func (ex example) plain() (out plainLosses) {
	n := float64(len(ex.labels))
	for i, label := range ex.labels {
		z, zKey := unit(ex.query[i]), unit(ex.key[i])
		similarity, keySimilarity := make([]float64, len(ex.bank)), make([]float64, len(ex.bank))
		order := make([]int, len(ex.bank))
		for j := range ex.bank {
			similarity[j] = dot(z, ex.bank[j]) / ex.settings.NeighborTemperature
			keySimilarity[j] = dot(zKey, ex.bank[j]) / ex.settings.ConsistencyTemperature
			order[j] = j
		}
		slices.SortFunc(order, func(a, b int) int {
			switch {
			case similarity[a] > similarity[b]:
				return -1
			case similarity[a] < similarity[b]:
				return 1
			}
			return 0
		})
		var near []float64
		for _, j := range order[:ex.settings.Neighbors] {
			near = append(near, similarity[j])
		}
		p := 0.0
		for at, w := range softmax(near) {
			if ex.bankLabels[order[at]] == label {
				p += w
			}
		}
		out.neighborProbability = append(out.neighborProbability, p)
		if p > 1e-8 {
			out.neighbor -= math.Log(p) / n
		}
		q := make([]float64, ex.classCount)
		for j, w := range softmax(keySimilarity) {
			for c := range q {
				q[c] += w * ex.bankProbability[j][c]
			}
		}
		out.target = append(out.target, q)

		logp := logSoftmax(ex.logits[i])
		if ex.settings.Guards && math.Exp(slices.Min(logp)) <= 1e-8 {
			continue
		}
		for c, l := range logp {
			if q[c] > 0 {
				out.consistency += q[c] * (math.Log(q[c]) - l) / n
			}
			target := ex.smoothing / float64(ex.classCount-1)
			if int64(c) == label {
				target = 1 - ex.smoothing
			}
			out.centre -= target * l / n
		}
	}
	out.total = out.centre + ex.settings.NeighborWeight*out.neighbor + ex.settings.ConsistencyWeight*out.consistency
	return out
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func unit(v []float64) []float64 {
	length := max(math.Sqrt(dot(v, v)), 1e-12)
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[i] / length
	}
	return out
}

func logSoftmax(v []float64) []float64 {
	largest, sum := slices.Max(v), 0.0
	for _, x := range v {
		sum += math.Exp(x - largest)
	}
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = x - largest - math.Log(sum)
	}
	return out
}

func softmax(v []float64) []float64 {
	out := logSoftmax(v)
	for i := range out {
		out[i] = math.Exp(out[i])
	}
	return out
}

// computed is what the package makes of an example.
type computed struct {
	terms
	total              tensor.Tensor
	embeddings, logits tensor.Tensor // leaves
}

// compute runs the losses in the element type d and goes backward.
func (ex example) compute(d tensor.DType) computed {
	bank := NewBank(len(ex.bank), ex.embeddingCount, ex.classCount, d, tensor.CPU)
	defer bank.Free()
	bank.embedding.Value.CopyFrom(toTensor(ex.bank, d))
	bank.probability.Value.CopyFrom(toTensor(ex.bankProbability, d))
	bank.label.Value.CopyFrom(tensor.From(ex.bankLabels, len(ex.bankLabels)))
	out := computed{
		embeddings: toTensor(ex.query, d).SetRequiresGrad(true),
		logits:     toTensor(ex.logits, d).SetRequiresGrad(true),
	}
	o := objective{CoNe: ex.settings, targets: targets{smoothing: ex.smoothing}, bank: bank}
	out.terms = o.losses(normalize(out.embeddings), out.logits, normalize(toTensor(ex.key, d)), tensor.From(ex.labels, len(ex.labels)))
	out.total = out.terms.total().Total
	out.total.Backward()
	return out
}

func toTensor(m [][]float64, d tensor.DType) tensor.Tensor {
	return tensor.From(slices.Concat(m...), len(m), len(m[0])).ToDType(d)
}
