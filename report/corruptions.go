package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"cone/weights"
)

// Corruptions is how well a classifier does on corrupted images.
type Corruptions struct {
	// Seed started the corruptions' random streams.
	Seed uint64 `json:"seed"`
	// Constants is the collection whose constants were used, such as ImageNet-C.
	Constants string `json:"constants"`
	// MeanTop1 is the mean of the rows' means: of the common corruptions, or of
	// all where no common one is among them.
	MeanTop1 Float `json:"mean_top1"`
	// MeanError is the mean of the same rows' errors.
	MeanError *Float       `json:"mean_corruption_error,omitempty"`
	Rows      []Corruption `json:"rows"`
}

// Corruption is one of them.
type Corruption struct {
	Name   string `json:"corruption"`
	Group  string `json:"group"`
	Common bool   `json:"common"`
	// Top1 has a share for every severity, from the lowest.
	Top1 []Float `json:"top1"`
	Mean Float   `json:"mean_top1"`
	// Error is the corruption error of Hendrycks and Dietterich
	// (https://arxiv.org/abs/1903.12261, section 4.2): the errors' sum over the
	// severities divided by the baseline's.
	Error *Float `json:"corruption_error,omitempty"`
}

// Summarise computes the means.
func (c *Corruptions) Summarise() {
	for i, row := range c.Rows {
		sum := 0.0
		for _, v := range row.Top1 {
			sum += float64(v)
		}
		c.Rows[i].Mean = Float(sum / float64(len(row.Top1)))
	}
	rows := c.counted()
	sum, errors := 0.0, 0.0
	for _, row := range rows {
		sum += float64(row.Mean)
		if row.Error != nil {
			errors += float64(*row.Error)
		}
	}
	n := float64(len(rows))
	c.MeanTop1 = Float(sum / n)
	if len(rows) > 0 && rows[0].Error != nil {
		mean := Float(errors / n)
		c.MeanError = &mean
	}
}

// counted are the rows that the means are over.
func (c *Corruptions) counted() (rows []Corruption) {
	for _, row := range c.Rows {
		if row.Common {
			rows = append(rows, row)
		}
	}
	if rows == nil {
		return c.Rows
	}
	return rows
}

// Means says what the means are over.
func (c *Corruptions) Means() string {
	rows := c.counted()
	kind := "common"
	if len(rows) > 0 && !rows[0].Common {
		kind = "extra"
	}
	return fmt.Sprintf("mean of %d %s", len(rows), kind)
}

const corruptionsFile = "corruptions.csv"

// WriteFile writes corruptions.csv into the folder dir.
func (c *Corruptions) WriteFile(dir string) error {
	return weights.WriteFileAtomic(filepath.Join(dir, corruptionsFile), func(w io.Writer) error {
		number := func(v Float) string { return strconv.FormatFloat(float64(v), 'f', 6, 64) }
		out := csv.NewWriter(w)
		out.Write(corruptionColumns) // Error tells below
		for _, row := range c.Rows {
			cells := []string{row.Name, row.Group}
			for _, v := range append(row.Top1[:len(row.Top1):len(row.Top1)], row.Mean) {
				cells = append(cells, number(v))
			}
			if row.Error == nil {
				cells = append(cells, "")
			} else {
				cells = append(cells, number(*row.Error))
			}
			out.Write(cells)
		}
		out.Flush()
		return out.Error()
	})
}

var corruptionColumns = []string{"corruption", "group", "top1_severity_1", "top1_severity_2", "top1_severity_3",
	"top1_severity_4", "top1_severity_5", "mean_top1", "corruption_error"}

// Baseline has the mean top-1 of another model's corruptions.
type Baseline struct {
	path string
	mean map[string]float64
}

// ReadBaseline reads a corruptions.csv.
func ReadBaseline(path string) (Baseline, error) {
	b := Baseline{path, map[string]float64{}}
	file, err := os.Open(path)
	if err != nil {
		return b, fmt.Errorf("there is no baseline %s: give the corruptions.csv of another model", path)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil || len(records) == 0 || len(records[0]) != len(corruptionColumns) || records[0][0] != corruptionColumns[0] {
		return b, fmt.Errorf("the baseline %s is no corruptions.csv that cone eval --corruptions --out wrote", path)
	}
	for i, record := range records[1:] {
		mean, err := strconv.ParseFloat(record[7], 64)
		if err != nil || !(mean >= 0 && mean <= 1) {
			return b, fmt.Errorf("line %d of the baseline %s has the mean top-1 %q, which is no number from 0 to 1", i+2, path, record[7])
		}
		b.mean[record[0]] = mean
	}
	return b, nil
}

// Has says with an error whether the baseline lacks a corruption, or made no
// mistake there that errors could be measured by.
func (b Baseline) Has(corruption string) error {
	mean, ok := b.mean[corruption]
	if !ok {
		return fmt.Errorf("the baseline %s has no %s: evaluate it with the same corruptions", b.path, corruption)
	}
	if mean == 1 {
		return fmt.Errorf("the baseline %s makes no mistakes with %s, so there is no error to divide by", b.path, corruption)
	}
	return nil
}

// Relate computes the errors of summarised rows relative to a baseline that has every row's
// corruption.
func (c *Corruptions) Relate(b Baseline) {
	for i, row := range c.Rows {
		relative := Float(math.NaN())
		if mean, ok := b.mean[row.Name]; ok {
			relative = Float((1 - float64(row.Mean)) / (1 - mean))
		}
		c.Rows[i].Error = &relative
	}
	c.Summarise()
}
