package main

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"cone/predict"
)

// sameAccuracy compares predictions with an evaluation.
func sameAccuracy(ts *testscript.TestScript, _ bool, args []string) {
	n, correct := 0, 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var p predict.Prediction
		ts.Check(json.Unmarshal([]byte(line), &p))
		n++
		if p.Label == "" {
			ts.Fatalf("%s has no label", p.Picture)
		}
		if p.Top[0].Name == p.Label {
			correct++
		}
	}
	var evaluation struct {
		N    int     `json:"n"`
		Top1 float64 `json:"top1"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &evaluation))
	if n != evaluation.N || math.Abs(float64(correct)/float64(n)-evaluation.Top1) > 1e-9 {
		ts.Fatalf("%d of %d predictions are right, but top-1 of %d is %v", correct, n, evaluation.N, evaluation.Top1)
	}
}

// itself makes sure that training images find themselves.
func itself(ts *testscript.TestScript, _ bool, args []string) {
	columns, err := strconv.Atoi(args[1])
	ts.Check(err)
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	if len(rows) < 2 || len(rows[0]) != columns {
		ts.Fatalf("%d rows of %d columns", len(rows), len(rows[0]))
	}
	for i, row := range rows[1:] {
		picture, rank, similarity, name := row[0], row[3], row[5], row[6]
		if at, ok := strings.CutPrefix(name, "train/"); ok {
			name, picture = at, strconv.Itoa(i)
		} else {
			name, picture = filepath.Base(name), filepath.Base(picture)
		}
		if rank == args[2] && (name != picture || similarity != "1.0000") {
			ts.Fatalf("the nearest of %s is %s, at %s", row[0], row[6], similarity)
		}
	}
}
