package report

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
)

// Gallery writes pictures with their neighbours as one HTML file that asks for
// nothing else: thumbnails are data: URIs, and the page forbids requests and
// scripts.
type Gallery struct {
	out *bufio.Writer
	err error // the first
}

// GalleryTile is one picture of a gallery.
type GalleryTile struct {
	// Picture is a PNG or JPEG; empty leaves a blank.
	Picture []byte
	// Title is its class, Name where it comes from, Text what else there is to say.
	Title, Name, Text string
	// Agrees marks a neighbour that is of the class that was predicted.
	Agrees bool
}

// GalleryRow is a picture and its neighbours.
type GalleryRow struct {
	Query GalleryTile
	Tiles []GalleryTile
}

// NewGallery begins a page with a title and a sentence on what it shows.
func NewGallery(w io.Writer, title, about string) *Gallery {
	g := &Gallery{out: bufio.NewWriter(w)}
	g.execute("head", struct{ Title, About string }{title, about})
	return g
}

// Row adds a picture with its neighbours.
func (g *Gallery) Row(r GalleryRow) error {
	g.execute("row", r)
	return g.err
}

// Close ends the page.
func (g *Gallery) Close() error {
	g.execute("foot", nil)
	if g.err == nil {
		g.err = g.out.Flush()
	}
	return g.err
}

func (g *Gallery) execute(name string, values any) {
	if g.err == nil {
		g.err = galleryPage.ExecuteTemplate(g.out, name, values)
	}
}

// dataURI makes a picture part of the page. What is no PNG or JPEG becomes
// nothing, whatever an index's file may hold.
func dataURI(picture []byte) template.URL {
	kind := http.DetectContentType(picture)
	if kind != "image/png" && kind != "image/jpeg" {
		return ""
	}
	return template.URL(fmt.Sprintf("data:%s;base64,%s", kind, base64.StdEncoding.EncodeToString(picture)))
}

var galleryPage = template.Must(template.New("gallery").Funcs(template.FuncMap{"uri": dataURI}).Parse(`
{{define "head"}}<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark; --back: #fff; --text: #1b1b1b; --soft: #5a5a5a; --line: #d5d5d5; --yes: #17693a; --no: #a02c12 }
@media (prefers-color-scheme: dark) { :root { --back: #16181a; --text: #ececec; --soft: #a8a8a8; --line: #3a3d40; --yes: #74cf97; --no: #ff9b80 } }
body { margin: 0 auto; padding: 1rem; max-width: 80rem; background: var(--back); color: var(--text); font: 1rem/1.4 system-ui, sans-serif }
h1 { font-size: 1.3rem; margin: 0 0 .3rem }
p { margin: 0 0 1rem; color: var(--soft) }
section { border-top: 1px solid var(--line); padding: 1rem 0 }
section > figure { display: flex; gap: .8rem; align-items: center; margin: 0 0 .8rem }
ul { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: .8rem; margin: 0; padding: 0 }
figure { margin: 0; min-width: 0 }
img, .blank { display: block; width: 6rem; height: 6rem; object-fit: contain; background: var(--line); image-rendering: auto }
section > figure img, section > figure .blank { width: 8rem; height: 8rem; flex: none }
figcaption { min-width: 0; font-size: .85rem; overflow-wrap: anywhere }
figcaption b { display: block }
figcaption span { color: var(--soft); display: block }
.yes b { color: var(--yes) } .no b { color: var(--no) }
.yes b::before { content: "✓ " } .no b::before { content: "✗ " }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
<p>{{.About}}</p>
{{end}}
{{define "tile"}}{{with uri .Picture}}<img src="{{.}}" alt="">{{else}}<div class="blank"></div>{{end}}<figcaption><b>{{.Title}}</b>{{.Text}}<span>{{.Name}}</span></figcaption>{{end}}
{{define "row"}}<section>
<figure>{{template "tile" .Query}}</figure>
<ul>
{{range .Tiles}}<li><figure class="{{if .Agrees}}yes{{else}}no{{end}}">{{template "tile" .}}</figure></li>
{{end}}</ul>
</section>
{{end}}
{{define "foot"}}</body>
</html>
{{end}}`))
