package data

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"cone/augment"
	"cone/codec"
	"cone/picture"
	"cone/recipe"
)

// Info says what a collection holds.
type Info struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	// Split says that the test part was held out of the training images.
	Split bool `json:"split"`
	// HeldOut is the number of training images that data.hold_out keeps from
	// training, and WrongLabels that of labels that data.label_noise made wrong.
	HeldOut     int        `json:"held_out,omitempty"`
	WrongLabels int        `json:"wrong_labels,omitempty"`
	Train       PartInfo   `json:"train"`
	Test        PartInfo   `json:"test"`
	Class       []ClassRow `json:"classes"`
}

// ClassRow is one class, and how many images of it there are.
type ClassRow struct {
	Name  string `json:"name"`
	Train int    `json:"train"`
	Test  int    `json:"test"`
}

// PartInfo is what the training or the test images are like.
type PartInfo struct {
	Images int `json:"images"`
	// Examined is how many of them were looked at, and Decoded says whether
	// they were decoded whole; else only their headers were read.
	Examined int  `json:"examined"`
	Decoded  bool `json:"decoded"`
	// Bytes is what the examined ones take, encoded.
	Bytes int64 `json:"bytes"`
	// Heights and Widths of the examined ones, in pixels.
	Heights Range `json:"heights"`
	Widths  Range `json:"widths"`
	// Formats counts the examined ones by format, such as JPEG.
	Formats map[string]int `json:"formats"`
	// Turned is how many of them their EXIF orientation turns.
	Turned int `json:"turned"`
	// Broken are those that cannot be read or decoded.
	Broken []Lost `json:"broken"`
}

// Range sums up numbers.
type Range struct {
	Min    int `json:"min"`
	Median int `json:"median"`
	Max    int `json:"max"`
}

// InspectOptions say how closely Inspect looks.
type InspectOptions struct {
	// All decodes every picture; without it, the headers of a sample are read.
	All bool
}

// inspected is the size of that sample.
const inspected = 1000

// Inspect opens a collection and looks at its pictures, on all cores.
func Inspect(ctx context.Context, d recipe.Data, o InspectOptions) (*Info, error) {
	c, err := Open(d)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	info := &Info{Path: d.Path, Format: c.Format, Split: c.Split}
	if c.Held != nil {
		info.HeldOut = c.Held.Len()
	}
	if noise := c.Noise(); noise != nil {
		info.WrongLabels = len(noise.Flipped())
	}
	for _, name := range c.Train.Classes() {
		info.Class = append(info.Class, ClassRow{Name: name})
	}
	for i := range c.Train.Len() {
		info.Class[c.Train.Label(i)].Train++
	}
	for i := range c.Test.Len() {
		info.Class[c.Test.Label(i)].Test++
	}
	options := codec.Options{Exif: d.Exif, MaxPixels: d.MaxPixels}
	if info.Train, err = inspectPart(ctx, c.Train, options, o.All); err != nil {
		return nil, err
	}
	info.Test, err = inspectPart(ctx, c.Test, options, o.All)
	return info, err
}

// seen is what was found out about one picture.
type seen struct {
	bytes         int
	height, width int
	format        string
	turned        bool
	fault         string
}

func inspectPart(ctx context.Context, s Source, o codec.Options, all bool) (PartInfo, error) {
	info := PartInfo{Images: s.Len(), Decoded: all, Formats: map[string]int{}, Broken: []Lost{}}
	indices := sample(s.Len(), all)
	found := make([]seen, len(indices))
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			decoder := codec.NewDecoder(o)
			defer decoder.Close()
			var buffer []byte
			var im picture.Image
			for at := w; at < len(indices) && ctx.Err() == nil; at += workers {
				found[at] = look(s, indices[at], decoder, &buffer, &im, all)
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return info, err
	}
	var heights, widths []int
	for at, f := range found {
		info.Examined++
		info.Bytes += int64(f.bytes)
		if f.fault != "" {
			info.Broken = append(info.Broken, Lost{Index: indices[at], Reason: f.fault})
			continue
		}
		info.Formats[f.format]++
		heights, widths = append(heights, f.height), append(widths, f.width)
		if f.turned {
			info.Turned++
		}
	}
	info.Heights, info.Widths = rangeOf(heights), rangeOf(widths)
	return info, nil
}

// sample is which images to look at: all, or a random sample, which is the
// same each time.
func sample(n int, all bool) []int {
	random := augment.NewStream(0)
	order := permutation(&random, n)
	if all {
		slices.Sort(order) // as the files lie
		return order
	}
	order = order[:min(n, inspected)]
	slices.Sort(order)
	return order
}

