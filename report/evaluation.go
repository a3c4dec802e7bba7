package report

import (
	"fmt"
	"math"
	"slices"
)

// CalibrationBins is the number of equal-width confidence bins of the expected
// calibration error.
const CalibrationBins = 15

// MaxConfusionClasses bounds the classes for which a confusion matrix is kept:
// C×C counts are 128 MiB there, and 3.6 GiB for ImageNet's 21,841 classes.
const MaxConfusionClasses = 4096

// Padding is a label for rows that fill up a batch and are no images: they are
// skipped.
const Padding = -1

// Evaluation gathers a classifier's logits and the true labels, batch by batch.
type Evaluation struct {
	names []string

	// sums holds every count and total in one vector, so that processes add
	// theirs with one all-reduce; the fields below are parts of it. Counts
	// are exact in float64 up to 2^53.
	sums         []float64
	scalars      []float64 // by the constants below
	binCount     []float64 // images per confidence bin
	binCorrect   []float64
	binSure      []float64 // sum of their confidences
	classCount   []float64 // C, images per true class
	classCorrect []float64 // C
	confusion    []float64 // C×C, true class by predicted class; empty when C is too large
}

const (
	images = iota
	top5Correct
	nonFinite
	negativeLog // sum of −ln of the true class's probability
	scalarCount
)

// NewEvaluation starts an empty evaluation over the classes named.
func NewEvaluation(classNames []string) (*Evaluation, error) {
	c := len(classNames)
	if c == 0 {
		return nil, fmt.Errorf("an evaluation needs at least one class")
	}
	pairs := 0
	if c <= MaxConfusionClasses {
		pairs = c * c
	}
	e := &Evaluation{names: slices.Clone(classNames)}
	e.sums = make([]float64, scalarCount+3*CalibrationBins+2*c+pairs)
	rest := e.sums
	part := func(n int) []float64 {
		head := rest[:n:n]
		rest = rest[n:]
		return head
	}
	e.scalars = part(scalarCount)
	e.binCount, e.binCorrect, e.binSure = part(CalibrationBins), part(CalibrationBins), part(CalibrationBins)
	e.classCount, e.classCorrect = part(c), part(c)
	e.confusion = part(pairs)
	return e, nil
}

// Add counts a batch: logits N×C, row-major, and N labels from 0 to C−1, or
// Padding. On an error nothing of the batch is counted.
//
// Among equal logits the class with the lower index ranks first. An image
// whose softmax is undefined (a NaN or +Inf among its logits, or nothing but
// −Inf) counts as wrong and in Result.NonFinite; it has no part in NLL, ECE
// and the confusion matrix.
func (e *Evaluation) Add(logits []float32, labels []int64) error {
	judged, err := e.Judge(logits, labels, nil)
	for _, image := range judged {
		e.Count(image)
	}
	return err
}

// Judged is what counts of one image.
type Judged struct {
	// Index is the image's place in the test set, Label its class.
	Index, Label int
	// Predicted is the class with the largest logit, Rank how many classes come
	// before the true one, from 0. Valid says that the softmax is defined;
	// without it neither has a meaning.
	Predicted, Rank int
	Valid           bool
	// NLL is −ln of the true class's probability, Confidence the largest
	// probability.
	NLL, Confidence float64
}

// JudgedNumbers is how many numbers a Judged is.
const JudgedNumbers = 7

// Numbers is the image as numbers, for sending; JudgedFrom is its inverse.
func (j Judged) Numbers() []float64 {
	valid := 0.0
	if j.Valid {
		valid = 1
	}
	return []float64{float64(j.Index), float64(j.Label), float64(j.Predicted), float64(j.Rank), valid, j.NLL, j.Confidence}
}

// JudgedFrom reads JudgedNumbers numbers.
func JudgedFrom(n []float64) Judged {
	return Judged{int(n[0]), int(n[1]), int(n[2]), int(n[3]), n[4] != 0, n[5], n[6]}
}

// Judge looks at a batch as Add does, without counting it: what processes find
// out apart is counted together. Indices, which may be nil, are the images'
// places in the test set.
func (e *Evaluation) Judge(logits []float32, labels, indices []int64) ([]Judged, error) {
	c := len(e.names)
	if len(logits) != len(labels)*c {
		return nil, fmt.Errorf("%d logits are not %d images × %d classes", len(logits), len(labels), c)
	}
	for i, label := range labels {
		if label != Padding && (label < 0 || label >= int64(c)) {
			return nil, fmt.Errorf("label %d of image %d in the batch is not one of the %d classes", label, i, c)
		}
	}
	out := make([]Judged, 0, len(labels))
	for i, label := range labels {
		if label == Padding {
			continue
		}
		j := judge(logits[i*c:(i+1)*c], int(label))
		if indices != nil {
			j.Index = int(indices[i])
		}
		out = append(out, j)
	}
	return out, nil
}

