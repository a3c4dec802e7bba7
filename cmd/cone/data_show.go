package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"cone/codec"
	"cone/data"
	"cone/picture"
	"cone/recipe"
	"cone/report"
	"cone/weights"
)

func newDataShow() *cobra.Command {
	var s settings
	var out, path string
	var rows, columns int
	c := &cobra.Command{
		Use:   "show RECIPE",
		Short: "Draw a contact sheet of augmented pictures",
		Long: `Draw a contact sheet (PNG) of what a recipe trains on: each row begins with a
picture as evaluation sees it, followed by the same picture as training sees
it in the first epochs; below mixed pictures stands what was mixed in. Look
before you train.`,
		Example: `  cone data show fashion-mnist-quick
  cone data show my.yaml --data photos --rows 12 --out sheet.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := recipe.Find(args[0])
			if err != nil {
				return err
			}
			if r, err = s.apply(withData(r, path)); err != nil {
				return err
			}
			if rows < 1 || columns < 1 || rows > 1000 || columns > 1000 {
				return usageError{errors.New("--rows and --columns must lie between 1 and 1000")}
			}
			sheet, err := contactSheet(c.Context(), r, rows, columns)
			if err != nil {
				return err
			}
			if err := weights.WriteFileAtomic(out, func(w io.Writer) error { return report.WriteSheet(w, sheet) }); err != nil {
				return err
			}
			evaluated := ""
			if len(sheet.Heads) > columns {
				evaluated = " as evaluated and"
			}
			_, err = fmt.Printf("%d pictures of %s, each%s %d times as trained on: %s\n", len(sheet.Rows), r.Data.Path, evaluated, columns, out)
			return err
		},
	}
	s.flags(c)
	c.Flags().StringVar(&path, "data", "", "read the images at this path instead of the recipe's")
	c.Flags().StringVar(&out, "out", "sheet.png", "the file to write")
	c.Flags().IntVar(&rows, "rows", 8, "pictures to show")
	c.Flags().IntVar(&columns, "columns", 8, "times to augment each")
	return c
}

// maxSheet bounds a contact sheet, in pixels, for memory's sake.
const maxSheet = 200_000_000

// contactSheet prepares pictures of a recipe's training images. They come in
// the order of the first epoch, which is mixed. Without a transform for
// evaluation that fits them, the column for that is left out.
func contactSheet(ctx context.Context, r recipe.Recipe, rows, columns int) (report.Sheet, error) {
	collection, err := data.Open(r.Data)
	if err != nil {
		return report.Sheet{}, err
	}
	defer collection.Close()
	all := collection.Train
	order := data.Order(r.Seed, 0, all.Len())
	order = order[:min(rows, len(order))]
	options := data.Options{
		Batch: len(order), Seed: r.Seed, Sampler: data.Visiting(order), Augment: r.Augment, Exact: r.Data.Exact,
		Codec:   codec.Options{Exif: r.Data.Exif, MaxPixels: r.Data.MaxPixels},
		Workers: r.Data.Workers, OnError: data.Fail,
	}
	trained, err := data.NewLoader(all, options)
	if err != nil {
		return report.Sheet{}, err
	}
	defer trained.Close()
	if size := trained.ImageSize(); len(order)*(columns+1) > maxSheet/(size.Height*size.Width) {
		return report.Sheet{}, fmt.Errorf("%d pictures of %v, %d times each, make too large a sheet: lower --rows or --columns", len(order), size, columns)
	}
	sheet := report.Sheet{Rows: make([]report.SheetRow, len(order))}
	for i, at := range order {
		sheet.Rows[i].Label = all.Classes()[all.Label(at)] + "  " + all.Name(at)
	}
	options.Augment, options.Exact = r.Evaluate.Transform, true
	// A training image may need what the test images do not, such as a resize.
	if evaluated, err := data.NewLoader(all, options); err == nil {
		defer evaluated.Close()
		if err := addColumn(ctx, &sheet, all.Classes(), evaluated, 0); err != nil {
			return report.Sheet{}, err
		}
		sheet.Heads = append(sheet.Heads, "evaluation")
	}
	for epoch := range columns {
		if err := addColumn(ctx, &sheet, all.Classes(), trained, epoch); err != nil {
			return report.Sheet{}, err
		}
		sheet.Heads = append(sheet.Heads, fmt.Sprintf("epoch %d", epoch+1))
	}
	return sheet, nil
}

// addColumn adds every picture as an epoch has it and, where pictures are
// mixed, of what.
func addColumn(ctx context.Context, sheet *report.Sheet, classes []string, l *data.Loader, number int) error {
	epoch, err := l.Epoch(ctx, number, 0)
	if err != nil {
		return err
	}
	defer epoch.Close()
	b, err := epoch.Next()
	if err != nil {
		return err
	}
	defer b.Release()
	size := picture.Size{Height: b.H, Width: b.W, Channels: b.C}
	for i := range b.N {
		row := &sheet.Rows[i]
		pixels := b.Images[i*size.Bytes() : (i+1)*size.Bytes()]
		row.Pictures = append(row.Pictures, picture.Image{Size: size, Pixels: slices.Clone(pixels)})
		if b.Partners == nil {
			continue
		}
		// The columns before, evaluation's, are not mixed.
		for len(row.Captions) < len(row.Pictures)-1 {
			row.Captions = append(row.Captions, "")
		}
		caption := ""
		if b.Shares[i] < 1 {
			caption = fmt.Sprintf("%.0f %% %s", 100*(1-b.Shares[i]), classes[b.Partners[i]])
		}
		row.Captions = append(row.Captions, caption)
	}
	return nil
}
