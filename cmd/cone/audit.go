package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"cone/codec"
	"cone/data"
	"cone/index"
	"cone/infer"
	"cone/knn"
	"cone/picture"
	"cone/predict"
	"cone/recipe"
	"cone/report"
	"cone/train"
	"cone/weights"
)

// shownEvidence bounds the neighbours beside a picture of the gallery.
const shownEvidence = 8

// listedEvidence bounds the neighbours that lists tell; more may vote.
const listedEvidence = 20

// auditFlags are what cone audit is told.
type auditFlags struct {
	run, which, index string
	csv, html, sheet  string
	top, voters       int
	classifier        float64
	json              bool
	change            func(recipe.Recipe) (recipe.Recipe, error) // by --set
}

func newAudit() *cobra.Command {
	var s settings
	var e engineFlags
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit RUN",
		Short: "Rank training images whose neighbours contradict their label",
		Long: `Rank a run's training images by how much their nearest other training images
contradict their label, with the evidence, for people to review: nothing is
deleted or changed. An image never votes for itself, nor do exact copies of it.
Where the run's labels were made wrong on purpose (data.label_noise), it also
tells how many of them are found.`,
		Example: `  cone audit runs/mine
  cone audit runs/mine --top 100 --csv audit.csv --html audit.html
  cone audit runs/mine --classifier 0.5 -k 100`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if f.top < 1 || f.top > 100_000 {
				return usageError{errors.New("--top must lie between 1 and 100000")}
			}
			if f.voters < 0 {
				return usageError{errors.New("-k must be at least 1, or 0 for as many as suit the classes")}
			}
			if f.index != "" && f.classifier > 0 {
				return usageError{errors.New("--classifier needs the model to run, and --index spares that: give one of them")}
			}
			if !(f.classifier >= 0 && f.classifier <= 1) {
				return usageError{errors.New("--classifier must lie between 0 and 1")}
			}
			engine, err := train.NewEngine(e.device, e.threads)
			if err != nil {
				return err
			}
			checkpoint, err := train.FindCheckpoint(args[0], f.which)
			if err != nil {
				return err
			}
			defer checkpoint.Close()
			if checkpoint.Recipe, err = s.apply(checkpoint.Recipe); err != nil {
				return err
			}
			f.run = args[0]
			f.change = s.apply
			return f.audit(c.Context(), checkpoint, engine)
		},
	}
	s.flags(c)
	e.flags(c)
	c.Flags().StringVar(&f.which, "checkpoint", "last", "last, best, epoch-NNNN, or a file")
	c.Flags().StringVar(&f.index, "index", "", "take the embeddings from this index (default: index.cone in the run, if it is of these weights)")
	c.Flags().IntVarP(&f.voters, "neighbors", "k", 0, "how many neighbours vote (default: a fifth of a usual class, 10 to 200)")
	c.Flags().IntVar(&f.top, "top", 20, "images to show")
	c.Flags().StringVar(&f.csv, "csv", "", "write all training images, ranked, into this file")
	c.Flags().StringVar(&f.html, "html", "", "write a page that shows the top images beside their neighbours")
	c.Flags().StringVar(&f.sheet, "sheet", "", "draw the top images and their neighbours as PNG")
	c.Flags().Float64Var(&f.classifier, "classifier", 0, "weight of the classifier's own probabilities beside the vote, 0 to 1")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

// auditSummary is what an audit says beside its list.
type auditSummary struct {
	Checkpoint  string  `json:"checkpoint"`
	Images      int     `json:"images"`
	K           int     `json:"k"`
	Temperature float64 `json:"temperature"`
	// LeaveOneOut is the share of labels that the neighbours agree with.
	LeaveOneOut float64 `json:"leave_one_out"`
	// Outvoted is how many labels another class has more probability than.
	Outvoted int `json:"outvoted"`
	// Flipped labels are wrong on purpose, and Precision is their share among
	// as many top images.
	Flipped   int              `json:"flipped,omitempty"`
	Precision *float64         `json:"precision_at_flipped,omitempty"`
	Top       []report.Suspect `json:"top"`
}

