package report

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"path/filepath"
	"strconv"

	"cone/knn"
	"cone/weights"
)

// Result is how well a classifier does on a set of images. Shares are from 0
// to 1; a figure over no images is NaN, and null in JSON.
type Result struct {
	// N is the number of images, each counted once.
	N int64 `json:"n"`
	// Top1 is the share of images whose true class has the largest logit.
	Top1 Float `json:"top1"`
	// Top5 is the share of images whose true class is among the five largest
	// logits; with fewer than five classes, among all.
	Top5 Float `json:"top5"`
	// NLL is the mean of −ln of the true class's softmax probability, in nats.
	NLL Float `json:"nll"`
	// ECE is the expected calibration error (Guo et al. 2017,
	// https://arxiv.org/abs/1706.04599): the mean over images of the distance
	// between accuracy and mean confidence in the image's bin, for
	// CalibrationBins equal bins of the largest softmax probability.
	ECE Float `json:"ece"`
	// KNNTop1 is Top1 by a vote of the nearest training images, where both are
	// asked for.
	KNNTop1 *Float `json:"knn_top1,omitempty"`
	// Mixed is the classifier mixed with that vote, where both are asked for
	// after training.
	Mixed *Mixed `json:"mixed,omitempty"`
	// Corruptions is Top1 on corrupted images, where it is asked for.
	Corruptions *Corruptions `json:"corruptions,omitempty"`
	// NonFinite is the number of images without a defined softmax. They count
	// as wrong, and are left out of NLL, ECE and Confusion.
	NonFinite int64 `json:"non_finite"`
	// PerClass has one entry per class, in order.
	PerClass []ClassResult `json:"per_class"`
	// Confusion counts images, C×C: a row per true class, a column per
	// predicted class. Nil with more than MaxConfusionClasses classes.
	Confusion [][]int64 `json:"-"`
}

// Mixed is how well a classifier and its neighbours' vote do together.
type Mixed struct {
	Top1 Float `json:"top1"`
	NLL  Float `json:"nll"`
	ECE  Float `json:"ece"`
	// Mixture was chosen by the negative log-likelihood of Calibration images,
	// none of them a test image.
	knn.Mixture
	Calibration int `json:"calibration"`
	// HeldOut says that training had not seen those. Else they are training
	// images, judged by their neighbours but themselves: the network has learnt
	// their labels, so the shares may not suit images that it has not seen.
	HeldOut bool `json:"held_out"`
}

// ClassResult is how well the images of one true class are recognised.
type ClassResult struct {
	Class    int    `json:"class"`
	Name     string `json:"name"`
	N        int64  `json:"n"`
	Correct  int64  `json:"correct"`
	Accuracy Float  `json:"accuracy"`
}

// WriteFiles writes evaluation.json, per_class.csv and, unless there are too
// many classes for one, confusion.csv into the folder dir.
func (r Result) WriteFiles(dir string) error {
	files := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"evaluation.json", r.writeJSON},
		{"per_class.csv", r.writePerClass},
		{"confusion.csv", r.writeConfusion},
	}
	if r.Confusion == nil {
		files = files[:2]
	}
	for _, f := range files {
		if err := weights.WriteFileAtomic(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return nil
}

func (r Result) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

func (r Result) writePerClass(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"class", "name", "n", "correct", "accuracy"}) // Error tells below
	for _, c := range r.PerClass {
		accuracy := "" // of no images
		if c.N > 0 {
			accuracy = strconv.FormatFloat(float64(c.Accuracy), 'f', 6, 64)
		}
		out.Write([]string{strconv.Itoa(c.Class), c.Name, strconv.FormatInt(c.N, 10), strconv.FormatInt(c.Correct, 10), accuracy})
	}
	out.Flush()
	return out.Error()
}

// writeConfusion writes true classes downwards and predicted ones across.
func (r Result) writeConfusion(w io.Writer) error {
	out := csv.NewWriter(w)
	record := []string{"true/predicted"}
	for _, c := range r.PerClass {
		record = append(record, c.Name)
	}
	out.Write(record) // Error tells below
	for i, counts := range r.Confusion {
		record = append(record[:0], r.PerClass[i].Name)
		for _, n := range counts {
			record = append(record, strconv.FormatInt(n, 10))
		}
		out.Write(record)
	}
	out.Flush()
	return out.Error()
}
