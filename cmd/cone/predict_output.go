package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"cone/predict"
	"cone/report"
	"cone/weights"
)

// outputFlags say how predictions are written.
type outputFlags struct {
	json, csv bool
	html      string
}

func (f *outputFlags) flags(c *cobra.Command) {
	c.Flags().BoolVar(&f.json, "json", false, "print JSON, an object a line")
	c.Flags().BoolVar(&f.csv, "csv", false, "print CSV")
	c.Flags().StringVar(&f.html, "html", "", "also write a gallery of pictures and neighbours to this file")
}

func (f *outputFlags) check() error {
	if f.json && f.csv {
		return errors.New("--json and --csv were given: give one of them")
	}
	return nil
}

// writer gives what writes predictions; rows has a line for each neighbour
// instead of one for each picture.
func (f *outputFlags) writer(p *predict.Predictor, rows bool) *predictionWriter {
	w := &predictionWriter{flags: *f, predictor: p, rows: rows, out: bufio.NewWriter(os.Stdout)}
	if f.csv {
		w.csv = csv.NewWriter(w.out)
	}
	return w
}

// predictionWriter writes predictions as they come.
type predictionWriter struct {
	flags     outputFlags
	predictor *predict.Predictor
	rows      bool
	out       *bufio.Writer
	csv       *csv.Writer
	begun     bool
	gallery   *report.Gallery
}

// headings of a line for each picture, or for each neighbour.
func (w *predictionWriter) headings() []string {
	if w.rows {
		return []string{"picture", "predicted", "agreement", "rank", "class", "similarity", "name"}
	}
	names := []string{"picture"}
	for i := range min(w.predictor.Top, w.classes()) {
		if i == 0 {
			names = append(names, "class", "probability")
		} else {
			names = append(names, fmt.Sprintf("class %d", i+1), fmt.Sprintf("probability %d", i+1))
		}
	}
	if w.predictor.Index != nil {
		names = append(names, "by", "agreement", "nearest", "similarity")
	}
	if w.predictor.Familiarity != nil {
		names = append(names, "familiarity")
	}
	return names
}

func (w *predictionWriter) classes() int {
	n := len(w.predictor.Model.Classes)
	if w.predictor.Index != nil {
		n = max(n, len(w.predictor.Index.Meta().Classes))
	}
	return n
}

// cells are the lines of a prediction.
func (w *predictionWriter) cells(p predict.Prediction) (lines [][]string) {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 4, 64) }
	if w.rows {
		for _, n := range p.Neighbors {
			lines = append(lines, []string{p.Picture, p.Top[0].Name, number(*p.Agreement), strconv.Itoa(n.Rank), n.Class, number(float64(n.Similarity)), n.Name})
		}
		return lines
	}
	line := []string{p.Picture}
	for i := range min(w.predictor.Top, w.classes()) {
		if i < len(p.Top) {
			line = append(line, p.Top[i].Name, number(p.Top[i].Probability))
		} else {
			line = append(line, "", "") // the classifier knows fewer classes
		}
	}
	if w.predictor.Index != nil {
		nearest := p.Neighbors[0]
		line = append(line, p.By, number(*p.Agreement), nearest.Name, number(float64(nearest.Similarity)))
	}
	if p.Familiarity != nil {
		line = append(line, number(*p.Familiarity))
	}
	return append(lines, line)
}

// write writes a batch. A table's columns fit each batch.
func (w *predictionWriter) write(predictions []predict.Prediction, items []predict.Item) error {
	var table *report.Table
	for i, p := range predictions {
		if items[i].Problem != nil {
			continue
		}
		if w.gallery != nil {
			if err := w.show(p, items[i]); err != nil {
				return err
			}
		}
		switch {
		case w.flags.json:
			raw, err := json.Marshal(p)
			if err != nil {
				return err
			}
			w.out.Write(append(raw, '\n'))
		case w.csv != nil:
			if !w.begun {
				w.csv.Write(w.headings())
			}
			w.csv.WriteAll(w.cells(p))
		default:
			if table == nil {
				table = report.NewTable(w.headings()...)
			}
			for _, line := range w.cells(p) {
				cells := make([]any, len(line))
				for i := range line {
					cells[i] = line[i]
				}
				table.Row(cells...)
			}
		}
		w.begun = true
	}
	if table != nil {
		if _, err := table.WriteTo(w.out); err != nil {
			return err
		}
	}
	return w.out.Flush() // whoever reads sees each batch at once, and errors of before show
}

// galleryPicture is the side of a gallery's own pictures, in pixels.
const galleryPicture = 160

// show adds a picture to the gallery.
func (w *predictionWriter) show(p predict.Prediction, item predict.Item) error {
	picture, err := predict.Thumbnail(item.Picture, galleryPicture)
	if err != nil {
		return err
	}
	best := p.Top[0]
	text := fmt.Sprintf("probability %.1f %%, agreement %.0f %% of %d", 100*best.Probability, 100**p.Agreement, len(p.Neighbors))
	if p.Familiarity != nil {
		text += fmt.Sprintf(", familiarity %.2f", *p.Familiarity)
	}
	if p.Label != "" {
		text += ", labelled " + p.Label
	}
	row := report.GalleryRow{Query: report.GalleryTile{Picture: picture, Title: best.Name, Name: p.Picture, Text: text}}
	for _, n := range p.Neighbors {
		row.Tiles = append(row.Tiles, report.GalleryTile{
			Picture: n.Thumbnail, Title: n.Class, Name: n.Name, Text: fmt.Sprintf("%.3f", n.Similarity), Agrees: n.Class == best.Name,
		})
	}
	return w.gallery.Row(row)
}

// predict predicts all pictures of the command line.
func (f *inputFlags) predict(ctx context.Context, p *predict.Predictor, pictures []string, w *predictionWriter) error {
	if err := p.Check(); err != nil {
		return err
	}
	in, done, err := f.open(p.Model, pictures)
	if err != nil {
		return err
	}
	defer done()
	var problems teller
	all := func() error {
		return predict.Run(ctx, p.Model, in, f.options(), func(items []predict.Item) error {
			predictions, err := p.Predict(items)
			if err != nil {
				return err
			}
			for _, item := range items {
				if item.Problem != nil {
					problems.tell(item.Problem)
				}
			}
			return w.write(predictions, items)
		})
	}
	if w.flags.html != "" {
		err = weights.WriteFileAtomic(w.flags.html, func(out io.Writer) error {
			about := fmt.Sprintf("The %d entries of %s that each picture resembles most: class, cosine similarity, name.", p.K, p.Index.Path())
			w.gallery = report.NewGallery(out, "Nearest neighbours", about)
			if err := all(); err != nil {
				return err
			}
			return w.gallery.Close()
		})
	} else {
		err = all()
	}
	if err != nil {
		return err
	}
	return problems.err()
}