// look examines one picture.
func look(s Source, i int, decoder *codec.Decoder, buffer *[]byte, im *picture.Image, decode bool) seen {
	content, err := s.Read(i, buffer)
	if err != nil {
		return seen{fault: err.Error()}
	}
	if size := s.Size(); size.Known() {
		return seen{bytes: len(content), height: size.Height, width: size.Width, format: "pixels"}
	}
	file, err := decoder.Open(content)
	if err == nil && decode {
		err = file.Decode(im)
	}
	if err != nil {
		return seen{bytes: len(content), fault: s.Name(i) + " " + err.Error()}
	}
	header, shape := file.Header(), file.Shape()
	return seen{
		bytes: len(content), height: shape.Height, width: shape.Width,
		format: header.Format, turned: header.Orientation > 1,
	}
}

func rangeOf(values []int) Range {
	if len(values) == 0 {
		return Range{}
	}
	slices.Sort(values)
	return Range{values[0], values[len(values)/2], values[len(values)-1]}
}

// shownRows bounds what the table lists of classes and of broken pictures.
const shownRows = 20

// WriteTo writes the facts for people.
func (i *Info) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s, %d classes\n", i.Path, i.Format, len(i.Class))
	for _, part := range []struct {
		name string
		info PartInfo
	}{{"training", i.Train}, {"test", i.Test}} {
		p := part.info
		fmt.Fprintf(&text, "\n%s: %d images", part.name, p.Images)
		if i.Split && part.name == "test" {
			text.WriteString(", held out of the training images")
		}
		if part.name == "training" {
			i.writeChosen(&text)
		}
		text.WriteString("\n")
		how := "header read"
		if p.Decoded {
			how = "decoded"
		}
		fmt.Fprintf(&text, "  %s of %d: height %s, width %s pixels; %s", how, p.Examined, p.Heights, p.Widths, bytesOf(p.Bytes))
		if p.Examined > 0 && p.Examined < p.Images {
			fmt.Fprintf(&text, ", about %s in all", bytesOf(p.Bytes/int64(p.Examined)*int64(p.Images)))
		}
		text.WriteString("\n")
		fmt.Fprintf(&text, "  formats: %s\n", counted(p.Formats))
		if p.Turned > 0 {
			fmt.Fprintf(&text, "  turned by their EXIF orientation: %d\n", p.Turned)
		}
		if len(p.Broken) > 0 {
			fmt.Fprintf(&text, "  cannot be decoded: %d\n", len(p.Broken))
			for _, b := range p.Broken[:min(shownRows, len(p.Broken))] {
				fmt.Fprintf(&text, "    %s\n", b.Reason)
			}
			more(&text, len(p.Broken))
		}
	}
	if !i.Train.Decoded {
		text.WriteString("\nheaders do not show every broken file: --all decodes each picture\n")
	}
	i.writeClasses(&text)
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}

// writeChosen tells what the settings did to the training images.
func (i *Info) writeChosen(text *strings.Builder) {
	if i.HeldOut > 0 {
		fmt.Fprintf(text, ", %d more held out (data.hold_out)", i.HeldOut)
	}
	if i.WrongLabels > 0 {
		fmt.Fprintf(text, ", %d labels wrong on purpose (data.label_noise)", i.WrongLabels)
	}
}

// bytesOf is a number of bytes, for people.
func bytesOf(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}

func (i *Info) writeClasses(text *strings.Builder) {
	counts := make([]int, len(i.Class))
	width := 0
	for c, row := range i.Class {
		counts[c] = row.Train
		width = max(width, len(row.Name))
	}
	fmt.Fprintf(text, "\nclasses: %s training images each\n", rangeOf(counts))
	for _, row := range i.Class[:min(shownRows, len(i.Class))] {
		fmt.Fprintf(text, "  %-*s %8d training %8d test\n", min(width, 40), row.Name, row.Train, row.Test)
	}
	more(text, len(i.Class))
}

func more(text *strings.Builder, n int) {
	if n > shownRows {
		fmt.Fprintf(text, "    and %d more: --json lists them\n", n-shownRows)
	}
}

func (r Range) String() string {
	if r.Min == r.Max {
		return fmt.Sprint(r.Min)
	}
	return fmt.Sprintf("%d to %d (median %d)", r.Min, r.Max, r.Median)
}

// counted lists counts, the highest first.
func counted(counts map[string]int) string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, counts[name])
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