func (f auditFlags) audit(ctx context.Context, c *train.Checkpoint, e train.Engine) error {
	r := c.Recipe.FinalStage()
	collection, err := data.Open(r.Data)
	if err != nil {
		return err
	}
	defer collection.Close()
	o := train.AuditOptions{K: f.voters, Temperature: r.Evaluate.KNN.Temperature, Classifier: f.classifier}
	if f.classifier > 0 && r.UsesKNN() {
		return errors.New("the model has no trained classifier: leave out --classifier")
	}
	if o.Embedded, err = f.embeddings(e, collection.Train); err != nil {
		return err
	}
	a, err := train.AuditLabels(ctx, c, e, collection, o)
	if err != nil {
		return err
	}
	all := suspects(a, collection)
	sum := auditSummary{Checkpoint: c.Path, Images: len(all), K: a.Near.K, Temperature: o.Temperature, LeaveOneOut: a.LeaveOneOut,
		Top: all[:min(f.top, len(all))]}
	for _, s := range a.Ranked {
		if s.Outvoted() {
			sum.Outvoted++
		}
	}
	for _, s := range all {
		if s.Flipped != nil && *s.Flipped {
			sum.Flipped++
		}
	}
	if sum.Flipped > 0 {
		p := knn.PrecisionAt(a.Ranked, sum.Flipped, func(row int) bool { return flipped(collection, a.Features.Indices[row]) })
		sum.Precision = &p
	}
	if f.csv != "" {
		if err := writeFile(f.csv, func(w io.Writer) error { return report.WriteSuspectsCSV(w, all) }); err != nil {
			return err
		}
	}
	if f.html != "" || f.sheet != "" {
		if err := f.show(ctx, r, collection, sum); err != nil {
			return err
		}
	}
	if f.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(sum)
	}
	return sum.print()
}

// embeddings are what an index has of the training images: the index that was
// named, which must serve, else the run's own if it does. Nil means that the
// images are to be embedded anew.
func (f auditFlags) embeddings(e train.Engine, s data.Source) (*train.Features, error) {
	if f.index != "" {
		return f.embedded(f.index, e, s)
	}
	path := indexOf(f.run)
	if _, err := os.Stat(path); err != nil || f.classifier > 0 {
		return nil, nil
	}
	features, err := f.embedded(path, e, s)
	if err != nil {
		fmt.Fprintf(os.Stderr, "cone: embedding the images anew, for %s\n", explain(err))
		return nil, nil
	}
	fmt.Fprintf(os.Stderr, "embeddings taken from %s\n", path)
	return features, nil
}

