package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Suspect is a training image whose label is to be reviewed.
type Suspect struct {
	// Rank counts from 1, Index is the image's place among the training images.
	Rank  int    `json:"rank"`
	Index int64  `json:"index"`
	Name  string `json:"name"`
	// Given is its label, Suggested the class that its neighbours say, and
	// Score what the label's probability lacks to 1.
	Given     string  `json:"given"`
	Suggested string  `json:"suggested"`
	Score     float64 `json:"score"`
	// GivenShare and SuggestedShare are the two probabilities.
	GivenShare     float64 `json:"given_share"`
	SuggestedShare float64 `json:"suggested_share"`
	// Neighbors are the evidence, the most similar first.
	Neighbors []SuspectNeighbor `json:"neighbors"`
	// Copies are other training images with exactly the same picture, and their
	// labels. They do not vote.
	Copies []SuspectNeighbor `json:"copies,omitempty"`
	// Flipped says that the label is wrong on purpose (data.label_noise); nil
	// without such labels.
	Flipped *bool `json:"flipped,omitempty"`
}

// SuspectNeighbor is a training image that speaks for or against a label.
type SuspectNeighbor struct {
	Index      int64   `json:"index"`
	Name       string  `json:"name"`
	Label      string  `json:"label"`
	Similarity float32 `json:"similarity"`
}

// WriteSuspectsCSV writes a line per image, in the order given.
func WriteSuspectsCSV(w io.Writer, suspects []Suspect) error {
	out := csv.NewWriter(w)
	head := []string{"rank", "index", "name", "given", "suggested", "score", "given_share", "suggested_share", "neighbors", "copies"}
	noisy := len(suspects) > 0 && suspects[0].Flipped != nil
	if noisy {
		head = append(head, "flipped")
	}
	out.Write(head) // Error tells below
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }
	for _, s := range suspects {
		record := []string{strconv.Itoa(s.Rank), strconv.FormatInt(s.Index, 10), s.Name, s.Given, s.Suggested,
			number(s.Score), number(s.GivenShare), number(s.SuggestedShare), list(s.Neighbors), list(s.Copies)}
		if noisy {
			record = append(record, strconv.FormatBool(*s.Flipped))
		}
		out.Write(record)
	}
	out.Flush()
	return out.Error()
}

// list is "index label similarity" for each, separated by semicolons.
func list(all []SuspectNeighbor) string {
	parts := make([]string, len(all))
	for i, n := range all {
		parts[i] = fmt.Sprintf("%d %s %.4f", n.Index, n.Label, n.Similarity)
	}
	return strings.Join(parts, "; ")
}