func judge(row []float32, label int) Judged {
	predicted, valid := 0, true
	for i, v := range row {
		if v != v || v > math.MaxFloat32 {
			valid = false
		}
		if v > row[predicted] {
			predicted = i
		}
	}
	if !valid || math.IsInf(float64(row[predicted]), -1) {
		return Judged{Label: label}
	}
	rank := 0
	for i, v := range row {
		if v > row[label] || v == row[label] && i < label {
			rank++
		}
	}
	// Softmax with the largest logit moved to 0: nothing overflows, and the
	// largest probability is 1/total.
	largest, total := float64(row[predicted]), 0.0
	for _, v := range row {
		total += math.Exp(float64(v) - largest)
	}
	return Judged{
		Label: label, Predicted: predicted, Rank: rank, Valid: true,
		NLL: math.Log(total) + largest - float64(row[label]), Confidence: 1 / total,
	}
}

// Count counts an image.
func (e *Evaluation) Count(j Judged) {
	e.scalars[images]++
	e.classCount[j.Label]++
	if !j.Valid {
		e.scalars[nonFinite]++
		return
	}
	correct := 0.0
	if j.Rank == 0 {
		correct = 1
	}
	if j.Rank < 5 {
		e.scalars[top5Correct]++
	}
	e.classCorrect[j.Label] += correct
	if len(e.confusion) > 0 {
		e.confusion[j.Label*len(e.names)+j.Predicted]++
	}
	e.scalars[negativeLog] += j.NLL
	bin := calibrationBin(j.Confidence)
	e.binCount[bin]++
	e.binCorrect[bin] += correct
	e.binSure[bin] += j.Confidence
}

// calibrationBin is the m of the bin (m/15, (m+1)/15] that holds a confidence
// in (0, 1], as in Guo et al. 2017.
func calibrationBin(confidence float64) int {
	edge := func(m int) float64 { return float64(m) / CalibrationBins }
	m := min(max(int(math.Ceil(confidence*CalibrationBins))-1, 0), CalibrationBins-1)
	// The product above is rounded; the edges decide.
	if m > 0 && confidence <= edge(m) {
		m--
	} else if m < CalibrationBins-1 && confidence > edge(m+1) {
		m++
	}
	return m
}

// Sums returns a copy of everything counted so far as one vector. Vectors of
// evaluations over the same classes may be added element by element, as an
// all-reduce does.
func (e *Evaluation) Sums() []float64 { return slices.Clone(e.sums) }

// SetSums replaces everything counted by a vector made from Sums.
func (e *Evaluation) SetSums(sums []float64) error {
	if len(sums) != len(e.sums) {
		return fmt.Errorf("%d sums do not belong to an evaluation over %d classes, which has %d", len(sums), len(e.names), len(e.sums))
	}
	copy(e.sums, sums)
	return nil
}

// Result computes the figures of everything counted so far.
func (e *Evaluation) Result() Result {
	n := e.scalars[images]
	valid := n - e.scalars[nonFinite]
	r := Result{
		N:         int64(n),
		NonFinite: int64(e.scalars[nonFinite]),
		Top5:      Float(e.scalars[top5Correct] / n),
		NLL:       Float(e.scalars[negativeLog] / valid),
	}
	correct := 0.0
	for i, name := range e.names {
		correct += e.classCorrect[i]
		r.PerClass = append(r.PerClass, ClassResult{
			Class:    i,
			Name:     name,
			N:        int64(e.classCount[i]),
			Correct:  int64(e.classCorrect[i]),
			Accuracy: Float(e.classCorrect[i] / e.classCount[i]),
		})
	}
	r.Top1 = Float(correct / n)
	gap := 0.0
	for m := range CalibrationBins {
		gap += math.Abs(e.binCorrect[m] - e.binSure[m])
	}
	r.ECE = Float(gap / valid)
	c := len(e.names)
	for i := 0; i < len(e.confusion); i += c {
		row := make([]int64, c)
		for j := range row {
			row[j] = int64(e.confusion[i+j])
		}
		r.Confusion = append(r.Confusion, row)
	}
	return r
}
