package report

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"io"
	"strconv"
	"strings"

	"cone/picture"
)

// Suspect is a training image whose label is to be reviewed.
type Suspect struct {
	// Rank counts from 1, Index is the image's place among the training images.
	Rank  int    `json:"rank"`
	Index int64  `json:"index"`
	Name  string `json:"name"`
	// Given is its label, Suggested the class that its neighbours say, and
	// Score how much more probability that has, from −1 to 1.
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

// AuditGallery is what a page for reviewing labels shows.
type AuditGallery struct {
	Title, Summary string
	Suspects       []Suspect
	// Pictures are those of each suspect, and of its first neighbours.
	Pictures [][]picture.Image
}

// auditPage is one file without any request to elsewhere.
var auditPage = template.Must(template.New("audit").Parse(`<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{{.Title}}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root{color-scheme:light dark}
body{font:15px/1.4 sans-serif;margin:2em auto;max-width:75em;padding:0 1em}
section{display:flex;flex-wrap:wrap;gap:.6em;align-items:flex-start;border-top:1px solid #8888;padding:.8em 0}
figure{margin:0;width:6.5em;font-size:.8em;text-align:center;overflow-wrap:anywhere}
img{width:6em;height:6em;object-fit:contain;image-rendering:pixelated;background:#8883}
.subject{width:16em;text-align:left;font-size:.9em}
.against{color:#c22}.for{color:#283}
</style>
<h1>{{.Title}}</h1><p>{{.Summary}}</p>
{{range .Rows}}<section><figure class="subject"><img src="{{.Picture}}" alt="image {{.Index}}"><figcaption>{{.Rank}}. given <b>{{.Given}}</b>,
suggested <b>{{.Suggested}}</b>, score {{printf "%.3f" .Score}}{{with .Known}} ({{.}}){{end}}<br>{{.Name}}
{{range .Copies}}<br>same picture: {{.Index}}, {{.Label}}{{end}}</figcaption></figure>
{{range .Evidence}}<figure><img src="{{.Picture}}" alt="{{.Label}}"><figcaption class="{{.Side}}">{{.Label}}<br>{{printf "%.3f" .Similarity}}</figcaption></figure>
{{end}}</section>
{{end}}</html>
`))

type auditRow struct {
	Suspect
	Picture  template.URL
	Known    string
	Evidence []auditEvidence
}

type auditEvidence struct {
	SuspectNeighbor
	Picture template.URL
	Side    string
}

// Write writes the page.
func (g AuditGallery) Write(w io.Writer) error {
	rows := make([]auditRow, len(g.Suspects))
	for i, s := range g.Suspects {
		row := auditRow{Suspect: s}
		if s.Flipped != nil {
			row.Known = map[bool]string{true: "wrong on purpose", false: "not changed"}[*s.Flipped]
		}
		for at, p := range g.Pictures[i] {
			url, err := dataURL(p)
			if err != nil {
				return err
			}
			if at == 0 {
				row.Picture = url
				continue
			}
			n := s.Neighbors[at-1]
			side := "against"
			if n.Label == s.Given {
				side = "for"
			}
			row.Evidence = append(row.Evidence, auditEvidence{n, url, side})
		}
		rows[i] = row
	}
	return auditPage.Execute(w, struct {
		Title, Summary string
		Rows           []auditRow
	}{g.Title, g.Summary, rows})
}

// dataURL holds a picture as PNG.
func dataURL(p picture.Image) (template.URL, error) {
	im := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for y := range p.Height {
		for x := range p.Width {
			at := p.Pixels[(y*p.Width+x)*p.Channels:]
			c := color.RGBA{at[0], at[0], at[0], 255}
			if p.Channels == 3 {
				c.G, c.B = at[1], at[2]
			}
			im.SetRGBA(x, y, c)
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, im); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes())), nil
}
