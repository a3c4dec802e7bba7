package compare

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"cone/report"
)

// figure is a column of the tables.
type figure struct {
	heading string // in Markdown
	name    string // in CSV
	digits  int
	scale   float64 // from CSV's unit to Markdown's
	of      func(Outcome) float64
	cost    bool // a figure of the machine: no pairing, no interval
}

var figures = []figure{
	{"top-1 %", "top1", 2, 100, func(o Outcome) float64 { return float64(o.Result.Top1) }, false},
	{"k-NN top-1 %", "knn_top1", 2, 100, knnTop1, false},
	{"NLL", "nll", 4, 1, func(o Outcome) float64 { return float64(o.Result.NLL) }, false},
	{"calibration error", "ece", 4, 1, func(o Outcome) float64 { return float64(o.Result.ECE) }, false},
	{"images/s", "images_per_second", 0, 1, func(o Outcome) float64 { return o.Rate }, true},
	{"parameters", "parameters", 0, 1, func(o Outcome) float64 { return float64(o.Weights) }, true},
	{"peak MB", "peak_mb", 0, 1, func(o Outcome) float64 { return o.Memory }, true},
}

// terms are the columns of CoNe's terms.
var terms = []figure{
	{"same-label neighbours %", "same_label_neighbors", 1, 100, func(o Outcome) float64 { return orNaN(o.Terms.SameLabel) }, false},
	{"mean p", "neighbor_probability", 3, 1, func(o Outcome) float64 { return orNaN(o.Terms.Probability) }, false},
	{"target's distance from one-hot", "target_distance", 3, 1, func(o Outcome) float64 { return orNaN(o.Terms.Distance) }, false},
	{"target's entropy, nats", "target_entropy", 3, 1, func(o Outcome) float64 { return orNaN(o.Terms.Entropy) }, false},
	{"left out by the guards %", "guarded_images", 1, 100, func(o Outcome) float64 { return orNaN(o.Terms.Guarded) }, false},
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func knnTop1(o Outcome) float64 {
	if o.Result.KNNTop1 == nil {
		return math.NaN()
	}
	return float64(*o.Result.KNNTop1)
}

// judged is the figure by which recipes are paired.
var judged = figures[0]

// scaled is an interval in Markdown's unit.
func (f figure) scaled(i Interval) Interval {
	i.Mean *= f.scale
	i.Half *= f.scale
	return i
}

// WriteMarkdown writes a row per recipe: means with 95 % intervals over the
// seeds, and top-1 against the first recipe's, seed by seed. Where recipes have
// CoNe's terms, a second table tells of them, in the last epoch.
func WriteMarkdown(w io.Writer, groups []Group) error {
	headings := []string{"recipe", "runs"}
	for _, f := range figures {
		headings = append(headings, f.heading)
	}
	headings = append(headings, "top-1 against "+groups[0].Name)
	var text strings.Builder
	line := func(cells []string) { fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | ")) }
	line(headings)
	line(strings.Split("---"+strings.Repeat(" ---:", len(headings)-1), " "))
	for n, g := range groups {
		cells := []string{g.Name, strconv.Itoa(len(g.Outcomes))}
		for _, f := range figures {
			i := f.scaled(g.interval(f.of))
			if f.cost {
				i.Half = math.NaN()
			}
			cells = append(cells, i.Format(f.digits))
		}
		against := "–"
		if n > 0 {
			i := judged.scaled(Paired(g.values(judged.of), groups[0].values(judged.of)))
			against = signed(i, judged.digits)
		}
		line(append(cells, against))
	}
	first := true
	for _, g := range groups {
		cells := []string{g.Name}
		for _, f := range terms {
			cells = append(cells, f.scaled(g.interval(f.of)).Format(f.digits))
		}
		if g.interval(terms[0].of).N == 0 {
			continue
		}
		if first {
			first = false
			headings := []string{"CoNe's terms, last epoch"}
			for _, f := range terms {
				headings = append(headings, f.heading)
			}
			text.WriteString("\n")
			line(headings)
			line(strings.Split("---"+strings.Repeat(" ---:", len(headings)-1), " "))
		}
		line(cells)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// signed writes a difference; in bold where its interval leaves out zero.
func signed(i Interval, digits int) string {
	text := i.Format(digits)
	if i.Mean > 0 {
		text = "+" + text
	}
	if i.Clear() {
		text = "**" + text + "**"
	}
	return text
}

// WriteCSV writes a row per recipe, shares from 0 to 1: of each figure the
// mean and half the 95 % interval, empty where there is none.
func WriteCSV(w io.Writer, groups []Group) error {
	out := csv.NewWriter(w)
	headings := []string{"recipe", "runs"}
	all := slices.Concat(figures, terms)
	for _, f := range all {
		headings = append(headings, f.name, f.name+"_half95")
	}
	out.Write(append(headings, "top1_difference", "top1_difference_half95", "pairs")) // Error tells below
	for _, g := range groups {
		row := []string{g.Name, strconv.Itoa(len(g.Outcomes))}
		for _, f := range all {
			i := g.interval(f.of)
			row = append(row, number(i.Mean), number(i.Half))
		}
		i := Paired(g.values(judged.of), groups[0].values(judged.of))
		out.Write(append(row, number(i.Mean), number(i.Half), strconv.Itoa(i.N)))
	}
	out.Flush()
	return out.Error()
}

// WriteRuns writes a row per run.
func WriteRuns(w io.Writer, groups []Group) error {
	out := csv.NewWriter(w)
	headings := []string{"recipe", "seed"}
	all := slices.Concat(figures, terms)
	for _, f := range all {
		headings = append(headings, f.name)
	}
	out.Write(headings) // Error tells below
	for _, g := range groups {
		for _, o := range g.Outcomes {
			row := []string{g.Name, strconv.FormatUint(o.Seed, 10)}
			for _, f := range all {
				row = append(row, number(f.of(o)))
			}
			out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}

func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 8, 64)
}

// Series are the groups as plots want them.
func Series(groups []Group) (out []report.Series) {
	for _, g := range groups {
		s := report.Series{Name: g.Name}
		i := g.interval(judged.of)
		s.Mean, s.Half = i.Mean, i.Half
		for _, o := range g.Outcomes {
			s.Final = append(s.Final, float64(o.Result.Top1))
			s.Curves = append(s.Curves, o.Curve)
		}
		out = append(out, s)
	}
	return out
}
