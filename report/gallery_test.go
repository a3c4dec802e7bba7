package report

import (
	"bytes"
	"image"
	"image/png"
	"regexp"
	"strings"
	"testing"
)

// A page asks for nothing, and whatever names hold stays text.
func TestGalleryIsOneHarmlessFile(t *testing.T) {
	var picture, page bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	evil := `"><script>alert(1)</script><img src=http://example.org/x>`
	g := NewGallery(&page, evil, evil)
	row := GalleryRow{
		Query: GalleryTile{Picture: picture.Bytes(), Title: evil, Name: evil, Text: evil},
		Tiles: []GalleryTile{
			{Picture: picture.Bytes(), Title: "coat", Agrees: true},
			{Picture: []byte("<svg onload=alert(1)>"), Title: "bag"},
		},
	}
	if err := g.Row(row); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, bad := range []string{"<script", "<img src=http", "svg"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]{0,40})`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[1], "data:image/png;base64,") {
			t.Errorf("the page asks for %s", m[1])
		}
	}
	for want, times := range map[string]int{"data:image/png": 2, "Content-Security-Policy": 1, `class="blank"`: 1, `class="yes"`: 1, `class="no"`: 1, "prefers-color-scheme: dark": 1, "</html>": 1} {
		if n := strings.Count(text, want); n != times {
			t.Errorf("%s is there %d times, not %d", want, n, times)
		}
	}
}