// embedded are the features of the training images as the index at path has them.
func (f auditFlags) embedded(path string, e train.Engine, s data.Source) (*train.Features, error) {
	var x *index.Index
	err := train.UseModel(f.run, train.Choice{Checkpoint: f.which, Change: f.change}, e, func(m *infer.Model) (err error) {
		x, err = predict.OpenIndex(path, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer x.Close()
	features := &train.Features{}
	for i := range x.Len() {
		if x.Added(i) {
			continue // no training image
		}
		features.Embeddings = append(features.Embeddings, x.Vector(i, nil)...)
		features.Labels, features.Indices = append(features.Labels, int64(x.Label(i))), append(features.Indices, int64(features.Len()))
	}
	if features.Len() != s.Len() {
		return nil, fmt.Errorf("%s has %d of %d training images: build it again with cone index build", path, features.Len(), s.Len())
	}
	for i, label := range features.Labels {
		if int(label) != s.Label(i) {
			return nil, fmt.Errorf("%s has another label for training image %d than the run's data: build it again with cone index build", path, i)
		}
	}
	return features, nil
}

func flipped(c *data.Collection, index int64) bool {
	n := c.Noise()
	return n != nil && n.Label(int(index)) != n.True(int(index))
}

// suspects are all audited images, with their evidence.
func suspects(a train.Audit, c *data.Collection) []report.Suspect {
	classes := c.Train.Classes()
	of := func(row int, similarity float32) report.SuspectNeighbor {
		index := a.Features.Indices[row]
		return report.SuspectNeighbor{Index: index, Name: c.Train.Name(int(index)), Label: classes[a.Features.Labels[row]], Similarity: similarity}
	}
	all := make([]report.Suspect, len(a.Ranked))
	for i, s := range a.Ranked {
		index := a.Features.Indices[s.Image]
		all[i] = report.Suspect{Rank: i + 1, Index: index, Name: c.Train.Name(int(index)),
			Given: classes[s.Given], Suggested: classes[s.Suggested], Score: s.Score, GivenShare: s.GivenShare, SuggestedShare: s.SuggestedShare}
		similarity, place := a.Near.Row(s.Image)
		for n, row := range place[:min(listedEvidence, len(place))] {
			all[i].Neighbors = append(all[i].Neighbors, of(int(row), similarity[n]))
		}
		for _, row := range a.Copies[s.Image] {
			all[i].Copies = append(all[i].Copies, of(row, 1))
		}
		if c.Noise() != nil {
			wrong := flipped(c, index)
			all[i].Flipped = &wrong
		}
	}
	return all
}

// show draws the top images beside their neighbours.
func (f auditFlags) show(ctx context.Context, r recipe.Recipe, c *data.Collection, sum auditSummary) error {
	if n, most := len(sum.Top), 2000; n > most {
		return fmt.Errorf("a page of %d images is too large: choose --top %d or less", n, most)
	}
	var indices []int
	for _, s := range sum.Top {
		indices = append(indices, int(s.Index))
		for _, n := range s.Neighbors[:min(shownEvidence, len(s.Neighbors))] {
			indices = append(indices, int(n.Index))
		}
	}
	images, err := shownPictures(ctx, r, c.Train, indices)
	if err != nil {
		return err
	}
	var sheet report.Sheet
	var pictures [][]picture.Image
	for _, s := range sum.Top {
		n := 1 + min(shownEvidence, len(s.Neighbors))
		pictures = append(pictures, images[:n])
		row := report.SheetRow{Label: fmt.Sprintf("%d. %s, or %s? %.3f, image %d", s.Rank, s.Given, s.Suggested, s.Score, s.Index),
			Pictures: images[:n], Captions: []string{s.Given}}
		for _, near := range s.Neighbors[:n-1] {
			row.Captions = append(row.Captions, near.Label)
		}
		sheet.Rows, images = append(sheet.Rows, row), images[n:]
	}
	if f.html != "" {
		if err := writeFile(f.html, func(w io.Writer) error { return sum.gallery(w, pictures) }); err != nil {
			return err
		}
	}
	if f.sheet != "" {
		return writeFile(f.sheet, func(w io.Writer) error { return report.WriteSheet(w, sheet) })
	}
	return nil
}

// gallery shows each label beside the evidence; pictures are those of each
// image, and of its first neighbours.
func (s auditSummary) gallery(w io.Writer, pictures [][]picture.Image) error {
	g := report.NewGallery(w, "Labels to review", s.sentence())
	for i, top := range s.Top {
		row := report.GalleryRow{Query: report.GalleryTile{
			Title: fmt.Sprintf("%d. given %s, suggested %s", top.Rank, top.Given, top.Suggested), Name: top.Name, Text: describeSuspect(top),
		}}
		for n, p := range pictures[i] {
			shown, err := predict.Thumbnail(p, auditThumbnail)
			if err != nil {
				return err
			}
			if n == 0 {
				row.Query.Picture = shown
				continue
			}
			near := top.Neighbors[n-1]
			row.Tiles = append(row.Tiles, report.GalleryTile{
				Picture: shown, Title: near.Label, Name: near.Name, Text: fmt.Sprintf("%.3f", near.Similarity), Agrees: near.Label == top.Given,
			})
		}
		if err := g.Row(row); err != nil {
			return err
		}
	}
	return g.Close()
}

// auditThumbnail is the longer side of the gallery's pictures, in pixels.
const auditThumbnail = 128

// describeSuspect is what else there is to say of a label.
func describeSuspect(s report.Suspect) string {
	text := fmt.Sprintf("score %.3f", s.Score)
	if s.Flipped != nil {
		text += map[bool]string{true: ", wrong on purpose", false: ", not changed"}[*s.Flipped]
	}
	for _, c := range s.Copies {
		text += fmt.Sprintf("; same picture: %d, %s", c.Index, c.Label)
	}
	return text
}

// shownPictures are images as evaluation sees them.
func shownPictures(ctx context.Context, r recipe.Recipe, s data.Source, indices []int) ([]picture.Image, error) {
	l, err := data.NewLoader(s, data.Options{
		Batch: min(256, len(indices)), Sampler: data.Visiting(indices), Augment: r.Evaluate.Transform, Exact: true,
		Codec: codec.Options{Exif: r.Data.Exif, MaxPixels: r.Data.MaxPixels}, Workers: r.Data.Workers, OnError: data.Fail,
	})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	epoch, err := l.Epoch(ctx, 0, 0)
	if err != nil {
		return nil, err
	}
	defer epoch.Close()
	var out []picture.Image
	for {
		b, err := epoch.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		size := picture.Size{Height: b.H, Width: b.W, Channels: b.C}
		for i := range b.N {
			out = append(out, picture.Image{Size: size, Pixels: slices.Clone(b.Images[i*size.Bytes() : (i+1)*size.Bytes()])})
		}
		b.Release()
	}
}

func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return weights.WriteFileAtomic(path, write)
}

// sentence sums up.
func (s auditSummary) sentence() string {
	text := fmt.Sprintf("The %d nearest others agree with %s %% of %d labels, and outvote %d.",
		s.K, percent(s.LeaveOneOut), s.Images, s.Outvoted)
	if s.Precision != nil {
		text += fmt.Sprintf(" %d labels are wrong on purpose: of as many at the top, %s %% are.", s.Flipped, percent(*s.Precision))
	}
	return text
}

func (s auditSummary) print() error {
	t := report.NewTable("rank", "image", "given", "suggested", "score", "nearest")
	for _, top := range s.Top {
		nearest := ""
		if len(top.Neighbors) > 0 {
			nearest = fmt.Sprintf("%s %.3f", top.Neighbors[0].Label, top.Neighbors[0].Similarity)
		}
		t.Row(top.Rank, top.Name, top.Given, top.Suggested, fmt.Sprintf("%.3f", top.Score), nearest)
	}
	if _, err := t.WriteTo(os.Stdout); err != nil {
		return err
	}
	_, err := fmt.Println("\n" + s.sentence())
	return err
}
